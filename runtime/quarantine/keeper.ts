/** Keeps the last good forms of objects in quarantine in the cluster: every replica reads them, the elected one writes. */
import type { KubeConfig } from "@kubernetes/client-node";
import { type Quarantined } from "../../compile/last-good.ts";
import type { Remembered } from "../../compile/record.ts";
import { sameElements } from "../../ir/memo.ts";
import { formatObject, type Problem } from "../../ir/problem.ts";
import { createKube, type Kube, refusalOf } from "../admission/kube.ts";
import { type Clock, sleep } from "../clock.ts";
import { errorText } from "../fatal.ts";
import { startInformers } from "../informers.ts";
import { describeWaiting } from "../informers/follow.ts";
import type { WatchedKind } from "../informers/kind.ts";
import type { RawObject } from "../informers/raw.ts";
import type { Log } from "../log.ts";
import { type Room, selectFor, usualRoom } from "./room.ts";
import { type KeptSecret, readSecret, secretOf, secretType, type Writing } from "./secret.ts";
import { writingsFor } from "./writings.ts";

/** Of several replicas one writes. */
export interface Election {
  elected(): boolean;
  onChange(listener: () => void): void;
}

export interface KeeperOptions {
  readonly kubeConfig: KubeConfig;
  /** The gateway's. */
  readonly namespace: string;
  readonly ambassadorId: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly today: () => Date;
  readonly signal: AbortSignal;
  /** All that is kept, before `read` resolves and at every change. */
  readonly onRead: (known: readonly Remembered[]) => void;
  readonly onWaiting: (reason: string) => void;
  readonly timing?: { readonly pauseMs: number; readonly retryMs: number };
  readonly room?: Room;
}

export interface Keeper {
  /** Resolves when what was kept is known, or may not be read. */
  readonly read: Promise<void>;
  /** What is in quarantine now, and what is wrong with it: other Secrets go. */
  keep(quarantined: readonly Quarantined[], problems: readonly Problem[]): void;
  /** Before this nothing is written. */
  electedBy(election: Election): void;
}

/** Pause: an object that goes bad and good again all the time is written this often at most. */
const usualTiming = { pauseMs: 500, retryMs: 5000 };

/** The Secrets in which last good forms are kept. */
export const keptKind: WatchedKind = {
  kind: "Secret",
  group: "",
  version: "v1",
  plural: "secrets",
  namespaced: true,
  fieldSelector: `type=${secretType}`,
  // Without the right to read Secrets there are none to read, and the gateway serves all the same.
  optional: true,
};

