import type { SourceMap } from "../compile/source-map.ts";
import { type Problem, toldOf } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";
import type { Source } from "../ir/types.ts";
import type { AdsEvent } from "../xds/server/events.ts";

type Nack = Extract<AdsEvent, { kind: "nack" }>;
type RefusedNames = Pick<Nack, "type" | "message"> & { readonly resources: readonly { readonly name: string }[] };
type Acknowledged = Extract<AdsEvent, { kind: "acknowledged" }>;

/** What Envoy has refused and not taken since. */
export interface Rejections {
  refused(nack: Nack, sources: SourceMap): void;
  /** Forgets what the acknowledgement does not count as refused any more. @returns whether something was forgotten */
  acknowledged(event: Pick<Acknowledged, "refused">): boolean;
  problems(): readonly Problem[];
}

export function createRejections(): Rejections {
  const byResource = new Map<string, readonly Problem[]>();
  return {
    refused(nack, sources) {
      for (const { name } of nack.resources)
        byResource.set(`${nack.type} ${name}`, rejectionProblems({ ...nack, resources: [{ name }] }, sources));
    },
    acknowledged({ refused }) {
      const still = new Set(refused.map(({ type, name }) => `${type} ${name}`));
      const cured = [...byResource.keys()].filter((resource) => !still.has(resource));
      for (const resource of cured) byResource.delete(resource);
      return cured.length > 0;
    },
    // An object that several refused resources came from is told of once.
    problems: () => [
      ...new Map(
        [...byResource.values()].flat().map((each) => [`${each.object.kind} ${keyOf(each.object)}`, each]),
      ).values(),
    ],
  };
}

/** What Envoy refused, as problems of the objects it came from. */
function rejectionProblems(nack: RefusedNames, sources: SourceMap): readonly Problem[] {
  return nack.resources.flatMap(({ name }) =>
    sourcesOf(nack, name, sources).map(
      ({ object, path }): Problem =>
        toldOf({ code: "EnvoyRejected", severity: "error", object, path, ...explained(nack, name) }),
    ),
  );
}

/** What Envoy's words mean for whoever wrote the object. */
function explained({ type, message }: RefusedNames, name: string): Pick<Problem, "message" | "advice"> {
  if (type === "listener" && /address already in use|cannot bind/i.test(message)) {
    return {
      message: `its port cannot be opened (${message})`,
      advice: "end the process that holds the port, or choose another one; the other Listeners are not touched",
    };
  }
  return {
    message: `Envoy refused the ${type} ${name}: ${message}`,
    advice: "undo what was changed last; what Envoy accepted before keeps serving",
  };
}

function sourcesOf(nack: RefusedNames, name: string, sources: SourceMap): readonly Source[] {
  if (nack.type === "listener") return sources.listener(name);
  if (nack.type === "cluster") return sources.cluster(name);
  return [{ object: { kind: "Envoy", namespace: nack.type, name }, path: [] }];
}
