/** Whether objects go because somebody deletes them, or because their CRD is deleted and takes all of them with it. */

import type { Api } from "./api.ts";
import { readText } from "./api.ts";
import { failureOf } from "./failure.ts";
import type { Failure } from "./failure.ts";
import { apiVersionOf } from "./kind.ts";
import type { WatchedKind } from "./kind.ts";
import { parseJson, readVerbs } from "./raw.ts";
import type { WatchEvent } from "./raw.ts";

/** kubectl and the API server name built-in groups so; everything else with a dot is a CRD's. */
export function isOfCrd({ group }: Pick<WatchedKind, "group">): boolean {
  return group.includes(".") && !group.endsWith(".k8s.io");
}

/** False when the CRD is gone, or is on its way: then the API server takes no new objects of it, and its discovery says so before the
 *  first object is deleted (30 to 60 ms before, API server 1.36). Everybody who is logged in may read that, and nobody the CRD.
 *  Source: k8s.io/apiextensions-apiserver pkg/apiserver/customresource_discovery_controller.go */
export async function takesObjects(
  api: Api,
  kind: WatchedKind,
  options: { readonly signal: AbortSignal; readonly answerWithinMs: number },
): Promise<boolean | Failure> {
  const response = await api.get(`/apis/${apiVersionOf(kind)}`, options);
  const body = await readText(response);
  const status = response.statusCode ?? 0;
  if (status === 200) return readVerbs(parseJson(body), kind.plural).includes("create");
  if (status === 404) return false;
  // A cluster that hides its discovery: then a deletion is a deletion.
  if (status === 403) return true;
  return failureOf("list", { status, retryAfter: response.headers["retry-after"], body });
}

export interface RemovalGate<Stop> {
  /** Undefined to go on. What is found out later is given to `stop`. */
  pass(event: WatchEvent, stop: (end: Stop) => void): Stop | undefined;
  /** Forgets what waits: the next watch is told of it again. */
  close(): void;
}

/** Lets events through in their order. A removal, and what comes after it, waits for `mayRemove`: undefined lets them all through,
 *  anything else is the end. */
export function removalGate<Stop>({
  apply,
  mayRemove,
}: {
  readonly apply: (event: WatchEvent) => Stop | undefined;
  readonly mayRemove: () => Promise<Stop | undefined>;
}): RemovalGate<Stop> {
  let waiting: WatchEvent[] | undefined;
  let closed = false;

  async function decide(stop: (end: Stop) => void): Promise<void> {
    const end = await mayRemove();
    if (closed) return;
    const events = waiting ?? [];
    waiting = undefined;
    if (end !== undefined) return stop(end);
    for (const event of events) {
      const failed = apply(event);
      if (failed !== undefined) return stop(failed);
    }
  }

  return {
    pass(event, stop) {
      if (waiting !== undefined) waiting.push(event);
      else if (event.type !== "remove") return apply(event);
      else {
        waiting = [event];
        void decide(stop);
      }
      return undefined;
    },
    close: () => void (closed = true),
  };
}
