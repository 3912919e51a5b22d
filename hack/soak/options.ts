import { parseArgs } from "node:util";

/** What the harness itself can lose on purpose, so that the verdict can be seen to fail. */
export const leaks = ["objects", "connections", "requests"] as const;
export type Leak = (typeof leaks)[number];

export interface Options {
  readonly minutes: number;
  /** Ends after so many cycles, whatever the time. */
  readonly cycles: number;
  /** A cycle takes at least so long, so that the machine has time for other things. */
  readonly cycleMs: number;
  /** In an API server, not in files. */
  readonly cluster: boolean;
  readonly jsonFile: string | undefined;
  readonly leak: ReadonlySet<Leak>;
  /** Of `nuncio.js`; undefined: the one that set-up built. */
  readonly bundle: string | undefined;
}

export class UsageError extends Error {}

export const usage = `npm run soak [-- OPTIONS]

Runs a gateway for a long time, with requests and changes all the time, and says whether anything grows. Ctrl-C ends it with
a verdict of what was until then. Exit code: 0 nothing grew and no request was lost; 1 something did; 2 wrong options.

  --minutes N       default 60
  --cycles N        ends after so many cycles of changes, if that is earlier
  --cycle-seconds N the least that a cycle takes (default 6)
  --cluster         against a Kubernetes API server of its own, not a directory of manifests
  --json FILE       writes figures and verdict there, not to standard output
  --bundle FILE     runs this nuncio.js (default dist/nuncio.js)
  --leak A,B        loses of ${leaks.join(", ")} some in each cycle on purpose, to see the verdict fail

What the figures mean: docs/soak.md.`;

export function readOptions(args: readonly string[]): Options | "help" {
  const values = parse(args);
  if (values.help === true) return "help";
  return {
    minutes: number("minutes", values.minutes, 60),
    cycles: number("cycles", values.cycles, Infinity),
    cycleMs: 1000 * number("cycle-seconds", values["cycle-seconds"], 6),
    cluster: values.cluster === true,
    jsonFile: values.json,
    leak: new Set(values.leak?.split(",").map(leakOf)),
    bundle: values.bundle,
  };
}

function parse(args: readonly string[]) {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        minutes: { type: "string" },
        cycles: { type: "string" },
        "cycle-seconds": { type: "string" },
        cluster: { type: "boolean" },
        json: { type: "string" },
        bundle: { type: "string" },
        leak: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
    return values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function number(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = /^\d{1,6}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 0) return value;
  throw new UsageError(
    `--${option}: ${JSON.stringify(text)} is no number; write one from 0 up, for example ${fallback}`,
  );
}

function leakOf(text: string): Leak {
  const found = leaks.find((each) => each === text);
  if (found !== undefined) return found;
  throw new UsageError(`--leak: there is no ${JSON.stringify(text)}; there are ${leaks.join(", ")}`);
}
