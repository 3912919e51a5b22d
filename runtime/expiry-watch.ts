import { expiryProblems, nextExpiryMs } from "../compile/expiry.ts";
import type { Problem } from "../ir/problem.ts";
import type { CertificateUse } from "../sources/getambassador/certificate-uses.ts";
import type { Clock } from "./clock.ts";

export interface ExpiryWatch {
  /** What is said of these certificates now; later changes are told by `onChange`. */
  judge(certificates: readonly CertificateUse[]): readonly Problem[];
}

/** Timers do not count the time that a machine sleeps. */
const AT_MOST_MS = 60 * 60 * 1000;

/** Tells of certificates that expire while nothing else happens. */
export function expiryWatch(options: {
  /** Milliseconds since 1970. */
  readonly wallClock: () => number;
  readonly clock: Clock;
  readonly onChange: (problems: readonly Problem[]) => void;
}): ExpiryWatch {
  const { wallClock, clock, onChange } = options;
  let current: readonly CertificateUse[] = [];
  let cancel: (() => void) | undefined;
  const judgeNow = (): readonly Problem[] => {
    const nowMs = wallClock();
    cancel?.();
    const next = nextExpiryMs(current, nowMs);
    cancel =
      next === Infinity
        ? undefined
        : clock.setTimer(Math.min(AT_MOST_MS, next - nowMs + 1), () => onChange(judgeNow()));
    return expiryProblems(current, nowMs);
  };
  return {
    judge(certificates) {
      current = certificates;
      return judgeNow();
    },
  };
}
