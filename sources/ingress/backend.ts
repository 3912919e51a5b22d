import type { IngressBackend } from "../../crds/ingress.ts";
import type { PathStep, Problem } from "../../ir/problem.ts";

/** The number of a Service's port of that name; false: the Service has none; undefined: there is no such Service. */
export type PortLookup = (namespace: string, service: string, port: string) => number | false | undefined;

/** A complaint whose path is that of a field in the backend. */
export type BackendProblem = Pick<Problem, "code" | "severity" | "path" | "message" | "advice">;

export interface Target {
  /** A Mapping's service; undefined where there is an error. */
  readonly service: string | undefined;
  readonly problem?: BackendProblem;
}

function refused(path: readonly PathStep[], message: string, advice: string): Target {
  return { service: undefined, problem: { code: "InvalidField", severity: "error", path, message, advice } };
}

export function targetOf(backend: IngressBackend, namespace: string, portOf: PortLookup): Target {
  const { service, resource } = backend;
  if (service === undefined) {
    if (resource === undefined) return refused([], "names no Service", "write service with a name and a port");
    const message = `a ${resource.kind} as backend is not known here`;
    return refused(["resource"], message, "write service with a name and a port instead");
  }
  const { name, port } = service;
  // With .svc it can be nothing but a Service.
  const at = (number: number) => `${name}.${namespace}.svc:${number}`;
  if (port?.number !== undefined) return { service: at(port.number) };
  if (port?.name === undefined || port.name === "") {
    return refused(
      ["service", "port"],
      "is required and missing",
      "write the number or the name of the Service's port",
    );
  }
  const number = portOf(namespace, name, port.name);
  if (typeof number === "number") return { service: at(number) };
  const isThere = number === false;
  const problem: BackendProblem = {
    code: "ServiceNotFound",
    severity: isThere ? "error" : "warning",
    path: isThere ? ["service", "port", "name"] : ["service", "name"],
    message: isThere
      ? `the Service ${namespace}/${name} has no port of the name ${JSON.stringify(port.name)}`
      : `there is no Service ${namespace}/${name} in which to look its port ${JSON.stringify(port.name)} up`,
    advice: isThere ? "write the name or the number of one of its ports" : "requests get 503 until it exists",
  };
  return { service: isThere ? undefined : at(80), problem };
}
