import { Gauge, type Registry } from "prom-client";
import { kinds } from "../capabilities/kinds.ts";
import type { Problem, Severity } from "../ir/problem.ts";

/** Files may hold objects of any kind, and a label must not. */
const knownKinds: ReadonlySet<string> = new Set(kinds.map(({ kind }) => kind));

/** Gauges of the problems that stand now. */
export function problemGauges(registers: Registry[]): (problems: readonly Problem[]) => void {
  const bySeverity = new Gauge({
    name: "nuncio_problems",
    help: "Problems of the objects that are known now.",
    labelNames: ["severity"],
    registers,
  });
  const byKind = new Gauge({
    name: "nuncio_object_problems",
    help: "Problems of the objects that are known now, by the object's kind and the problem's code (docs/codes.md).",
    labelNames: ["kind", "severity", "code"],
    registers,
  });
  return (problems) => {
    const counts: Record<Severity, number> = { error: 0, warning: 0 };
    byKind.reset(); // those that are solved
    for (const { object, severity, code } of problems) {
      counts[severity]++;
      byKind.inc({ kind: knownKinds.has(object.kind) ? object.kind : "other", severity, code });
    }
    for (const [severity, count] of Object.entries(counts)) bySeverity.set({ severity }, count);
  };
}
