// `npm run faults`: what goes wrong in a cluster, one thing after the other and under load, and what it costs. See docs/reliability.md.
import fs from "node:fs";
import { parseArgs } from "node:util";
import { loadAverage, machine } from "./bench/machine.ts";
import { section } from "./bench/text-table.ts";
import { faults } from "./faults/all.ts";
import { type Fault, type Form, type Outcome, runFault } from "./faults/fault.ts";
import { type Ground, prepareGround } from "./faults/ground.ts";

const usage = `npm run faults [-- [OPTIONS] [NAME...]]

  --short      as in npm test: seconds instead of a minute
  --json FILE  writes the JSON there, not to standard output

NAME is of ${faults.map(({ name }) => name).join(", ")}.
Exit code 1 when a request was lost, or a fault could not be made to happen.
What each one does, and what is lost: docs/reliability.md.`;

interface Failed {
  readonly fault: string;
  readonly error: string;
}

const say = (line: string) => process.stderr.write(`faults: ${line}\n`);

/** The ground that faults share, until one of them fails and leaves it in doubt. */
class SharedGround {
  #ground: Ground | undefined;

  async get(): Promise<Ground> {
    return (this.#ground ??= await prepareGround());
  }

  async drop(): Promise<void> {
    await this.#ground?.stop();
    this.#ground = undefined;
  }
}

async function runOne(shared: SharedGround, fault: Fault, form: Form): Promise<Outcome> {
  const { alone } = fault;
  if (alone === undefined) return await runFault(await shared.get(), fault, form);
  try {
    const ground = await prepareGround(alone.options());
    try {
      return await runFault(ground, fault, form);
    } finally {
      await ground.stop();
    }
  } finally {
    alone.tidy();
  }
}

async function runAll(chosen: readonly Fault[], form: Form): Promise<(Outcome | Failed)[]> {
  const shared = new SharedGround();
  const outcomes: (Outcome | Failed)[] = [];
  try {
    for (const fault of chosen) {
      say(`${fault.name} ...`);
      try {
        const outcome = await runOne(shared, fault, form);
        outcomes.push(outcome);
        say(`${fault.name}: ${outcome.requests} requests, ${outcome.lost.length} lost; ${outcome.happened}`);
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        say(`${fault.name}: ${text}`);
        outcomes.push({ fault: fault.name, error: text.split("\n")[0] ?? "" });
        await shared.drop();
      }
    }
  } finally {
    await shared.drop();
  }
  return outcomes;
}

function table(outcomes: readonly (Outcome | Failed)[]): string {
  const head = ["fault", "requests", "lost", "excused", "slowest ms", "lands after ms", "it happened"];
  const rows = outcomes.map((each) =>
    "error" in each
      ? [each.fault, "-", "-", "-", "-", "-", `FAILED: ${each.error}`]
      : [
          ...[each.fault, each.requests, each.lost.length, each.excused, each.slowestMs, each.landsAfterMs],
          each.happened,
        ],
  );
  return `${section("Faults under load", rows, head).join("\n")}\n`;
}

async function main(): Promise<number> {
  const options = {
    short: { type: "boolean" },
    json: { type: "string" },
    help: { type: "boolean", short: "h" },
  } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  const unknown = positionals.filter((name) => !faults.some((fault) => fault.name === name));
  if (values.help === true || unknown.length > 0) {
    if (unknown.length > 0) say(`there is no fault ${unknown.join(", ")}`);
    process.stdout.write(`${usage}\n`);
    return unknown.length > 0 ? 2 : 0;
  }
  const chosen = positionals.length === 0 ? faults : faults.filter(({ name }) => positionals.includes(name));
  const form = values.short === true ? "short" : "long";
  const start = loadAverage();
  const outcomes = await runAll(chosen, form);
  const report = {
    ...{ format: 1, date: new Date().toISOString(), form, machine: machine() },
    ...{ loadAverage: { start, end: loadAverage() }, outcomes },
  };
  const text = `${JSON.stringify(report, undefined, 2)}\n`;
  process.stderr.write(table(outcomes));
  if (values.json === undefined) process.stdout.write(text);
  else fs.writeFileSync(values.json, text);
  return outcomes.every((each) => !("error" in each) && each.lost.length === 0) ? 0 : 1;
}

process.exitCode = await main();
