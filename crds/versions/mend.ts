/** Manifests with what is certain to mend them: text in, text out. */
import { type Fix, formatPath, type PathStep, type Problem } from "../../ir/problem.ts";
import { group, version } from "../common.ts";
import { parseResource } from "../parse.ts";
import { type Fields, has, isFields, renamed, withField } from "./json.ts";
import { modernSpec } from "./modern.ts";
import { nameOf, type Notes, type Rewritten, rewriteObjects } from "./rewrite.ts";

/**
 * Misspelt fields and values of which only one thing can have been meant, and deprecated spellings. One fix of each object at a
 * time: a field whose name and value change at once would be written anew with all that stands around it.
 */
export function mend(text: string): Rewritten {
  let now = rewriteObjects(text, mendObject);
  const rewritten = [...now.rewritten];
  const { failed, objects } = now;
  while (now.rewritten.length > 0) {
    now = rewriteObjects(now.text, mendObject);
    rewritten.push(...now.rewritten);
  }
  return { text: now.text, rewritten: rewritten.sort((a, b) => a.line - b.line), failed, objects };
}

/** Objects of older versions are for `nuncio migrate`: their fields have other names. */
function mendObject(raw: Fields, notes: Notes): Fields {
  const { apiVersion, kind, spec } = raw;
  if (apiVersion !== `${group}/${version}` || !isFields(spec)) return raw;
  const fix = firstFix(raw);
  if (fix !== undefined) {
    notes.rewritten(nameOf(raw), fix.said);
    return fix.object;
  }
  const modern = modernSpec(String(kind), spec);
  if (modern.changes.length === 0) return raw;
  notes.rewritten(nameOf(raw), modern.changes.join("; "));
  return withField(raw, "spec", modern.spec);
}

interface Step {
  readonly object: Fields;
  /** `spec.hostnme -> hostname` */
  readonly said: string;
}

/** The first fix of those that lead, one after the other, to an object without an error that was not there before. */
function firstFix(raw: Fields): Step | undefined {
  const before = new Set(parseResource(raw).problems.map(textOf));
  let first: Step | undefined;
  let object = raw;
  // One may bring the next to light: an unknown field's own fields are not looked at.
  for (let fixes = 0; fixes < MOST_FIXES; fixes++) {
    const next = oneFixed(object, before);
    if (next === undefined) break;
    first ??= next;
    object = next.object;
  }
  return parseResource(object).problems.every((each) => isBearable(each, before)) ? first : undefined;
}

const MOST_FIXES = 100;

/** What was there before, or does not stop the object from being used. */
function isBearable(problem: Problem, before: ReadonlySet<string>): boolean {
  return problem.severity === "warning" || before.has(textOf(problem));
}

/** With the first fix that brings no error but such that can be mended too. */
function oneFixed(raw: Fields, before: ReadonlySet<string>): Step | undefined {
  for (const { path, fix } of parseResource(raw).problems) {
    if (fix === undefined) continue;
    const object = changed(raw, path, fix);
    if (!isFields(object) || object === raw) continue;
    const { problems } = parseResource(object);
    if (problems.every((each) => each.fix !== undefined || isBearable(each, before))) {
      return { object, said: wordsOf(path, fix) };
    }
  }
  return undefined;
}

function textOf({ path, message }: Problem): string {
  return `${formatPath(path)} ${message}`;
}

function wordsOf(path: readonly PathStep[], fix: Fix): string {
  return `${formatPath(path)} -> ${fix.kind === "rename" ? fix.to : JSON.stringify(fix.value)}`;
}

function changed(value: unknown, [step, ...rest]: readonly PathStep[], fix: Fix): unknown {
  if (step === undefined) return fix.kind === "set" ? fix.value : value;
  if (Array.isArray(value)) {
    return value.map((item: unknown, index) => (index === step ? changed(item, rest, fix) : item));
  }
  if (!isFields(value) || typeof step !== "string" || !has(value, step)) return value;
  if (rest.length === 0 && fix.kind === "rename") return renamed(value, step, fix.to);
  return withField(value, step, changed(value[step], rest, fix));
}
