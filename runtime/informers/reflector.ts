/** One kind's two requests: a complete list, and a watch from the version that is known.
 *
 *  Why not client-node's informer (`ListWatch` and `Watch` of 1.4.0, read and tried):
 *  - A relist gives single events and no "this is all of it", and every object is kept whole, managedFields included.
 *  - `Watch` swallows what a callback throws together with broken JSON (watch.js, "ignore parse errors") and drops the body of an error
 *    answer (which verb RBAC lacks) and Retry-After. ERROR events other than 410 are ignored.
 *  - It calls done on the body's `close`, while its line reader may still hold lines: a new watch starts beside the old one's events.
 *  - No bookmarks (each kind but the busiest must relist when the API server restarts), no timeoutSeconds and no guard (a watch that
 *    stays open but silent is never noticed), no pages, a TLS handshake per request, and after any error it stops.
 *  What is left after mending these is its KubeConfig, which we use. */

import type { IncomingMessage } from "node:http";
import type { Clock } from "../clock.ts";
import { errorText } from "../fatal.ts";
import type { Log } from "../log.ts";
import { readLines, readText } from "./api.ts";
import type { Api, StreamEnd } from "./api.ts";
import { describeKept, failureOf, shorten, statusFailure } from "./failure.ts";
import type { Failure, Verb } from "./failure.ts";
import { pathOf, resourceOf } from "./kind.ts";
import type { Selection, WatchedKind } from "./kind.ts";
import { describeBug } from "./mirror.ts";
import type { Draft, Mirror } from "./mirror.ts";
import { parseJson, readEvent, readList } from "./raw.ts";
import type { RawList, WatchEvent } from "./raw.ts";
import { isOfCrd, removalGate, takesObjects } from "./removals.ts";
import { isOlder } from "./version.ts";

export interface ReflectorTiming {
  /** Objects per page of a list. */
  readonly pageSize: number;
  /** How long the API server is asked to keep a watch, give or take a tenth. Whole seconds. */
  readonly watchMs: number;
  /** How much longer a watch may be open before it counts as forgotten by whatever lies between. */
  readonly watchGraceMs: number;
  /** A watch that says nothing for so long is opened anew: the API server sends a bookmark each minute, so nobody may be there. */
  readonly quietMs: number;
  /** How long to wait for an answer, or for more of one. The API server itself gives up after 60 s. */
  readonly answerWithinMs: number;
  /** A watch that lasted this long was a good one, events or not. */
  readonly healthyAfterMs: number;
  /** How long objects that went with their CRD are kept once it is back, for those who put them back. */
  readonly keepAfterCrdMs: number;
}

export interface ReflectorOptions {
  readonly kind: WatchedKind;
  readonly selection: Selection;
  readonly api: Api;
  readonly mirror: Mirror;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timing: ReflectorTiming;
  /** The API server answered, be it with an error. */
  readonly onAnswer: () => void;
  /** A watch is open. */
  readonly onLive: () => void;
}

export type Outcome =
  | { readonly kind: "listed" }
  /** A watch ended without a word of failure. */
  | { readonly kind: "ended"; readonly how: StreamEnd; readonly healthy: boolean }
  /** What we got, or what we did with it, makes no sense: only a new list helps. */
  | { readonly kind: "broken"; readonly message: string }
  | Failure;

export interface Reflector {
  /** The next thing to do: a list as long as there is no version to watch from, otherwise a watch until it ends. */
  step(): Promise<Outcome>;
}

