/** Goes on for ever with one kind: what to do, how long to wait and what to say after each step of its reflector. */

import { assertNever } from "../../ir/assert.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { describeAbsent, describeFailed, describeRefusal } from "./failure.ts";
import { resourceOf } from "./kind.ts";
import type { Selection, WatchedKind } from "./kind.ts";
import type { Notice } from "./notice.ts";
import type { Reachability } from "./reachability.ts";
import type { Outcome, Reflector } from "./reflector.ts";
import { backOffMs, pause } from "./retry.ts";
import type { BackOff } from "./retry.ts";

/** absent: its CRD is not there. forbidden: credentials or RBAC. failing: the API server answers with errors. */
export type WaitReason = "unreachable" | "absent" | "forbidden" | "failing";

export type KindState =
  /** Neither a list nor a failure yet. */
  | { readonly phase: "starting" }
  /** A watch is open, or about to be opened again after an ordinary end. */
  | { readonly phase: "live" }
  /** What was there last stays there. */
  | { readonly phase: "waiting"; readonly reason: WaitReason; readonly message: string };

/** Why nothing has been read yet. */
export function describeWaiting({ reason, message }: Extract<KindState, { readonly phase: "waiting" }>): string {
  return reason === "unreachable" ? `the API server cannot be reached (${message})` : message;
}

export interface FollowTiming {
  readonly backOff: BackOff;
  /** The longest wait of the one kind that looks whether an API server that is away is back. */
  readonly probeMaxMs: number;
  /** The longest wait for a missing CRD. */
  readonly absentMaxMs: number;
  /** A failure shorter than this is not worth a line: an API server that starts answers 403, 404 and 429 for a moment, and a new CRD
   *  is "storage is (re)initializing" (429) first. */
  readonly sayAfterMs: number;
}

export interface FollowOptions {
  readonly kind: WatchedKind;
  readonly selection: Selection;
  readonly reflector: Reflector;
  /** How many objects the sink holds; undefined before the first list. */
  readonly held: () => number | undefined;
  readonly reachability: Reachability;
  readonly notice: Notice;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly random: () => number;
  readonly timing: FollowTiming;
  readonly onOutcome: (outcome: Outcome) => void;
  readonly onState: (state: KindState) => void;
}

interface Reaction {
  readonly delayMs: number;
  readonly state?: KindState;
  readonly say?: { readonly level: "info" | "warn"; readonly text: string };
}

/** Resolves after the signal aborts, and not before. */
export async function follow(options: FollowOptions): Promise<void> {
  const { kind, reflector, reachability, notice, log, signal, clock, random, timing, onState } = options;
  const resource = resourceOf(kind);
  /** In a row, without a list that came or a watch that went well. */
  let failures = 0;
  /** In a row, without a watch that went well. A list alone does not reset it, or a watch that always expires would list without end. */
  let relists = 0;
  let last: Outcome["kind"] = "listed";
  let failing: { readonly outcome: Outcome["kind"]; readonly since: number } | undefined;

  function react(outcome: Outcome): Reaction {
    switch (outcome.kind) {
      case "listed":
        failures = 0;
        return { delayMs: 0 };
      case "ended":
        if (outcome.how === "silent") log.warn(`the watch of ${resource} stayed open but silent; opening a new one`);
        else if (outcome.how === "quiet")
          log.debug(`the watch of ${resource} said nothing for a while; opening a new one`);
        else log.debug(`the watch of ${resource} was ${outcome.how}`);
        if (outcome.healthy) failures = relists = 0;
        // An ordinary end after a good time needs no wait.
        if (outcome.healthy && outcome.how !== "lost") return { delayMs: 0 };
        return { delayMs: backOffMs(++failures, timing.backOff, random()) };
      case "expired":
        log.debug(`the version of ${resource} is too old to go on from; listing all`);
        return { delayMs: backOffMs(relists++, timing.backOff, random()) };
      case "broken":
        log.error(`${outcome.message}; listing all ${resource} again`);
        return { delayMs: backOffMs(++relists, timing.backOff, random()) };
      case "unreachable":
        return reachability.down(outcome.message, reflector)
          ? waiting("unreachable", outcome.message, { ...timing.backOff, maxMs: timing.probeMaxMs })
          : waiting("unreachable", outcome.message);
      // A 404 says nothing about objects: an upgrade that does not serve the version for a while, or an API server that starts, gives
      // the same answer, and routes must not vanish for that. Nor for a CRD that is deleted, by mistake more often than not: the API
      // server deletes its objects one by one, which the reflector does not take for their users' wish (removals.ts).
      case "absent": {
        const text = describeAbsent(kind, options.held());
        const quiet = kind.optional === true && options.held() === undefined;
        const backOff = { ...timing.backOff, maxMs: timing.absentMaxMs };
        return { ...waiting("absent", text, backOff), say: { level: quiet ? "info" : "warn", text } };
      }
      case "refused": {
        const text = describeRefusal(outcome, kind, options.selection);
        return { ...waiting("forbidden", text), say: { level: "warn", text } };
      }
      case "failed": {
        const text = describeFailed(outcome, kind);
        const reaction = waiting("failing", text);
        const delayMs = Math.max(reaction.delayMs, outcome.retryAfterMs);
        return { ...reaction, delayMs, say: { level: "warn", text } };
      }
      default:
        return assertNever(outcome);
    }
  }

  function waiting(reason: WaitReason, message: string, backOff = timing.backOff): Reaction {
    failures += 1;
    return { delayMs: backOffMs(failures, backOff, random()), state: { phase: "waiting", reason, message } };
  }

  while (!signal.aborted) {
    const outcome = await reflector.step();
    if (signal.aborted) return;
    options.onOutcome(outcome);
    // It is back, if not quite: what was waited in its absence does not count against its start (503 for a moment).
    if (last === "unreachable" && outcome.kind !== "unreachable") failures = Math.min(failures, 2);
    last = outcome.kind;
    const { delayMs, state, say } = react(outcome);
    if (state !== undefined) onState(state);
    if (say === undefined) failing = undefined;
    else if (failing?.outcome !== outcome.kind) failing = { outcome: outcome.kind, since: clock.now() };
    if (say !== undefined && failing !== undefined && clock.now() - failing.since >= timing.sayAfterMs) {
      notice.say(say.level, say.text);
    }
    const wakes = outcome.kind === "unreachable" ? { onWake: reachability.onUp } : {};
    if (delayMs > 0) await pause(clock, delayMs, { signal, ...wakes });
  }
}
