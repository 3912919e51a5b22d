/** How long it takes to say why a request goes where it goes, once the configuration is compiled. */
import { compile } from "../../compile/compile.ts";
import { explain } from "../../insight/explain.ts";
import type { Request } from "../../insight/match/match.ts";
import { loadAverage } from "./machine.ts";
import { fillers, frame } from "./objects.ts";
import { compileSettings, storeOf } from "./resources.ts";
import { type Distribution, distribution, rounded } from "./statistics.ts";

export interface ExplainRow {
  readonly mappings: number;
  readonly loadAverage: readonly number[];
  /** Milliseconds of the first explanation in the process, for which nothing is remembered. */
  readonly firstMs: number;
  /** Of those that follow: a request for the route that is tried last, and one that no route takes. */
  readonly lastRoute: Distribution;
  readonly noRoute: Distribution;
}

const cleartext = { scheme: "cleartext", hosts: 1 } as const;

export async function measureExplain(mappings: number, repetitions: number): Promise<ExplainRow> {
  const manifests = [...(await frame(cleartext, 8080)), ...fillers(cleartext, 0, mappings)];
  const compiled = compile(storeOf(manifests).resources(), compileSettings("list"));
  const request = (path: string): Request => {
    return { method: "GET", scheme: "http", authority: "example.com", path, headers: [["x-some", "header"]] };
  };
  const took = (path: string, answer: string): number => {
    const startedMs = performance.now();
    const { kind } = explain(compiled, request(path)).answer;
    const ms = performance.now() - startedMs;
    if (kind !== answer) throw new Error(`${path}: ${kind}`);
    return ms;
  };
  const [table] = compiled.ir.tables.values();
  const last = table?.virtualHosts.at(-1)?.routes.at(-1)?.match.path;
  if (last?.kind !== "prefix") throw new Error("there is no last route");
  const firstMs = rounded(took(last.prefix, "forward"));
  const many = (path: string, answer: string) =>
    distribution(Array.from({ length: repetitions }, () => took(path, answer)));
  return {
    mappings,
    loadAverage: loadAverage(),
    firstMs,
    lastRoute: many(last.prefix, "forward"),
    noRoute: many("/nobody", "refused"),
  };
}
