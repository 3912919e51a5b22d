// `npm run soak`: a gateway for a long time, with requests and changes all the time, and a verdict whether anything grows.
import fs from "node:fs";
import path from "node:path";
import { loadAverage, machine, versions } from "./bench/machine.ts";
import { envoyPath, root } from "./paths.mjs";
import { readOptions, usage, UsageError } from "./soak/options.ts";
import { type Report, reportText } from "./soak/report.ts";
import { run } from "./soak/run.ts";
import { judge } from "./soak/verdict.ts";

const say = (line: string) => process.stderr.write(`soak: ${line}\n`);

/** Ends it with a verdict, after the change that is under way. */
function stopSignal(): AbortSignal {
  const stopped = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (stopped.signal.aborted) return;
      say(`${signal}: ending, with a verdict of what was until now ...`);
      stopped.abort();
    });
  }
  return stopped.signal;
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const bundle = path.resolve(options.bundle ?? path.join(root, "dist/nuncio.js"));
  for (const needed of [bundle, envoyPath]) {
    if (!fs.existsSync(needed)) throw new UsageError(`${needed} is missing; run \`npm run setup\``);
  }
  const startedAt = new Date().toISOString();
  const { outcome, ...ran } = await run({ ...options, bundle, signal: stopSignal(), say });
  const verdict = judge(outcome);
  const report: Report = {
    startedAt,
    machine: machine(),
    versions: versions(bundle),
    loadAverage: loadAverage(),
    ...ran,
    outcome,
    verdict,
  };
  const text = reportText(report);
  const json = `${JSON.stringify(report)}\n`;
  if (options.jsonFile === undefined) process.stdout.write(json);
  else fs.writeFileSync(options.jsonFile, json);
  process.stderr.write(text);
  return verdict.reasons.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`soak: ${error.message}\n\n${usage}\n`);
  process.exitCode = 2;
}
