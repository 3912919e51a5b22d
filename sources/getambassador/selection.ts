import { isForGateway } from "../../crds/ambassador-id.ts";
import type { Resources } from "../../crds/resources.ts";
import { alignedFilter } from "../../ir/aligned.ts";
import { memoLast } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { hasError, type Resource } from "../../ir/resource.ts";

interface WithId {
  readonly ambassador_id?: readonly string[] | undefined;
}

/** Of one kind: what is for this gateway, and of that what can be used. Remembered by the array's identity. */
function selection<Kind extends Resource<WithId>>() {
  let id = "";
  const isForeign = (resource: Kind) => !isForGateway(resource.spec.ambassador_id, id);
  const oddOnes = alignedFilter((resource: Kind) => isForeign(resource) || resource.problems.length > 0);
  return memoLast((resources: readonly Kind[], ambassadorId: string) => {
    id = ambassadorId;
    const odd = oddOnes(resources);
    const foreign = new Set(odd.filter(isForeign));
    const unusable = new Set(odd.filter((resource) => foreign.has(resource) || hasError(resource)));
    return {
      usable: unusable.size === 0 ? resources : resources.filter((resource) => !unusable.has(resource)),
      broken: odd.filter((resource) => !foreign.has(resource) && hasError(resource)),
      problems: odd.flatMap((resource) => (foreign.has(resource) ? [] : resource.problems)),
      ours: resources.length - foreign.size,
    };
  });
}

/** Kinds of the dialect, as `Resources` calls them. */
export const dialectKinds = [
  "mappings",
  "hosts",
  "listeners",
  "modules",
  "tlsContexts",
  "serviceResolvers",
  "endpointResolvers",
  "tcpMappings",
  "authServices",
  "rateLimitServices",
  "logServices",
  "tracingServices",
  "devPortals",
  "consulResolvers",
] as const;
type Kind = (typeof dialectKinds)[number];

export interface Selected {
  /** What is for this gateway and has no error of its own. Arrays keep their identity while the resources do. */
  readonly usable: Pick<Resources, Kind>;
  /** What is for this gateway and has an error: nothing of it is known but its name. */
  readonly broken: Pick<Resources, Kind>;
  /** There is a Host for this gateway, be it one with errors. */
  readonly hasHosts: boolean;
  /** Of all that is for this gateway. */
  readonly problems: readonly Problem[];
}

/** Which resources of the dialect are for this gateway. */
export function selector(): (resources: Resources, ambassadorId: string) => Selected {
  const byKind = dialectKinds.map((kind) => ({ kind, select: selection<Resource<WithId>>() }));
  return (resources, ambassadorId) => {
    const selected = byKind.map(({ kind, select }) => ({ kind, ...select(resources[kind], ambassadorId) }));
    const byName = (of: "usable" | "broken") =>
      Object.fromEntries(selected.map((each) => [each.kind, each[of]])) as unknown as Pick<Resources, Kind>;
    return {
      usable: byName("usable"),
      broken: byName("broken"),
      hasHosts: selected.some(({ kind, ours }) => kind === "hosts" && ours > 0),
      problems: selected.flatMap(({ problems }) => problems),
    };
  };
}
