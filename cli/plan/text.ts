import type { Changes } from "../../insight/plan/changes.ts";
import type { Respect } from "../../insight/plan/difference.ts";
import type { FieldChange, ObjectChange } from "../../insight/plan/overlay.ts";
import type { Plan } from "../../insight/plan/plan.ts";
import type { RequestChange } from "../../insight/plan/requests.ts";
import { answerText, plural, requestText, respectText } from "../../insight/plan/tell.ts";
import { formatObject, formatPath, formatProblem, type Problem } from "../../ir/problem.ts";
import type { Colour, Paint } from "../output/colour.ts";
import type { Told } from "./plan.ts";
import { valuesOf } from "./values.ts";

/** So many lines of a kind are printed; the other formats have all. */
const MOST = 20;
/** A longer value is not printed. */
const MOST_OF_VALUE = 40;

const signs = { added: "+", changed: "~", removed: "-" } as const;
const colours: Readonly<Record<keyof typeof signs, Colour>> = { added: "green", changed: "yellow", removed: "red" };

/** A plan for people: what changes, what that does to requests, and what speaks against it. */
export function planText(told: Told, paint: Paint): string {
  const { plan, objects, problems, lastGood } = told;
  if (objects.length === 0 && problems.length === 0) return `nothing changes: ${told.from} says the same already\n`;
  const findings = plan.findings.map(
    ({ code, severity, message }) =>
      `${paint(severity === "warning" ? "yellow" : "dim", severity)}: ${message} [${code}]`,
  );
  const sections = [
    atMost(objects.map((change) => objectLine(change, paint))),
    titled("Before it, these serve in their last good version, since they have an error:", lastGood.map(formatObject)),
    titled("Requests that are answered otherwise:", requestLines(plan.requests)),
    titled("To look at:", findings),
    titled(
      "Problems that it adds:",
      problems.map((problem) => problemLine(problem, paint)),
    ),
    [`Envoy: ${envoyLine(plan)}`, verdictLine(told, paint)],
  ];
  const texts = sections.filter((lines) => lines.length > 0).map((lines) => lines.join("\n"));
  return `${texts.join("\n\n")}\n`;
}

function titled(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : [title, ...atMost(lines).map((line) => `  ${line}`)];
}

function atMost(lines: readonly string[]): readonly string[] {
  if (lines.length <= MOST) return lines;
  return [...lines.slice(0, MOST), `... and ${lines.length - MOST} more; -o json has them all`];
}

function objectLine({ kind, object, fields }: ObjectChange, paint: Paint): string {
  const head = paint(colours[kind], `${signs[kind]} ${formatObject(object)}`);
  return fields.length === 0 ? head : `${head}   ${fields.map(fieldText).join(", ")}`;
}

function fieldText(field: FieldChange): string {
  const { path } = field;
  const name = formatPath(path[0] === "spec" ? path.slice(1) : path);
  const values = valuesOf(field);
  const [was, is] = [valueText(values?.before), valueText(values?.after)];
  return values === undefined || was === undefined || is === undefined ? name : `${name} ${was} -> ${is}`;
}

/** What fits into a line; undefined for what does not. */
function valueText(value: unknown): string | undefined {
  if (value === undefined) return "(unset)";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > MOST_OF_VALUE || text.includes("\n") ? undefined : text;
}

/** Requests that fare alike are one line. */
function requestLines(changes: readonly RequestChange[]): readonly string[] {
  const groups = new Map<string, { readonly line: string; count: number }>();
  for (const change of changes) {
    const what = whatText(change);
    const known = groups.get(what);
    if (known === undefined) groups.set(what, { line: `${requestText(change.request)}: ${what}`, count: 1 });
    else known.count++;
  }
  return [...groups.values()].map(({ line, count }) => (count === 1 ? line : `${line} (and ${count - 1} more)`));
}

/** What an arrow between the two answers does not say by itself. */
const beside: ReadonlySet<Respect> = new Set<Respect>(["authorization", "client certificate", "rewrite"]);

function whatText(change: RequestChange): string {
  const { before, after, respects } = change;
  const [was, is] = [answerText(before), answerText(after)];
  const of = (some: readonly Respect[]) => some.map((respect) => respectLine(respect, change));
  if (was === is) return [is, ...of(respects)].join("; ");
  return [`${was} -> ${is}`, ...of(respects.filter((respect) => beside.has(respect)))].join("; ");
}

function respectLine(respect: Respect, { before, after }: RequestChange): string {
  const [was, is] = [respectText(respect, before), respectText(respect, after)];
  return was === is ? respect : `${respect} ${was} -> ${is}`;
}

function problemLine(problem: Problem, paint: Paint): string {
  const { origin } = problem.object;
  const place = origin === undefined ? "" : `${origin.file}:${origin.lineOf(problem.path)}: `;
  const severity = paint(problem.severity === "error" ? "red" : "yellow", problem.severity);
  return `${place}${severity}: ${formatProblem(problem)} [${problem.code}]`;
}

type Counted = Readonly<Record<keyof Changes<unknown>, readonly unknown[]>>;

function envoyLine(plan: Plan): string {
  const { virtualHosts, drains } = plan;
  const hosts: Counted = {
    added: virtualHosts.filter(({ before }) => before === undefined),
    removed: virtualHosts.filter(({ after }) => after === undefined),
    changed: virtualHosts.filter(({ before, after }) => before !== undefined && after !== undefined),
  };
  const of = (side: keyof Counted) => virtualHosts.flatMap(({ routes }) => routes[side] as readonly unknown[]);
  const counted: readonly (readonly [string, Counted])[] = [
    ["listeners", plan.listeners],
    ["virtual hosts", hosts],
    ["routes", { added: of("added"), changed: of("changed"), removed: of("removed") }],
    ["clusters", plan.clusters],
    ["secrets", plan.secrets],
    ["filters", plan.filters],
    ["TCP chains", plan.tcp],
  ];
  const parts = counted.map(([noun, changes]) => countText(noun, changes)).filter((part) => part !== "");
  const drained = drains.length === 0 ? "no connection is drained" : `${plural(drains.length, "listener")} drained`;
  return `${parts.length === 0 ? "unchanged" : parts.join(", ")}; ${drained}`;
}

function countText(noun: string, changes: Counted): string {
  const counts = (["added", "changed", "removed"] as const)
    .filter((side) => changes[side].length > 0)
    .map((side) => `${signs[side]}${changes[side].length}`);
  return counts.length === 0 ? "" : `${noun} ${counts.join(" ")}`;
}

function verdictLine({ plan: { findings, unasked }, problems }: Told, paint: Paint): string {
  const effects = findings.filter(({ severity }) => severity === "warning").length;
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const warnings = effects + problems.length - errors;
  const more = unasked === 0 ? "" : ` (requests of ${plural(unasked, "more route")} were not tried: --requests)`;
  if (errors + warnings === 0) return `${paint("green", "nothing to object to")}${more}`;
  const verdict = `${plural(errors, "error")}, ${plural(warnings, "warning")}`;
  return `${paint(errors > 0 ? "red" : "yellow", verdict)}${more}`;
}
