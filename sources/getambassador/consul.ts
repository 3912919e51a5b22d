import type { ConsulResolverResource } from "../../crds/resources.ts";
import { type FeatureResult, type FieldProblem, ignored } from "../../features/feature.ts";
import { hasVariables, parseConsulAddress } from "../../ir/consul-address.ts";
import { memoForever } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { withoutCredentials } from "../../ir/sensitive.ts";
import type { ClusterEndpoints } from "../../ir/types.ts";
import type { ServiceAddress } from "./service-name.ts";

export interface ConsulResolver {
  readonly kind: "consul";
  /** As written; undefined: the gateway's environment says where Consul is. */
  readonly address: string | undefined;
  readonly datacenter: string;
}

/** Fields of ConsulResolver.spec that are read. */
export const consulResolverFieldNames: ReadonlySet<string> = new Set(["ambassador_id", "address", "datacenter"]);

/** What Mappings may name without any object. Source: Emissary's implicit resolvers. */
export const implicitConsul: ConsulResolver = { kind: "consul", address: undefined, datacenter: "dc1" };

interface Built {
  /** undefined: an error makes it unusable. */
  readonly resolver: ConsulResolver | undefined;
  readonly problems: readonly Problem[];
}

/** The same object for the same resource, so that Mappings are not built again for what others look up. */
export const buildConsulResolver = memoForever((object: ConsulResolverResource): Built => {
  const { address, datacenter } = object.spec;
  const problems: Problem[] = [];
  const error = (field: string, message: string, advice: string) =>
    problems.push({ code: "InvalidField", severity: "error", object, path: ["spec", field], message, advice });
  const isSet = address !== undefined && address !== "";
  // What variables will say is not known before the gateway runs.
  if (isSet && !hasVariables(address) && parseConsulAddress(address) === undefined) {
    const message = `${JSON.stringify(withoutCredentials(address))} is not an address of Consul`;
    error("address", message, "write host:port, https://host:port or unix:///path");
  }
  if (datacenter === undefined || datacenter === "") {
    error("datacenter", "no datacenter is named", "write the one whose services are meant, for example dc1");
    return { resolver: undefined, problems };
  }
  const resolver: ConsulResolver = { kind: "consul", address: isSet ? address : undefined, datacenter };
  return { resolver: problems.length === 0 ? resolver : undefined, problems };
});

export function consulProblems(resolvers: readonly ConsulResolverResource[]): readonly Problem[] {
  return resolvers.flatMap((resource) => buildConsulResolver(resource).problems);
}

/** A `service` as the name of a service in Consul. Source: Emissary `irserviceresolver.py`, valid_mapping. */
export function consulService(
  written: string,
  { host }: ServiceAddress,
  { address, datacenter }: ConsulResolver,
): FeatureResult<ClusterEndpoints> {
  const path = ["service"];
  if (/[.:]/.test(host)) {
    const problem: FieldProblem = {
      code: "InvalidService",
      severity: "error",
      path,
      message: `${JSON.stringify(host)} is not the name of a service in Consul, which has no dots`,
      advice: "write the service's name alone, or leave resolver out for what Kubernetes or DNS knows",
    };
    return { value: undefined, problems: [problem] };
  }
  const problems: FieldProblem[] = [];
  if (/:\d+\/?$/.test(written)) {
    const message = "the port is ignored: in Consul each instance has a port of its own";
    problems.push(ignored(path, message, "leave the port out"));
  }
  return { value: { kind: "consul", address, datacenter, service: host }, problems };
}
