import type { AnyResource, Resources } from "../crds/resources.ts";
import type { ObjectRef, Problem } from "../ir/problem.ts";
import { hasError, keyOf } from "../ir/resource.ts";
import type { CompileSettings } from "../ir/settings.ts";
import type { Compiled, Compiler } from "./compile.ts";

export interface Judged {
  readonly compiled: Compiled;
  /** Of what was asked for, and of what serves in its place. */
  readonly problems: readonly Problem[];
  /** Objects, as asked for, in whose place their last good version serves. */
  readonly kept: ReadonlySet<ObjectRef>;
  /** What is in force: for an object with an error its last version that had none. */
  readonly effective: Resources;
}

type Kinds = (keyof Resources)[];

/** Kinds whose objects are replaced; a broken Secret or Service is its referrer's problem. */
const replaceable: Kinds = [
  "mappings",
  "hosts",
  "listeners",
  "tlsContexts",
  "modules",
  "serviceResolvers",
  "endpointResolvers",
];

const none: ReadonlySet<ObjectRef> = new Set();

/**
 * Compiles, and lets an object that an error has made unusable serve on in the last form that was in force.
 * @param inForce what the last judgement called effective
 */
export function judge(
  compile: Compiler,
  resources: Resources,
  settings: CompileSettings,
  inForce: Resources | undefined,
): Judged {
  const compiled = compile(resources, settings);
  const bad = badObjects(resources, compiled.problems);
  const asAsked = { compiled, problems: compiled.problems, kept: none };
  if (inForce === undefined || bad.size === 0) return { ...asAsked, effective: without(resources, bad) };
  const effective = replaceAll(resources, bad, inForce);
  if (effective === undefined) return { ...asAsked, effective: without(resources, bad) };
  const again = compile(effective.resources, settings);
  const about = new Set(compiled.problems.map(({ object }) => object as unknown));
  const more = again.problems.filter(
    ({ object }) => !about.has(object) && !effective.replaced.has(object as AnyResource),
  );
  const problems = [...compiled.problems, ...more];
  return { compiled: again, problems, kept: effective.kept, effective: without(effective.resources, bad) };
}

/** Objects that an error makes unusable, by kind and key. */
function badObjects(resources: Resources, problems: readonly Problem[]): ReadonlySet<AnyResource> {
  const bad = new Set<AnyResource>();
  const named = new Set<string>();
  for (const { severity, object } of problems) if (severity === "error") named.add(`${object.kind} ${keyOf(object)}`);
  if (named.size === 0) return bad;
  for (const kind of replaceable) {
    for (const resource of resources[kind] as readonly AnyResource[]) {
      if (hasError(resource) || named.has(`${resource.kind} ${keyOf(resource)}`)) bad.add(resource);
    }
  }
  return bad;
}

function find(list: readonly AnyResource[], key: string): AnyResource | undefined {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOf(list[middle] as AnyResource) < key) low = middle + 1;
    else high = middle;
  }
  const found = list[low];
  return found !== undefined && keyOf(found) === key ? found : undefined;
}

interface Replaced {
  readonly resources: Resources;
  /** The last good versions. */
  readonly replaced: ReadonlySet<AnyResource>;
  /** What they stand in for. */
  readonly kept: ReadonlySet<ObjectRef>;
}

function replaceAll(resources: Resources, bad: ReadonlySet<AnyResource>, inForce: Resources): Replaced | undefined {
  const replaced = new Set<AnyResource>();
  const kept = new Set<ObjectRef>();
  const changed: Partial<Record<keyof Resources, readonly AnyResource[]>> = {};
  for (const kind of replaceable) {
    const list = resources[kind] as readonly AnyResource[];
    if (!list.some((resource) => bad.has(resource))) continue;
    changed[kind] = list.map((resource) => {
      const good = bad.has(resource) ? find(inForce[kind] as readonly AnyResource[], keyOf(resource)) : undefined;
      if (good === undefined || good === resource) return resource;
      replaced.add(good);
      kept.add(resource);
      return good;
    });
  }
  if (replaced.size === 0) return undefined;
  return { resources: { ...resources, ...(changed as Partial<Resources>) }, replaced, kept };
}

/** Without the objects that never were in force: they must not be taken for a last good form. */
function without(resources: Resources, bad: ReadonlySet<AnyResource>): Resources {
  if (bad.size === 0) return resources;
  const entries = (Object.entries(resources) as [keyof Resources, readonly AnyResource[]][]).map(([kind, list]) => [
    kind,
    list.some((resource) => bad.has(resource)) ? list.filter((resource) => !bad.has(resource)) : list,
  ]);
  return Object.fromEntries(entries) as unknown as Resources;
}
