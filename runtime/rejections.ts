import type { SourceMap } from "../compile/source-map.ts";
import type { Problem } from "../ir/problem.ts";
import type { Source } from "../ir/types.ts";
import type { AdsEvent } from "../xds/server/events.ts";

/** Envoy's words for an access log whose file it cannot open. Source: access_log_manager_impl.cc. */
const unopenable = /unable to open file/i;

type Nack = Extract<AdsEvent, { kind: "nack" }>;

/** What Envoy refused, as problems of the objects it came from. */
export function rejectionProblems(nack: Nack, sources: SourceMap): readonly Problem[] {
  return nack.resources.flatMap(({ name }) =>
    sourcesOf(nack, name, sources).map(
      ({ object, path }): Problem => ({
        code: "EnvoyRejected",
        severity: "error",
        object,
        path,
        ...explained(nack, name),
      }),
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

function sourcesOf(nack: Nack, name: string, sources: SourceMap): readonly Source[] {
  const found = knownSources(nack, name, sources);
  return found.length > 0 ? found : [{ object: { kind: "Envoy", namespace: nack.type, name }, path: [] }];
}

function knownSources({ type, message }: Nack, name: string, sources: SourceMap): readonly Source[] {
  if (type === "listener" && unopenable.test(message)) return sources.setting("envoy_log_path");
  if (type === "listener") return sources.listener(name);
  if (type === "cluster") return sources.cluster(name);
  if (type === "extension") return sources.extension(name);
  return [];
}
