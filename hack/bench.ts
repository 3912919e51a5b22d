// `npm run bench`: how long changes take, what they cost, and what the gateway weighs, on this machine. See docs/performance.md.
import fs from "node:fs";
import path from "node:path";
import { ensureTestcluster } from "./testcluster/build.mjs";
import { type ClusterRows, describe, measureInCluster } from "./bench/cluster.ts";
import { type CompileRow, measureCompile, measureMixed, type MixedRow } from "./bench/compile.ts";
import { type FilesRow, measureFiles } from "./bench/files.ts";
import { defaultForm, formsFor } from "./bench/forms.ts";
import { type ExplainRow, measureExplain } from "./bench/explain.ts";
import { loadAverage, machine, versions } from "./bench/machine.ts";
import { fillers, frame, route, type Shape } from "./bench/objects.ts";
import { type Options, readOptions, type Section, usage, UsageError } from "./bench/options.ts";
import { type Report, table } from "./bench/report.ts";
import { Session } from "./bench/session.ts";
import { answeringPath, measureStart, type StartRow, writeManifests } from "./bench/start.ts";
import { rounded } from "./bench/statistics.ts";
import { measureThroughput, type ThroughputRow } from "./bench/throughput.ts";
import { measureVerdicts, verdictTable } from "./bench/verdict.ts";
import type { BackendMethods } from "./bench/backend.ts";
import { startChild } from "./bench/child.ts";
import { freePort } from "../test/cluster/loopback.ts";
import { root } from "./paths.mjs";

const cleartext: Shape = { scheme: "cleartext", hosts: 1 };
const inClusterOnly: readonly Section[] = ["propagation", "memory", "changes", "admission"];

/** A copy, so that a build that runs meanwhile does not change what is measured. */
function copyBundle(session: Session, { bundle }: Options): string {
  const given = path.resolve(bundle ?? path.join(root, "dist/nuncio.js"));
  if (!fs.existsSync(given)) throw new UsageError(`${given} is missing; run \`npm run setup\``);
  const copy = path.join(session.directory, "dist");
  fs.cpSync(path.dirname(given), copy, { recursive: true });
  fs.writeFileSync(path.join(session.directory, "package.json"), '{ "type": "module" }\n');
  return path.join(copy, path.basename(given));
}

async function whyNoCluster(): Promise<string | undefined> {
  try {
    await ensureTestcluster();
    return undefined;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "GoMissing") throw error;
    return error.message;
  }
}

/** One host for the sizes up to 10,000; over many hosts only where each has at least one route. */
function compileShapes({ tlsHosts, schemes }: Options, mappings: number): readonly Shape[] {
  // More on one host than any API server should hold: the many are spread over many.
  if (mappings > 20_000) return [{ scheme: "tls", hosts: 1000 }];
  const shapes: readonly Shape[] = [cleartext, { scheme: "tls", hosts: tlsHosts }];
  return shapes.filter(({ scheme, hosts }) => mappings >= hosts && schemes.has(scheme));
}

async function measureCompiles(session: Session, options: Options): Promise<CompileRow[]> {
  const rows: CompileRow[] = [];
  for (const mappings of options.sizes) {
    for (const shape of compileShapes(options, mappings)) {
      session.say(`compile: ${mappings} Mappings, ${describe(shape)}`);
      const repetitions = options.quick ? 10 : 50;
      for (const form of formsFor(shape, mappings, options.forms)) {
        rows.push(await session.scope((scope) => measureCompile(scope, shape, { mappings, form, repetitions })));
      }
    }
  }
  return rows;
}

async function measureMixes(session: Session, options: Options): Promise<MixedRow[]> {
  const rows: MixedRow[] = [];
  for (const resources of options.sizes.filter((size) => size >= 10_000 && size <= 20_000)) {
    session.say(`compile: ${resources} resources of every kind`);
    rows.push(await session.scope((scope) => measureMixed(scope, { resources, repetitions: options.quick ? 10 : 50 })));
  }
  return rows;
}

async function measureDirectories(session: Session, options: Options, bundle: string): Promise<FilesRow[]> {
  const rows: FilesRow[] = [];
  for (const files of options.sizes.filter((size) => size >= 1000 && size <= 20_000)) {
    session.say(`check and plan: ${files} files`);
    const directory = path.join(session.directory, `files-${files}`);
    rows.push(await measureFiles({ bundle, directory, files, repetitions: options.quick ? 3 : 7 }));
  }
  return rows;
}

