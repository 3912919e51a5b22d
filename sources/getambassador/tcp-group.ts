import type { Problem } from "../../ir/problem.ts";
import { compareText } from "../../ir/problem.ts";
import { keyOf } from "../../ir/resource.ts";
import type { WeightedCluster } from "../../ir/types.ts";
import type { BuiltTcpMapping } from "./tcp-mapping.ts";
import { olderFirst, type Share, sharesOf, withinHundred } from "./weights.ts";

/** TCPMappings that take the same connections. */
export interface TcpGroup {
  readonly port: number;
  readonly address: string;
  readonly host: string | undefined;
  readonly passesTls: boolean;
  readonly idleTimeoutMs: number | undefined;
  readonly oldest: BuiltTcpMapping;
  /** Those that get connections, by name. */
  readonly members: readonly BuiltTcpMapping[];
  readonly clusters: readonly WeightedCluster[];
  readonly problems: readonly Problem[];
}

/** By port, address and host, in that order. @param gatewayAddress what no address means */
export function tcpGroups(mappings: readonly BuiltTcpMapping[], gatewayAddress: string): readonly TcpGroup[] {
  const byKey = new Map<string, BuiltTcpMapping[]>();
  for (const mapping of mappings) {
    const { port, address = gatewayAddress, host = "" } = mapping;
    const key = `${String(port).padStart(5, "0")} ${address} ${host}`;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, [mapping]);
    else known.push(mapping);
  }
  return [...byKey]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, group]) => buildTcpGroup(group as [BuiltTcpMapping, ...BuiltTcpMapping[]], gatewayAddress));
}

/** @param mappings in ascending order */
function buildTcpGroup(mappings: readonly [BuiltTcpMapping, ...BuiltTcpMapping[]], gatewayAddress: string): TcpGroup {
  const [oldest = mappings[0], ...younger] = [...mappings].sort(olderFirst);
  const problems: Problem[] = [];
  const refused = new Set<BuiltTcpMapping>();
  for (const mapping of younger) {
    if (mapping.passesTls === oldest.passesTls) continue;
    refused.add(mapping);
    problems.push(otherEnd(mapping, oldest));
  }
  const alike = mappings.filter((mapping) => !refused.has(mapping));
  const { kept, problems: ofWeights } = withinHundred(alike, "the TCPMappings with the same port and host");
  problems.push(...ofWeights);
  const shares = sharesOf(kept);
  if (shares.length === 0) problems.push(...kept.map(nothingTaken));
  const { port, address = gatewayAddress, host, passesTls } = oldest;
  return {
    port,
    address,
    host,
    passesTls,
    idleTimeoutMs: commonIdleTimeout([...kept].sort(olderFirst), problems),
    oldest,
    members: shares.map(({ member }) => member),
    clusters: weightedClusters(shares),
    problems,
  };
}

/** Envoy takes no weight of 0, and members may have one target. */
function weightedClusters(shares: readonly Share<BuiltTcpMapping>[]): readonly WeightedCluster[] {
  const weights = new Map<string, number>();
  for (const { member, percent } of shares) {
    const name = member.cluster?.name ?? "";
    weights.set(name, (weights.get(name) ?? 0) + percent);
  }
  return [...weights].map(([cluster, weight]) => ({ cluster, weight }));
}

/** The timeout is one for all connections, whichever member's cluster they go to: the oldest that has one decides. */
function commonIdleTimeout(oldestFirst: readonly BuiltTcpMapping[], problems: Problem[]): number | undefined {
  const [first, ...others] = oldestFirst.filter(({ idleTimeoutMs }) => idleTimeoutMs !== undefined);
  for (const { resource, idleTimeoutMs } of others) {
    if (first === undefined || idleTimeoutMs === first.idleTimeoutMs) continue;
    problems.push({
      code: "GroupConflict",
      severity: "warning",
      object: resource,
      path: ["spec", "idle_timeout_ms"],
      message: `the older ${keyOf(first.resource)} has the same port and host, and its ${first.idleTimeoutMs} counts for both`,
      advice: "write the same in both, or leave it out here",
    });
  }
  return first?.idleTimeoutMs;
}

function otherEnd({ resource, passesTls }: BuiltTcpMapping, oldest: BuiltTcpMapping): Problem {
  const does = passesTls ? "ends TLS at the gateway" : "lets TLS through";
  return {
    code: "GroupConflict",
    severity: "error",
    object: resource,
    path: ["spec", passesTls ? "tls_passthrough" : "host"],
    message: `the older ${keyOf(oldest.resource)} has the same port and host, and ${does}`,
    advice: "write the same tls_passthrough in both, or give one of them another host; this one is not used",
  };
}

function nothingTaken({ resource }: BuiltTcpMapping): Problem {
  return {
    code: "WeightSum",
    severity: "warning",
    object: resource,
    path: ["spec", "weight"],
    message: "all TCPMappings with the same port and host have the weight 0, so that connections are refused",
    advice: "give one of them a weight, or none",
  };
}
