import type { XdsResource, XdsType } from "../snapshot.ts";
import type { Flight } from "./ledger.ts";
import { judge, showable } from "./nack.ts";
import type { Draft } from "./stream.ts";

/** Sends a response; `awaited` makes the transition wait for its answer. */
export function send(draft: Draft, type: XdsType, flight: Flight, awaited: boolean): void {
  const nonce = String(draft.nextNonce++);
  draft.ledgers[type].sent(nonce, flight);
  draft.effects.push({ kind: "send", type, nonce, upserts: flight.upserts, removed: flight.removed });
  if (awaited) draft.awaited = new Map(draft.awaited).set(nonce, type);
}

/** Envoy's answer to a response: `error` undefined acknowledges it. */
export function settleNonce(draft: Draft, type: XdsType, nonce: string, error: string | undefined): void {
  const flight = draft.ledgers[type].land(nonce);
  if (flight === undefined) return;
  const awaited = draft.awaited.has(nonce);
  if (awaited) {
    const left = new Map(draft.awaited);
    left.delete(nonce);
    draft.awaited = left;
  }
  if (error === undefined) draft.ledgers[type].accepted(flight.upserts, flight.removed);
  else refuse(draft, type, flight, { message: error, awaited });
}

function refuse(
  draft: Draft,
  type: XdsType,
  flight: Flight,
  { message, awaited }: { readonly message: string; readonly awaited: boolean },
): void {
  const ledger = draft.ledgers[type];
  const verdict = judge(flight.upserts, message);
  ledger.accepted(verdict.accepted, flight.removed);
  for (const { resource, message: reason } of verdict.refused) {
    draft.effects.push({ kind: "nack", type, ...ledger.refuse(resource, showable(reason)) });
  }
  undo(
    draft,
    type,
    verdict.refused.map((culprit) => culprit.resource),
  );
  if (verdict.retry.length === 0) return;
  draft.effects.push({ kind: "bisect", type, names: flight.upserts.length, message: showable(message) });
  // A response refused as a whole removed nothing. First, as in Envoy: a new listener may need the address of a removed one.
  if (flight.removed.length > 0) send(draft, type, { upserts: [], removed: flight.removed }, awaited);
  for (const part of verdict.retry) {
    const upserts = part.filter((resource) => ledger.isLatest(resource));
    if (upserts.length > 0) send(draft, type, { upserts, removed: [] }, awaited);
  }
}

/** Envoy 1.40 leaves a cluster behind as warming if only its load balancer is refused (ring hash sizes, for one), and while
 *  anything is warming it answers no cluster response. Its last good version, or its removal, takes it out of there. An extension
 *  that it has refused passes for known when it comes again, unless another version has come meanwhile, be it the one it has. */
function undo(draft: Draft, type: XdsType, resources: readonly XdsResource[]): void {
  if (type !== "cluster" && type !== "extension") return;
  const { upserts, removed } = draft.ledgers[type].undoing(resources);
  const flight = { upserts, removed: type === "cluster" ? removed : [] };
  if (flight.upserts.length > 0 || flight.removed.length > 0) send(draft, type, flight, false);
}
