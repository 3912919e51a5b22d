import type { SourceMap } from "../compile/source-map.ts";
import { type Problem, toldOf } from "../ir/problem.ts";
import type { Source } from "../ir/types.ts";
import type { AdsEvent } from "../xds/server/events.ts";

type Nack = Extract<AdsEvent, { kind: "nack" }>;

/** What Envoy refused, as problems of the objects it came from. */
export function rejectionProblems(nack: Nack, sources: SourceMap): readonly Problem[] {
  return nack.resources.flatMap(({ name }) =>
    sourcesOf(nack, name, sources).map(
      ({ object, path }): Problem =>
        toldOf({ code: "EnvoyRejected", severity: "error", object, path, ...explained(nack, name) }),
    ),
  );
}

/** What Envoy's words mean for whoever wrote the object. */
function explained({ type, message }: Nack, name: string): Pick<Problem, "message" | "advice"> {
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

function sourcesOf(nack: Nack, name: string, sources: SourceMap): readonly Source[] {
  if (nack.type === "listener") return sources.listener(name);
  if (nack.type === "cluster") return sources.cluster(name);
  return [{ object: { kind: "Envoy", namespace: nack.type, name }, path: [] }];
}
