/** What stands within other objects becomes resources of its own: objects in annotations, what an Ingress asks for. */
import { isForGateway } from "../crds/ambassador-id.ts";
import type { Bearer, Held } from "../crds/held.ts";
import type { AnyResource, Resources } from "../crds/resources.ts";
import { memoLast } from "../ir/memo.ts";
import { noProblems, type ObjectRef, type Problem } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { annotatedBy, carriedOver } from "../sources/annotations/annotations.ts";
import { ingressSource } from "../sources/ingress/source.ts";
import { knativeSource } from "../sources/knative/knative.ts";
import { merger, present } from "./derived.ts";
import { fields } from "./store.ts";

type Field = keyof Resources;
type ByField = ReadonlyMap<Field, readonly AnyResource[]>;

/** Resources in which everything stands for itself. */
export interface Expansion {
  readonly resources: Resources;
  /** Of what could not be made a resource. */
  readonly problems: readonly Problem[];
  /** Objects that hold others and of which a part cannot be read: what they held before may serve on. */
  readonly unreadable: ReadonlySet<ObjectRef>;
}

export type Expander = (resources: Resources, settings: CompileSettings) => Expansion;

const nobody: ReadonlySet<ObjectRef> = new Set();

/** Remembers by identity: nothing is done for objects that hold no others, but to look whether they are the same as before. */
export function createExpander(): Expander {
  const ofServices = annotations();
  const ofIngresses = annotations();
  const ingresses = ingressSource();
  const knative = knativeSource();
  const gather = memoLast(gathered);
  const mergers = new Map<Field, ReturnType<typeof merger>>();

  return (resources, settings) => {
    const { held, problems: ofClasses } = ingresses(resources, settings);
    const { byField, problems, unreadable } = gather(
      ofServices(resources.services),
      ofIngresses(resources.ingresses),
      held,
      knative(resources, settings),
      ofClasses,
      settings.ambassadorId,
    );
    const changed: Partial<Record<Field, readonly AnyResource[]>> = {};
    const found = [...problems];
    for (const field of byField.keys()) if (!mergers.has(field)) mergers.set(field, merger());
    for (const [field, merge] of mergers) {
      const merged = merge(resources[field], byField.get(field) ?? []);
      changed[field] = merged.list;
      found.push(...merged.problems);
    }
    if (byField.size === 0) return { resources, problems, unreadable };
    return { resources: { ...resources, ...(changed as Partial<Resources>) }, problems: found, unreadable };
  };
}

/** What the annotations of a kind's objects hold; read anew only where it may have changed. */
function annotations(): (bearers: readonly Bearer[]) => readonly Held[] {
  let earlier = new Map<string, Held>();
  let last: readonly Held[] = [];
  const read = present((bearer: Bearer) => {
    const before = earlier.get(keyOf(bearer));
    return (before === undefined ? undefined : carriedOver(bearer, before)) ?? annotatedBy(bearer);
  });
  return (bearers) => {
    const now = read(bearers);
    if (now !== last) {
      last = now;
      earlier = new Map(now.map((annotated) => [keyOf(annotated.bearer), annotated]));
    }
    return now;
  };
}

function gathered(
  ofServices: readonly Held[],
  ofIngresses: readonly Held[],
  ingresses: readonly Held[],
  ofKnative: readonly Held[],
  ofClasses: readonly Problem[],
  ambassadorId: string,
): { readonly byField: ByField; readonly problems: readonly Problem[]; readonly unreadable: Expansion["unreadable"] } {
  const byField = new Map<Field, AnyResource[]>();
  const problems: Problem[] = [...ofClasses];
  const unreadable = new Set<ObjectRef>();
  for (const { bearer, objects, unread } of [...ofServices, ...ofIngresses, ...ingresses, ...ofKnative]) {
    for (const object of objects) {
      const field = fields[object.kind];
      const list = byField.get(field);
      if (list === undefined) byField.set(field, [object]);
      else list.push(object);
    }
    for (const { ids, problem } of unread) {
      if (!isForGateway(ids, ambassadorId)) continue;
      problems.push(problem);
      if (problem.severity === "error") unreadable.add(bearer);
    }
  }
  return {
    byField,
    problems: problems.length === 0 ? noProblems : problems,
    unreadable: unreadable.size === 0 ? nobody : unreadable,
  };
}