async function measureDirectoryStarts(session: Session, options: Options, bundle: string): Promise<StartRow[]> {
  const rows: StartRow[] = [];
  for (const mappings of options.sizes.filter((size) => size >= 1000 && size <= 20_000)) {
    session.say(`start from a directory: ${mappings} Mappings`);
    await session.scope(async (scope) => {
      const config = path.join(session.directory, `start-${mappings}`);
      const listenerPort = await freePort();
      const backend = startChild<BackendMethods>(scope, "./backend.ts");
      const port = await backend.call("listen", "one");
      const answering = route(cleartext, { name: "answering", prefix: answeringPath, port });
      const manifests = [...(await frame(cleartext, listenerPort)), ...fillers(cleartext, 0, mappings - 1), answering];
      writeManifests(config, manifests);
      const form = defaultForm(cleartext, mappings);
      const gateway = { bundle, directory: session.directory, source: { config }, form };
      const repetitions = options.quick ? 2 : 5;
      rows.push(
        await measureStart(session, { shape: cleartext, mappings, listenerPort, options: gateway, repetitions }),
      );
    });
  }
  return rows;
}

async function measureThroughputs(session: Session, options: Options, bundle: string): Promise<ThroughputRow[]> {
  const rows: ThroughputRow[] = [];
  for (const mappings of options.sizes.filter((size) => size <= 20_000)) {
    session.say(`throughput: ${mappings} Mappings`);
    for (const form of formsFor(cleartext, mappings, options.forms)) {
      const directory = path.join(session.directory, `t${mappings}-${form}`);
      fs.mkdirSync(directory);
      const turns = options.quick ? 2 : 6;
      const turnSeconds = options.quick ? 2 : 3;
      const measured = { bundle, directory, mappings, form, turns, turnSeconds };
      rows.push(await session.scope((scope) => measureThroughput(scope, measured)));
    }
  }
  return rows;
}

async function measure(session: Session, options: Options): Promise<Report> {
  const date = new Date().toISOString();
  const startedMs = performance.now();
  const start = loadAverage();
  const bundle = copyBundle(session, options);
  const found = versions(bundle);
  const wants = (section: Section) => options.only.has(section);
  const compile = wants("compile") ? await measureCompiles(session, options) : [];
  const mixed = wants("compile") ? await measureMixes(session, options) : [];
  const files = wants("files") ? await measureDirectories(session, options, bundle) : [];
  const explain: ExplainRow[] = [];
  for (const mappings of wants("explain") ? options.sizes : []) {
    session.say(`explain: ${mappings} Mappings`);
    explain.push(await measureExplain(mappings, options.quick ? 20 : 100));
  }
  const throughput = wants("throughput") ? await measureThroughputs(session, options, bundle) : [];
  const directoryStarts = wants("start") ? await measureDirectoryStarts(session, options, bundle) : [];
  const verdict = wants("verdict") ? await measureVerdicts(session, options.quick) : [];
  const skipped: Report["skipped"][number][] = [];
  let rows: ClusterRows | undefined;
  const ofCluster = [...inClusterOnly, "start" as const].filter(wants);
  if (ofCluster.length > 0) {
    const reason = await whyNoCluster();
    // A cluster of 100,000 Mappings is no test of the gateway but of etcd.
    const sizes = options.sizes.filter((size) => size <= 20_000);
    if (reason === undefined) rows = await measureInCluster(session, { ...options, sizes, bundleFile: bundle });
    else skipped.push(...ofCluster.map((section) => ({ section, reason: `no cluster here: ${reason}` })));
  }
  return {
    format: 1,
    date,
    seconds: rounded((performance.now() - startedMs) / 1000),
    quick: options.quick,
    machine: machine(),
    versions: { ...found, kubernetes: rows?.kubernetes ?? null },
    loadAverage: { start, end: loadAverage() },
    skipped,
    propagation: rows?.propagation ?? [],
    burst: rows?.burst ?? [],
    compile,
    mixed,
    files,
    memory: rows?.memory ?? [],
    changes: rows?.changes ?? [],
    admission: rows?.admission ?? [],
    explain,
    throughput,
    start: [...directoryStarts, ...(rows?.start ?? [])],
    loading: rows?.loading ?? [],
    verdict,
  };
}

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(`${usage}\n`);
    return 0;
  }
  const session = new Session();
  try {
    const report = await measure(session, options);
    const text = `${JSON.stringify(report, undefined, 2)}\n`;
    process.stderr.write(`\n${table(report)}${verdictTable(report.verdict)}`);
    if (options.jsonFile === undefined) process.stdout.write(text);
    else fs.writeFileSync(options.jsonFile, text);
    return 0;
  } catch (error) {
    if (session.isStopping) return await new Promise<never>(() => undefined);
    throw error;
  } finally {
    if (!session.isStopping) await session.close();
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`bench: ${error.message}\n`);
  process.exitCode = 2;
}
