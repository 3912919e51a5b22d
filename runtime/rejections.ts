import type { SourceMap } from "../compile/source-map.ts";
import type { RefusedPart } from "../compile/trial.ts";
import { type Problem, toldOf } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";
import type { Source } from "../ir/types.ts";
import type { StandingResource } from "../xds/order/stream.ts";
import type { AdsEvent } from "../xds/server/events.ts";

/** Envoy's words for an access log whose file it cannot open. Source: access_log_manager_impl.cc. */
const unopenable = /unable to open file/i;

const unbindable = /address already in use|cannot bind/i;

type Nack = Extract<AdsEvent, { kind: "nack" }>;
type RefusedNames = Pick<Nack, "type" | "message"> & { readonly resources: readonly { readonly name: string }[] };

/** What Envoy has refused and not taken since. */
export interface Rejections {
  refused(nack: Nack, sources: SourceMap): void;
  /** Forgets what the acknowledgement does not count as refused any more. @returns whether there is something else to be told */
  acknowledged(event: { readonly refused: readonly { readonly type: string; readonly name: string }[] }): boolean;
  problems(): readonly Problem[];
}

export function createRejections(): Rejections {
  const byResource = new Map<string, readonly Problem[]>();
  let isUntold = false;
  return {
    refused(nack, sources) {
      isUntold = true;
      for (const { name } of nack.resources)
        byResource.set(`${nack.type} ${name}`, rejectionProblems({ ...nack, resources: [{ name }] }, sources));
    },
    acknowledged({ refused }) {
      const still = new Set(refused.map(({ type, name }) => `${type} ${name}`));
      const cured = [...byResource.keys()].filter((resource) => !still.has(resource));
      for (const resource of cured) byResource.delete(resource);
      const isOther = isUntold || cured.length > 0;
      isUntold = false;
      return isOther;
    },
    // An object that several refused resources came from is told of once.
    problems: () => [
      ...new Map(
        [...byResource.values()].flat().map((each) => [`${each.object.kind} ${keyOf(each.object)}`, each]),
      ).values(),
    ],
  };
}

/** A refused resource with what it comes from, to find the object that is to blame. */
export function partOf(refused: StandingResource, sources: SourceMap): RefusedPart {
  const { type, name, keeps } = refused;
  const known = knownSources(refused, name, sources);
  // A listener is made of the Module and its services too, and not of its Listener alone.
  const isShared = known.length === 0 || (type !== "cluster" && type !== "extension");
  const { message } = explained(refused, name);
  return {
    ...{ type, name, keeps, sources: known, isShared, isOutside: isOutside(refused), message },
    advice: "correct it; whenever it changes, it is tried again",
  };
}

function isOutside({ type, message }: Pick<Nack, "type" | "message">): boolean {
  return type === "listener" && (unbindable.test(message) || unopenable.test(message));
}

/** What Envoy refused, as problems of the objects it came from. */
export function rejectionProblems(nack: RefusedNames, sources: SourceMap): readonly Problem[] {
  return nack.resources.flatMap(({ name }) =>
    sourcesOf(nack, name, sources).map(
      ({ object, path }): Problem =>
        toldOf({ code: "EnvoyRejected", severity: "error", object, path, ...explained(nack, name) }),
    ),
  );
}

/** What Envoy's words mean for whoever wrote the object. */
function explained(
  { type, message }: Pick<Nack, "type" | "message">,
  name: string,
): Pick<Problem, "message" | "advice"> {
  if (type === "listener" && unbindable.test(message)) {
    return {
      message: `its port cannot be opened (${message})`,
      advice: "end the process that holds the port, or choose another one; the other Listeners are not touched",
    };
  }
  if (type === "listener" && unopenable.test(message)) {
    return {
      message: `the file of the access log cannot be opened (${message})`,
      advice: "write the path of a file in a folder that is there and can be written; the log goes on where it went",
    };
  }
  return {
    message: `Envoy refused the ${type} ${name}: ${message}`,
    advice: "undo what was changed last; what Envoy accepted before keeps serving",
  };
}

function sourcesOf(nack: RefusedNames, name: string, sources: SourceMap): readonly Source[] {
  const found = knownSources(nack, name, sources);
  return found.length > 0 ? found : [{ object: { kind: "Envoy", namespace: nack.type, name }, path: [] }];
}

function knownSources(
  { type, message }: Pick<Nack, "type" | "message">,
  name: string,
  sources: SourceMap,
): readonly Source[] {
  if (type === "listener" && unopenable.test(message)) return sources.setting("envoy_log_path");
  if (type === "listener") return sources.listener(name);
  if (type === "cluster") return sources.cluster(name);
  if (type === "secret") return sources.secret(name);
  if (type === "extension") return sources.extension(name);
  return [];
}
