import { parseArgs } from "node:util";
import { type Form, forms } from "./forms.ts";

export const sections = [
  "propagation",
  "compile",
  "files",
  "memory",
  "changes",
  "admission",
  "throughput",
  "start",
  "explain",
  "verdict",
] as const;
export type Section = (typeof sections)[number];

export const schemes = ["cleartext", "tls"] as const;
export type Scheme = (typeof schemes)[number];

export interface Options {
  readonly quick: boolean;
  readonly only: ReadonlySet<Section>;
  /** Mappings that are there, ascending. */
  readonly sizes: readonly number[];
  /** Where the routes stand: on one cleartext host, over many TLS hosts. */
  readonly schemes: ReadonlySet<Scheme>;
  /** Of hosts with many routes: which of the two are measured. */
  readonly forms: ReadonlySet<Form>;
  readonly repetitions: number;
  readonly tlsHosts: number;
  readonly changes: number;
  readonly jsonFile: string | undefined;
  /** Another bundle than the one that set-up built, for a before and after. */
  readonly bundle: string | undefined;
}

export class UsageError extends Error {}

export const usage = `npm run bench [-- OPTIONS]

  --quick              10 and 1,000 Mappings and few repetitions: some minutes, for a first look
  --only A,B           of ${sections.join(", ")}
  --sizes N,N          how many Mappings are there (default 10,1000,10000; the compile takes 100000 too)
  --schemes A,B        of cleartext (one host) and tls (many), where both are measured (default both)
  --forms list,tree    how Envoy finds routes, where there are many on a host (default both)
  --repetitions N      of each change of the propagation (default 25; 7 with --quick)
  --tls-hosts N        how many hosts the TLS form is spread over (default 100)
  --changes N          made under load (default 1000; 200 with --quick)
  --json FILE          writes the JSON there, not to standard output
  --bundle FILE        measures this nuncio.js (default dist/nuncio.js)

What the figures mean: docs/performance.md.`;

export function readOptions(args: readonly string[]): Options | "help" {
  const { values } = parse(args);
  if (values.help === true) return "help";
  const quick = values.quick === true;
  const number = (name: "repetitions" | "tls-hosts" | "changes", fallback: number) =>
    values[name] === undefined ? fallback : integer(name, values[name], 100_000);
  return {
    quick,
    only:
      values.only === undefined
        ? new Set(sections)
        : new Set(values.only.split(",").map((name) => oneOf("only", sections, name))),
    sizes:
      values.sizes === undefined
        ? quick
          ? [10, 1000]
          : [10, 1000, 10_000]
        : values.sizes
            .split(",")
            .map((size) => integer("sizes", size, 100_000))
            .sort((a, b) => a - b),
    schemes: new Set(
      values.schemes === undefined ? schemes : values.schemes.split(",").map((name) => oneOf("schemes", schemes, name)),
    ),
    forms: new Set(
      values.forms === undefined ? forms : values.forms.split(",").map((name) => oneOf("forms", forms, name)),
    ),
    repetitions: number("repetitions", quick ? 7 : 25),
    tlsHosts: number("tls-hosts", 100),
    changes: number("changes", quick ? 200 : 1000),
    jsonFile: values.json,
    bundle: values.bundle,
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: { type: "boolean" },
        only: { type: "string" },
        sizes: { type: "string" },
        schemes: { type: "string" },
        forms: { type: "string" },
        repetitions: { type: "string" },
        "tls-hosts": { type: "string" },
        changes: { type: "string" },
        json: { type: "string" },
        bundle: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function oneOf<T extends string>(option: string, choices: readonly T[], name: string): T {
  const found = choices.find((each) => each === name);
  if (found !== undefined) return found;
  throw new UsageError(`--${option}: there is no ${JSON.stringify(name)}; there are ${choices.join(", ")}`);
}

function integer(option: string, text: string, max: number): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= 1 && value <= max) return value;
  throw new UsageError(`--${option}: ${JSON.stringify(text)} is not a whole number from 1 to ${max}`);
}