export function keepLastGood(options: KeeperOptions): Keeper {
  const { kubeConfig, namespace, ambassadorId, log, clock, signal, timing = usualTiming, room = usualRoom } = options;
  const kube = createKube(kubeConfig);
  const stored = new Map<string, KeptSecret>();
  const unreadable = new Set<string>();
  const tooLarge = new Set<string>();
  const writingsOf = writingsFor(ambassadorId);
  /** Undefined before the first judgement: then nothing is known to be mended. */
  let wanted: ReadonlyMap<string, Writing> | undefined;
  let keptLast: readonly Quarantined[] = [];
  let election: Election | undefined;
  let isSynced = false;
  let running = false;
  let lastSaid = "";
  let leftLast = 0;

  const read = new Promise<void>((resolve) => {
    startInformers<KeptSecret>({
      kubeConfig,
      kinds: [{ ...keptKind, namespace }],
      log,
      signal,
      parse: (raw) => readSecret(ambassadorId, raw),
      sink: {
        replace(_, secrets) {
          stored.clear();
          for (const secret of secrets) stored.set(secret.name, secret);
          changed();
        },
        put(_, secret) {
          stored.set(secret.name, secret);
          changed();
        },
        remove(_, { name }) {
          stored.delete(name);
          changed();
        },
      },
      onSynced() {
        isSynced = true;
        options.onRead(remembered());
        resolve();
      },
      onState(_, state) {
        if (!isSynced && state.phase === "waiting") options.onWaiting(describeWaiting(state));
      },
    });
  });

  function remembered(): readonly Remembered[] {
    for (const { name, isOurs, remembered: known } of stored.values()) {
      if (!isOurs || known !== undefined || unreadable.has(name)) continue;
      unreadable.add(name);
      log.warn(`the Secret ${namespace}/${name} cannot be read: the object that it is about has no last good form`);
    }
    return [...stored.values()].flatMap((secret) => secret.remembered ?? []);
  }

  function changed(): void {
    if (!isSynced) return;
    options.onRead(remembered());
    review();
  }

  function due(): readonly (() => Promise<string | undefined>)[] {
    if (wanted === undefined || !isSynced || election?.elected() !== true) return [];
    const now = wanted;
    const writes = [...now]
      .filter(([name, { digest }]) => stored.get(name)?.digest !== digest && !tooLarge.has(digest))
      .map(
        ([name, writing]) =>
          () =>
            write(name, writing),
      );
    const gone = [...stored.values()]
      .filter(({ name, isOurs }) => isOurs && !now.has(name))
      .map(
        ({ name }) =>
          () =>
            remove(name),
      );
    return [...writes, ...gone];
  }

  function tellLeft(left: readonly Writing[]): void {
    const [first] = left;
    if (left.length === leftLast) return;
    leftLast = left.length;
    if (first === undefined) log.info("the last good forms of all objects in quarantine are kept again");
    else
      log.warn(
        `of ${left.length} objects in quarantine the last good form is not kept, and a restart would lose it: ` +
          `there is room for ${room.secrets} of them and ${room.bytes >> 20} MiB; the first is the ${formatObject(first.record.object)}`,
      );
  }

  /** @returns why it could not be done */
  async function write(name: string, writing: Writing): Promise<string | undefined> {
    const { record, digest } = writing;
    const body = secretOf(ambassadorId, namespace, writing, options.today());
    if (body === undefined) {
      tooLarge.add(digest);
      log.warn(
        `the last good form of the ${formatObject(record.object)} is too large to be kept: it is lost when the gateway restarts`,
      );
      return undefined;
    }
    const path = pathOf(namespace);
    const one = `${path}/${name}`;
    const isKnown = stored.has(name);
    const answer = isKnown
      ? await kube({ method: "PATCH", path: one, body, signal })
      : await kube({ method: "POST", path, body, signal });
    // Written by a replica that was elected before, or removed by hand.
    if (!isKnown && answer.status === 409) return failureOf(await kube({ method: "PATCH", path: one, body, signal }));
    if (isKnown && answer.status === 404) stored.delete(name);
    const failure = isKnown && answer.status === 404 ? undefined : failureOf(answer);
    if (failure === undefined && answer.status !== 404) {
      stored.set(name, readSecret(ambassadorId, body as unknown as RawObject));
      log.info(`kept the last good form of the ${formatObject(record.object)}`, { secret: `${namespace}/${name}` });
    }
    return failure;
  }

  async function remove(name: string): Promise<string | undefined> {
    const answer = await kube({ method: "DELETE", path: `${pathOf(namespace)}/${name}`, signal });
    const failure = answer.status === 404 ? undefined : failureOf(answer);
    if (failure === undefined) stored.delete(name);
    return failure;
  }

  async function run(): Promise<void> {
    running = true;
    for (let now = due(); now.length > 0 && !signal.aborted; now = due()) {
      const failure = await firstFailure(now);
      if (signal.aborted) break;
      const text = `what is in quarantine cannot be kept: ${failure}; a restart would lose its last good form`;
      if (failure !== undefined && text !== lastSaid) log.warn(text);
      lastSaid = failure === undefined ? "" : text;
      await sleep(clock, failure === undefined ? timing.pauseMs : timing.retryMs, signal);
    }
    running = false;
  }

  async function firstFailure(steps: readonly (() => Promise<string | undefined>)[]): Promise<string | undefined> {
    try {
      for (const step of steps) {
        const failure = signal.aborted ? undefined : await step();
        // What fails for one, a right that lacks or a server that is away, mostly fails for all.
        if (failure !== undefined) return failure;
      }
      return undefined;
    } catch (error) {
      return errorText(error);
    }
  }

  function review(): void {
    if (!running && due().length > 0) void run();
  }

  return {
    read,
    electedBy(chosen) {
      election = chosen;
      chosen.onChange(review);
      review();
    },
    keep(quarantined, problems) {
      // With thousands of good objects and some bad ones, a compile is no reason to write these down anew.
      if (wanted !== undefined && isSame(quarantined, keptLast)) return;
      keptLast = quarantined;
      const { kept, left } = selectFor(room, writingsOf(quarantined, problems), (name) => stored.has(name));
      wanted = kept;
      tellLeft(left);
      review();
    },
  };
}

function isSame(a: readonly Quarantined[], b: readonly Quarantined[]): boolean {
  return (
    a.length === b.length &&
    a.every(({ object, serving, refusals }, index) => {
      const other = b[index];
      return object === other?.object && serving === other.serving && sameElements(refusals, other.refusals);
    })
  );
}

function pathOf(namespace: string): string {
  return `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
}

function failureOf(answer: Awaited<ReturnType<Kube>>): string | undefined {
  return answer.status >= 200 && answer.status < 300 ? undefined : refusalOf(answer);
}
