// The chart with `admission.certificates=cert-manager`, in a cluster with cert-manager: a bad Mapping is refused, certificates are
// renewed while the API server asks on, and what it did not trust meanwhile is counted. See docs/install.md.
import fs from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { Session } from "./bench/session.ts";
import { section } from "./bench/text-table.ts";
import { type Case, cases } from "./cert-manager/cases.ts";
import { type Outcome, runCase } from "./cert-manager/run.ts";
import { program } from "./demo/process.ts";

const usage = `npx node hack/cert-manager.ts [OPTIONS] [CASE...]

  --mount-delay SECONDS  from a new Secret to its files in a Pod (default 10; kubelet takes up to a minute and a half)

CASE is of
${cases.map(({ name, title }) => `  ${name.padEnd(22)} ${title}`).join("\n")}

Each is a cluster of its own, with cert-manager and the chart, and takes about half a minute. cert-manager is built from source the first
time, which takes Go and about 4 minutes.
Exit code 1 when something failed, or the API server did not trust the webhook where it should have. Ctrl-C ends it and leaves nothing.`;

class UsageError extends Error {}

interface Chosen {
  readonly chosen: readonly Case[];
  readonly mountDelayMs: number;
}

function readOptions(): Chosen | "help" {
  const options = { "mount-delay": { type: "string" }, help: { type: "boolean", short: "h" } } as const;
  const { values, positionals } = parseArgs({ options, allowPositionals: true });
  if (values.help === true) return "help";
  const unknown = positionals.filter((each) => !cases.some(({ name }) => name === each));
  if (unknown.length > 0) throw new UsageError(`there is no case ${unknown.join(", ")}`);
  const delay = values["mount-delay"] ?? "10";
  if (!/^\d{1,3}(\.\d+)?$/.test(delay))
    throw new UsageError(`--mount-delay ${JSON.stringify(delay)}: write a number of seconds, for example 60`);
  const chosen = positionals.length === 0 ? cases : cases.filter(({ name }) => positionals.includes(name));
  return { chosen, mountDelayMs: Number(delay) * 1000 };
}

/** With what was last seen by something that waited in vain. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message} (${textOf(error.cause)})`;
}

/** What is not as it should be. */
function faultsOf({ hasGap }: Case, { renewals }: Outcome): readonly string[] {
  const gaps = renewals.filter(({ unjudged }) => unjudged > 0);
  if (hasGap) return gaps.length > 0 ? [] : ["no gap was seen where there has to be one: the measure is worth nothing"];
  return gaps.map(({ what, unjudged, reason }) => `renewal of the ${what}: ${unjudged} not judged: ${reason}`);
}

function table(outcomes: readonly (readonly [Case, Outcome])[]): string {
  const head = ["case", "renewed", "in caBundle after ms", "served after ms", "asked", "not judged", "for ms"];
  const rows = outcomes.flatMap(([{ name }, { renewals }]) =>
    renewals.map(({ what, bundleMs, servedMs, asked, unjudged, gapMs }) => [
      ...[name, what, Math.round(bundleMs), servedMs === undefined ? "-" : Math.round(servedMs)],
      ...[asked, unjudged, Math.round(gapMs)],
    ]),
  );
  return `${section("Renewals, from the new Secret on", rows, head).join("\n")}\n`;
}

async function runAll(session: Session, { chosen, mountDelayMs }: Chosen): Promise<number> {
  const outcomes: (readonly [Case, Outcome])[] = [];
  let failed = 0;
  for (const which of chosen) {
    session.say(`${which.name}: starting etcd, kube-apiserver and cert-manager ...`);
    const directory = path.join(session.directory, which.name);
    fs.mkdirSync(directory);
    try {
      const outcome = await runCase(session, directory, which, { mountDelayMs });
      outcomes.push([which, outcome]);
      for (const fault of faultsOf(which, outcome)) {
        failed++;
        session.say(`${which.name}: FAILED: ${fault}`);
      }
      const [gap] = outcome.renewals.filter(({ reason }) => reason !== undefined);
      if (which.hasGap && gap !== undefined) session.say(`${which.name}: as expected, for a while: ${gap.reason}`);
    } catch (error) {
      if (session.isStopping) throw error;
      failed++;
      session.say(`${which.name}: FAILED: ${textOf(error)}`);
    }
  }
  process.stdout.write(table(outcomes));
  return failed === 0 ? 0 : 1;
}

async function main(): Promise<void> {
  const options = readOptions();
  if (options === "help") return void process.stdout.write(`${usage}\n`);
  if (!fs.existsSync(program)) throw new UsageError(`${program} is missing; run \`npm run setup\``);
  const session = new Session("cert-manager");
  try {
    process.exitCode = await runAll(session, options);
  } catch (error) {
    if (!session.isStopping) throw error;
  } finally {
    await session.close();
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError) && !String((error as { code?: unknown }).code).startsWith("ERR_PARSE_ARGS"))
    throw error;
  process.stderr.write(`${(error as Error).message}\n\n${usage}\n`);
  process.exitCode = 2;
}
