/** Which versions a kind has, and how its spec differs between them. v1 is v2 by another name, field for field. */
import type { PathStep } from "../../ir/problem.ts";
import { ambassadorIds, booleans, cors, hostIds, hostSelector, labels, mappingHost, tracingTags } from "./fields.ts";
import type { Fields } from "./json.ts";
import { addedHeaders, type Note, oneOrList, rename, renameInside, type Step, withoutNulls } from "./step.ts";
import { tlsOf } from "./tls.ts";

export const oldVersions = ["v1", "v2"] as const;
export type OldVersion = (typeof oldVersions)[number];

export interface VersionedKind {
  /** Oldest first; empty for a kind that v3alpha1 brought. */
  readonly older: readonly OldVersion[];
  readonly steps: readonly Step[];
}

const statsName = rename("v3StatsName", "stats_name");

const both = { older: oldVersions } as const;

/** By kind. Emissary has the same versions of each. */
export const versionedKinds: ReadonlyMap<string, VersionedKind> = new Map<string, VersionedKind>([
  [
    "Mapping",
    {
      ...both,
      steps: [
        ambassadorIds,
        mappingHost,
        tlsOf("service"),
        booleans("headers", "regex_headers", "v2BoolHeaders"),
        booleans("query_parameters", "regex_query_parameters", "v2BoolQueryParameters"),
        addedHeaders("add_request_headers"),
        addedHeaders("add_response_headers"),
        oneOrList("remove_request_headers"),
        oneOrList("remove_response_headers"),
        cors,
        labels,
        rename("v3health_checks", "health_checks"),
        statsName,
      ],
    },
  ],
  ["TCPMapping", { ...both, steps: [ambassadorIds, tlsOf("service", { hasScheme: false }), statsName] }],
  [
    "Host",
    { older: ["v2"], steps: [hostIds, ambassadorIds, hostSelector, renameInside("tls", "v3CRLSecret", "crl_secret")] },
  ],
  ["Listener", { older: [], steps: [] }],
  ["TLSContext", { ...both, steps: [ambassadorIds, rename("v3CRLSecret", "crl_secret")] }],
  // Its config is free-form, and keeps the forms of the version that it was written in.
  ["Module", { ...both, steps: [ambassadorIds] }],
  [
    "AuthService",
    {
      ...both,
      steps: [ambassadorIds, tlsOf("auth_service"), rename("v3CircuitBreakers", "circuit_breakers"), statsName],
    },
  ],
  ["RateLimitService", { ...both, steps: [ambassadorIds, tlsOf("service"), rename("v3GRPC", "grpc"), statsName] }],
  ["LogService", { ...both, steps: [ambassadorIds, rename("v3ProtocolVersion", "protocol_version"), statsName] }],
  [
    "TracingService",
    {
      ...both,
      steps: [ambassadorIds, tracingTags, renameInside("config", "v3PropagationModes", "propagation_modes"), statsName],
    },
  ],
  ["DevPortal", { ...both, steps: [ambassadorIds] }],
  ["ConsulResolver", { ...both, steps: [ambassadorIds] }],
  ["KubernetesServiceResolver", { ...both, steps: [ambassadorIds] }],
  ["KubernetesEndpointResolver", { ...both, steps: [ambassadorIds] }],
]);

/** A spec of v2 (or v1) in v3alpha1's words. */
export function specUp({ steps }: VersionedKind, spec: Fields, note: (note: Note) => void = () => undefined): Fields {
  return withoutNulls.up(
    steps.reduce((now, step) => step.up(now, note), spec),
    note,
  );
}

/** A spec of v3alpha1 in v2's words. */
export function specDown({ steps }: VersionedKind, spec: Fields): Fields {
  return steps.reduce((now, step) => step.down(now), withoutNulls.down(spec));
}

/** Where a field of v3alpha1 stands in the v2 spec that it came from. Paths are below `spec`. */
export function specPathDown({ steps }: VersionedKind, path: readonly PathStep[], spec: Fields): readonly PathStep[] {
  for (const { written } of steps) {
    const found = written?.(path, spec);
    if (found !== undefined) return found;
  }
  return path;
}