export function createReflector(options: ReflectorOptions): Reflector {
  const { kind, selection, api, mirror, log, signal, clock, random, timing } = options;
  const resource = resourceOf(kind);
  /** To watch from; undefined when only a list can tell where we are. */
  let version: string | undefined;
  /** The last one ever seen. */
  let lastVersion: string | undefined;
  /** The version is a list's of this moment. */
  let fresh = false;
  let paged = true;
  /** The CRD went, and nothing was listed since. */
  let crdIsGone = false;
  /** Until then objects stay that went with it. */
  let keepUntilMs: number | undefined;

  async function get(
    verb: Verb,
    query: Readonly<Record<string, string>>,
  ): Promise<{ readonly response: IncomingMessage } | { readonly failure: Failure }> {
    const { answerWithinMs } = timing;
    const response = await api.get(pathOf(kind, selection, query), { signal, answerWithinMs });
    options.onAnswer();
    if (response.statusCode === 200) return { response };
    const retryAfter = response.headers["retry-after"];
    const body = await readText(response);
    return { failure: failureOf(verb, { status: response.statusCode ?? 0, retryAfter, body }) };
  }

  async function getPage(query: Readonly<Record<string, string>>): Promise<RawList | Failure> {
    const got = await get("list", query);
    if ("failure" in got) return got.failure;
    const page = readList(parseJson(await readText(got.response)), kind);
    return page ?? statusFailure("list", 200, "its body is no list of objects");
  }

  async function list(): Promise<Outcome> {
    const limit: Readonly<Record<string, string>> = paged ? { limit: String(timing.pageSize) } : {};
    let next = "";
    let draft: Draft | undefined;
    let listVersion = "";
    do {
      const page = await getPage(next === "" ? limit : { ...limit, continue: next });
      if ("kind" in page) {
        // Too slow for the pages: their version was compacted away. One answer has no such limit.
        paged = !(page.kind === "expired" && next !== "");
        return page;
      }
      if (draft === undefined) {
        listVersion = page.resourceVersion;
        // After a restore of etcd the same version may mean another content.
        draft = mirror.draft({ reuse: lastVersion !== undefined && !isOlder(listVersion, lastVersion) });
      }
      for (const object of page.objects) draft.add(object);
      next = page.next;
    } while (next !== "");
    if (signal.aborted) return { kind: "listed" };
    const missing = draft.missing();
    const doubt = missing > 0 ? await mayRemove() : undefined;
    if (doubt !== undefined || signal.aborted) return doubt ?? { kind: "listed" };
    // Nobody of those who were there has survived: the CRD was away in fact, and not just from an API server that started.
    if (crdIsGone && missing > 0 && draft.survivors() === 0) {
      keepUntilMs = clock.now() + timing.keepAfterCrdMs;
      log.warn(describeKept(kind, missing, timing.keepAfterCrdMs));
    }
    crdIsGone = false;
    const keepMissing = missing > 0 && keepUntilMs !== undefined && clock.now() < keepUntilMs;
    if (!keepMissing) keepUntilMs = undefined;
    try {
      draft.commit({ keepMissing });
    } catch (error) {
      return broken(`taking in all ${resource} failed with ${describeBug(error)}`);
    }
    version = lastVersion = listVersion;
    fresh = paged = true;
    log.debug(`listed ${resource}`, { objects: mirror.size(), resourceVersion: version });
    return { kind: "listed" };
  }

  /** Undefined, or why not: objects are not to go with their CRD, which somebody may have deleted by mistake. */
  async function mayRemove(): Promise<Outcome | undefined> {
    if (!isOfCrd(kind)) return undefined;
    try {
      const takes = await takesObjects(api, kind, { signal, answerWithinMs: timing.answerWithinMs });
      if (typeof takes !== "boolean") return takes;
      return takes ? undefined : { kind: "absent" };
    } catch (error) {
      return unreachable(error);
    }
  }

  function unreachable(error: unknown): Outcome {
    return { kind: "unreachable", message: shorten(errorText(error)) };
  }

  /** A watch from a version that the API server has not reached yet is accepted, and silent until it has (1.36, tried): after a restore
   *  of etcd we would miss everything. A list of one object tells the version of now. */
  async function checkHistory(from: string): Promise<Failure | "rewound" | "ok"> {
    const page = await getPage({ limit: "1" });
    if ("kind" in page) return page;
    return isOlder(page.resourceVersion, from) ? "rewound" : "ok";
  }

  async function watch(from: string): Promise<Outcome> {
    if (!fresh) {
      const checked = await checkHistory(from);
      if (checked === "rewound") log.warn(`the API server's history of ${resource} went back (was etcd restored?)`);
      if (checked === "rewound") return expired();
      if (checked !== "ok") return checked;
    }
    fresh = false;
    // Not all replicas and kinds at the same moment.
    const watchMs = Math.min(timing.watchMs * (0.9 + 0.2 * random()), (keepUntilMs ?? Infinity) - clock.now());
    const seconds = Math.max(1, Math.round(watchMs / 1000));
    const got = await get("watch", {
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: from,
      timeoutSeconds: String(seconds),
    });
    if ("failure" in got) return got.failure.kind === "expired" ? expired() : got.failure;
    got.response.setTimeout(0);
    options.onLive();
    log.debug(`watching ${resource}`, { resourceVersion: from });
    const openedAt = clock.now();
    let events = 0;
    const gate = removalGate<Outcome>({ apply, mayRemove });
    const end = await readLines<Outcome>(got.response, {
      setTimer: clock.setTimer,
      quietMs: timing.quietMs,
      endWithinMs: seconds * 1000 + timing.watchGraceMs,
      onLine: (line, stop) => {
        events += 1;
        const event = readEvent(line, kind);
        if (event === undefined) return broken(`a line in the watch of ${resource} is no event`);
        return isOfCrd(kind) ? gate.pass(event, stop) : apply(event);
      },
    });
    gate.close();
    if (typeof end !== "string") return end;
    return { kind: "ended", how: end, healthy: events > 0 || clock.now() - openedAt >= timing.healthyAfterMs };
  }

  /** Undefined to go on. */
  function apply(event: WatchEvent): Outcome | undefined {
    if (signal.aborted) return { kind: "ended", how: "closed", healthy: true };
    if (event.type === "error") {
      // Anything but "too many requests" puts the events in between in doubt.
      if (event.status.code !== 429) version = undefined;
      return statusFailure("watch", event.status.code, shorten(event.status.message));
    }
    if (event.type === "bookmark") {
      version = lastVersion = event.resourceVersion;
      return undefined;
    }
    try {
      if (event.type === "put") mirror.put(event.object);
      else mirror.remove(event.object);
    } catch (error) {
      return broken(`taking in ${kind.kind} ${event.object.metadata.name} failed with ${describeBug(error)}`);
    }
    version = lastVersion = event.object.metadata.resourceVersion;
    return undefined;
  }

  function expired(): Outcome {
    version = undefined;
    return { kind: "expired" };
  }

  function broken(message: string): Outcome {
    return { kind: "broken", message };
  }

  return {
    async step() {
      let outcome: Outcome;
      try {
        if (keepUntilMs !== undefined && clock.now() >= keepUntilMs) version = undefined;
        outcome = version === undefined ? await list() : await watch(version);
      } catch (error) {
        outcome = unreachable(error);
      }
      if (outcome.kind === "absent" && mirror.size() > 0) crdIsGone = true;
      // A 404 or 410 for a watch, or an ERROR event in it, leaves nothing to go on from.
      if (outcome.kind === "expired" || outcome.kind === "absent" || outcome.kind === "broken") version = undefined;
      return outcome;
    },
  };
}
