/**
 * Contents that the Envoy which judges did not get over. One that hangs every Envoy looks like any other on a machine without
 * CPU or memory, so none of them is found guilty: they are asked about again, with growing pauses.
 */
import type { FreeContent, Verdict } from "../../ir/free-content.ts";
import { harnessOf } from "../../xds/resources/harness.ts";
import type { Clock } from "../clock.ts";

const FIRST_PAUSE_MS = 60_000;
const LONGEST_PAUSE_MS = 3_600_000;
const MOST = 1000;

export interface UndecidedContents {
  verdictOf(content: FreeContent): Verdict | undefined;
  /** Envoy did not get over it. */
  put(content: FreeContent, reason: string): void;
  decided(content: FreeContent): void;
  /** How long it is not to be asked about; 0 or less: it may be now. */
  pauseMs(content: FreeContent): number;
}

interface Entry {
  readonly verdict: Verdict;
  readonly pauseMs: number;
  readonly againMs: number;
}

export function undecidedContents(clock: Pick<Clock, "now">): UndecidedContents {
  const entries = new Map<string, Entry>();
  const nameOf = (content: FreeContent) => harnessOf(content).resource.name;
  const find = (content: FreeContent) => (entries.size === 0 ? undefined : entries.get(nameOf(content)));
  return {
    verdictOf: (content) => find(content)?.verdict,
    put(content, reason) {
      const before = find(content);
      const now = clock.now();
      // Several who asked at once have one answer.
      if (before !== undefined && before.againMs > now) return;
      const pauseMs = before === undefined ? FIRST_PAUSE_MS : Math.min(LONGEST_PAUSE_MS, 2 * before.pauseMs);
      const name = nameOf(content);
      entries.delete(name);
      entries.set(name, { verdict: { kind: "undecided", reason }, pauseMs, againMs: now + pauseMs });
      const [oldest] = entries.keys();
      if (entries.size > MOST && oldest !== undefined) entries.delete(oldest);
    },
    decided(content) {
      if (entries.size > 0) entries.delete(nameOf(content));
    },
    pauseMs: (content) => (find(content)?.againMs ?? -Infinity) - clock.now(),
  };
}
