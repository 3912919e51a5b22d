/** Keeps the certificates of the admission process, and the API server's trust in them, as they should be. */
import type { Clock } from "../clock.ts";
import { sleep } from "../clock.ts";
import { errorText } from "../fatal.ts";
import type { Log } from "../log.ts";
import {
  type Authority,
  isSpent,
  makeAuthority,
  makePair,
  needsAuthority,
  needsPair,
  readAuthority,
  trustingToo,
  writeAuthority,
} from "./authority.ts";
import type { KeyPair } from "./key-pair.ts";
import { at, isFields, type Kube, refusalOf } from "./kube.ts";
import { type Address, convertHere, type KnownCrds, type Outcome, trustWebhooks } from "./trust.ts";

export interface CaretakerOptions {
  readonly kube: Kube;
  /** Of the webhook configurations. */
  readonly name: string;
  /** The process's own. */
  readonly namespace: string;
  readonly secretName: string;
  readonly address: Address;
  /** CRDs to be converted here; empty: none. */
  readonly crds: readonly string[];
  readonly mutates: boolean;
  readonly now: () => Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface Caretaker {
  /** What is to be served now: the same object as long as that is good. Rejects where the authority cannot be had. */
  certificate(): Promise<KeyPair>;
  /** Has the API server ask and trust this process, where it does not. */
  trust(): Promise<void>;
}

/** Another replica may write the Secret at the same moment; who loses reads what the winner wrote. */
const MOST_CONFLICTS = 5;

export function createCaretaker(options: CaretakerOptions): Caretaker {
  const { kube, name, namespace, secretName, address, crds, mutates, now, log, signal } = options;
  const secrets = `/api/v1/namespaces/${namespace}/secrets`;
  const secret = `${namespace}/${secretName}`;
  const said = new Set<string>();
  const failures = new Set<string>();
  let pair: KeyPair | undefined;
  /** Of the pair. */
  let issuer: Authority | undefined;
  let current: Authority | undefined;
  let known: KnownCrds = new Map();
  let knownFor = "";
  let trusted = "";

  async function authority(): Promise<Authority> {
    for (let attempt = 0; attempt < MOST_CONFLICTS; attempt++) {
      const found = await kube({ method: "GET", path: `${secrets}/${secretName}`, signal });
      if (found.status !== 200 && found.status !== 404) throw new Error(refusalOf(found));
      const data = at(found.body, "data");
      const held = found.status === 200 && isFields(data) ? readAuthority(data as Record<string, string>) : undefined;
      const good = held !== undefined && !needsAuthority(held, now()) ? held : await makeAuthority(now(), held);
      // The Secret may have been lost or replaced, while this process serves by what was in it.
      const wanted = trustingToo(good, issuer, now());
      if (wanted === held) return held;
      const isWritten = await write(wanted, found.status === 200 ? found.body : undefined);
      if (isWritten && good !== held) log.info("made a new certificate authority", { secret });
      if (isWritten) return wanted;
    }
    throw new Error(`the Secret ${secret} is changed by others all the time`);
  }

  /** False when somebody else was first. */
  async function write(made: Authority, before: unknown): Promise<boolean> {
    const metadata =
      before === undefined
        ? { name: secretName, namespace, labels: { "app.kubernetes.io/part-of": "nuncio" } }
        : {
            name: secretName,
            namespace,
            labels: at(before, "metadata", "labels"),
            resourceVersion: at(before, "metadata", "resourceVersion"),
          };
    const body = { apiVersion: "v1", kind: "Secret", type: "kubernetes.io/tls", metadata, data: writeAuthority(made) };
    const answer =
      before === undefined
        ? await kube({ method: "POST", path: secrets, body, signal })
        : await kube({ method: "PUT", path: `${secrets}/${secretName}`, body, signal });
    if (answer.status === 409) return false;
    if (answer.status !== 200 && answer.status !== 201) throw new Error(refusalOf(answer));
    return true;
  }

  function tell(outcome: Outcome): void {
    if (outcome.kind === "done") {
      for (const each of outcome.changed) log.info(`the API server trusts this process now: ${each}`);
      return;
    }
    const before = outcome.kind === "left" ? said : failures;
    if (before.has(outcome.reason)) return;
    before.add(outcome.reason);
    if (outcome.kind === "left") log.info(`left as it is: ${outcome.reason}`);
    else log.warn(`the API server's trust in this process could not be set; it is tried again: ${outcome.reason}`);
  }

  return {
    async certificate() {
      current = await authority();
      // A new authority is served only when whoever asks has been told to trust it, in an earlier round; meanwhile the pair is
      // renewed by the one before it.
      const isTrusted = bundleOf(current) === trusted;
      if (issuer === undefined || isTrusted || isSpent(issuer, now())) issuer = current;
      if (pair === undefined || needsPair(pair, issuer, now())) pair = await makePair(issuer, hostsOf(address), now());
      return pair;
    },

    async trust() {
      if (current === undefined) return;
      const caBundle = bundleOf(current);
      if (caBundle !== knownFor) [known, knownFor] = [new Map(), caBundle];
      const context = { kube, address, caBundle, signal };
      const outcomes = [await trustWebhooks(context, "validatingwebhookconfigurations", name)];
      if (mutates) outcomes.push(await trustWebhooks(context, "mutatingwebhookconfigurations", name));
      if (crds.length > 0) outcomes.push(...(await convertHere(context, crds, known)));
      for (const outcome of outcomes) tell(outcome);
      if (outcomes.some(({ kind }) => kind === "failed")) return;
      trusted = caBundle;
      failures.clear();
    },
  };
}

function bundleOf({ bundlePem }: Authority): string {
  return Buffer.from(bundlePem).toString("base64");
}

function hostsOf(address: Address): readonly string[] {
  if (address.kind === "url") return [new URL(address.url).hostname.replace(/^\[|\]$/g, "")];
  const service = `${address.name}.${address.namespace}`;
  return [`${service}.svc`, `${service}.svc.cluster.local`, service];
}

export interface KeepOptions {
  readonly caretaker: Caretaker;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** Its failure is fatal. */
  readonly onChange: (pair: KeyPair) => void | Promise<void>;
}

/** Looks again and again until the signal. A failure is said once and leaves everything as it is. */
export async function keepLooking({ caretaker, everyMs, clock, log, signal, onChange }: KeepOptions): Promise<void> {
  let served: KeyPair | undefined;
  let said = "";
  const attempt = async (action: () => Promise<void>): Promise<boolean> => {
    try {
      await action();
      return true;
    } catch (error) {
      const reason = errorText(error);
      if (!signal.aborted && reason !== said) log.warn(`certificates could not be looked after: ${reason}`);
      said = reason;
      return false;
    }
  };
  while (!signal.aborted) {
    let pair = served;
    const isMade = await attempt(async () => {
      pair = await caretaker.certificate();
    });
    if (pair !== undefined && pair !== served) await onChange(pair);
    served = pair;
    // Nobody is led here before somebody answers.
    if (isMade && (await attempt(() => caretaker.trust()))) said = "";
    await sleep(clock, everyMs, signal);
  }
}
