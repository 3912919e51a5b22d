import type { MappingSpec } from "../../crds/mapping.ts";
import { invalid, type Upstream } from "../../features/feature.ts";
import { features } from "../../features/index.ts";
import type { PathStep, Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import type { Cluster } from "../../ir/types.ts";
import { clusterOf } from "./cluster.ts";
import type { MappingContext } from "./mapping.ts";
import { targetOf } from "./target.ts";

/** Of a DNS name. It becomes the authority of calls, of which Envoy refuses very long ones. */
const LONGEST_HOST = 253;

export interface ExternalService {
  /** The object that names the service. */
  readonly resource: Resource<unknown>;
  /** Where its fields stand. Default: spec. */
  readonly at?: readonly PathStep[];
  /** The field of its spec that does. */
  readonly field: string;
  /** The service, and what else of its spec shapes the cluster, in a Mapping's words. */
  readonly spec: Pick<MappingSpec, "service"> & Partial<MappingSpec>;
  /** Keeps its cluster apart from those of Mappings to the same place. */
  readonly tag: string;
}

export interface ExternalCluster {
  /** undefined: an error makes the service unusable. */
  readonly cluster: Cluster | undefined;
  /** host:port of the service, as the gateway's own namespace would write it. */
  readonly authority: string;
  readonly problems: readonly Problem[];
}

/** The cluster of a service that is called beside routing: for authorization, rate limits, logs or traces. */
export function externalCluster(
  { resource, at = ["spec"], field, spec, tag }: ExternalService,
  { defaults, lookup }: MappingContext,
): ExternalCluster {
  const target = targetOf({ spec, namespace: resource.namespace, defaults, lookup });
  const found = [...target.problems];
  const host = target.value?.upstream.host ?? "";
  if (host.length > LONGEST_HOST) {
    const message = `its name has ${host.length} signs, and DNS has names of at most ${LONGEST_HOST}`;
    found.push({ ...invalid(["service"], message, "write the name of a Service or a host"), code: "InvalidService" });
  }
  const settings: Record<string, unknown> = {};
  const context = { defaults, upstream: target.value?.upstream };
  for (const feature of features) {
    const { value, problems } = feature.fromMapping(spec, context);
    if (value !== undefined) settings[feature.name] = value;
    // What is wrong with a default of the Module is told there.
    found.push(...problems.filter(({ path: [first] }) => first !== undefined && Object.hasOwn(spec, first)));
  }
  const problems = found.map(({ path: [first, ...rest], ...problem }): Problem => {
    const named = first === "service" || first === undefined ? field : first;
    return { ...problem, object: resource, path: [...at, named, ...rest] };
  });
  const authority = authorityOf(target.value?.upstream);
  const isUsable = target.value !== undefined && !problems.some(({ severity }) => severity === "error");
  if (!isUsable || target.value === undefined) return { cluster: undefined, authority, problems };
  return { cluster: clusterOf({ ...target.value, features: settings, tag }), authority, problems };
}

function authorityOf(upstream: Upstream | undefined): string {
  if (upstream === undefined) return "";
  const { host, port } = upstream;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
