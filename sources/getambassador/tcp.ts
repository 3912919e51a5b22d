import type { ListenerSpec } from "../../crds/listener.ts";
import { memoByKey, memoLast } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { keyOf, type Resource } from "../../ir/resource.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { Cluster, TcpChain } from "../../ir/types.ts";
import type { BuiltHost } from "./host.ts";
import { buildListener, type BuiltListener, takesHost } from "./listener.ts";
import { serverNameOf } from "./placement-problems.ts";
import { type TcpGroup, tcpGroups } from "./tcp-group.ts";
import { type BuiltTcpMapping, canonicalAddress } from "./tcp-mapping.ts";
import { terminationOf } from "./tcp-tls.ts";
import type { TlsContext } from "./tls-settings.ts";
import { olderFirst } from "./weights.ts";

/** Everything that TCPMappings lead to. */
export interface TcpPlacement {
  /** Opened for TCPMappings alone, because no Listener has their port and address. */
  readonly listeners: readonly BuiltListener[];
  readonly clusters: readonly Cluster[];
  readonly problems: readonly Problem[];
  chains(listener: BuiltListener): readonly TcpChain[];
  /** Whether a TCPMapping takes the TLS connections of a Host there. */
  takes(listener: BuiltListener, host: BuiltHost): boolean;
}

type Place = (
  mappings: readonly BuiltTcpMapping[],
  listeners: readonly BuiltListener[],
  hosts: readonly BuiltHost[],
  contexts: readonly TlsContext[],
  settings: CompileSettings,
) => TcpPlacement;

const ANY = "*";

/** Puts TCPMappings on Listeners. The same answer for as long as none of its inputs changes. */
export function tcpPlacer(): Place {
  const synthesise = memoByKey((oldest: BuiltTcpMapping, [address, protocol]) =>
    ownListener(oldest, address as string, protocol as "TCP" | "TLS"),
  );
  return memoLast((mappings, listeners, hosts, contexts, settings) => {
    const problems: Problem[] = [];
    const placed = new Map<BuiltListener, Placed[]>();
    const own: BuiltListener[] = [];
    const gatewayAddress = canonicalAddress(settings.bindAddress) ?? settings.bindAddress;
    const listenerOf = listenersByPort(listeners, gatewayAddress);
    for (const bound of byBinding(tcpGroups(mappings, gatewayAddress))) {
      const [{ port, address }] = bound;
      for (const group of bound) problems.push(...group.problems);
      const found = listenerOf(address, port);
      if (found?.usable === false) {
        problems.push(...bound.flatMap(({ members }) => members.map((each) => notOpened(each, found))));
        continue;
      }
      const chains: Placed[] = [];
      for (const group of bound) {
        const { chain, problems: ofChain } = chainOf(group, found, { hosts, contexts });
        problems.push(...ofChain);
        if (chain !== undefined) chains.push({ group, chain });
      }
      const [oldest] = chains.map(({ group }) => group.oldest).sort(olderFirst);
      if (oldest === undefined) continue;
      const protocol = chains.some(({ chain }) => chain.onlyTls) ? "TLS" : "TCP";
      const listener = found ?? synthesise(oldest, [address, protocol]);
      if (found === undefined) own.push(listener);
      placed.set(listener, chains);
    }
    const takes = (listener: BuiltListener, host: BuiltHost) =>
      listener.tls && placed.get(listener)?.some((each) => claims(each, host)) === true;
    for (const [listener, chains] of placed) problems.push(...conflicts(listener, chains, hosts));
    for (const listener of listeners)
      if (listener.usable && !listener.http && !placed.has(listener)) problems.push(nothingServed(listener));
    const clusters = new Map<string, Cluster>();
    for (const { group } of [...placed.values()].flat())
      for (const { cluster } of group.members) if (cluster !== undefined) clusters.set(cluster.name, cluster);
    return {
      listeners: own,
      clusters: [...clusters.values()],
      problems,
      chains: (listener) => placed.get(listener)?.map(({ chain }) => chain) ?? [],
      takes,
    };
  });
}

interface Placed {
  readonly group: TcpGroup;
  readonly chain: TcpChain;
}

/** Groups of one port and address together. */
function byBinding(groups: readonly TcpGroup[]): readonly [TcpGroup, ...TcpGroup[]][] {
  const bindings: [TcpGroup, ...TcpGroup[]][] = [];
  for (const group of groups) {
    const last = bindings.at(-1);
    if (last !== undefined && last[0].port === group.port && last[0].address === group.address) last.push(group);
    else bindings.push([group]);
  }
  return bindings;
}

/** Listeners with an error too: what such a one was to be is not known, and a port opened in another way could be the wrong one. */
function listenersByPort(
  listeners: readonly BuiltListener[],
  gatewayAddress: string,
): (address: string, port: number) => BuiltListener | undefined {
  const byPort = new Map<number, BuiltListener>();
  for (const listener of listeners) {
    const { port, resource, usable } = listener;
    if (resource.spec.protocolStack?.at(-1) === "UDP" || resource.spec.protocol === "UDP") continue;
    if (usable || !byPort.has(port)) byPort.set(port, listener);
  }
  return (address, port) => (address === gatewayAddress ? byPort.get(port) : undefined);
}

/** Source: Emissary `irlistener.py` ListenerFactory.finalize. */
function ownListener(oldest: BuiltTcpMapping, address: string, protocol: "TCP" | "TLS"): BuiltListener {
  const { port, resource } = oldest;
  const spec: ListenerSpec = { port, protocol, securityModel: "SECURE", hostBinding: { namespace: { from: "ALL" } } };
  const standIn: Resource<ListenerSpec> = { ...resource, spec };
  return { ...buildListener(standIn), name: `listener-${address}-${port}`, address };
}

function chainOf(
  group: TcpGroup,
  listener: BuiltListener | undefined,
  certificates: Parameters<typeof terminationOf>[1],
): { readonly chain: TcpChain | undefined; readonly problems: readonly Problem[] } {
  const { host, passesTls, idleTimeoutMs, members, clusters } = group;
  if (members.length === 0) return { chain: undefined, problems: [] };
  if (host === undefined && listener?.http === true && !listener.tls)
    return { chain: undefined, problems: members.map((member) => allIsHttp(member, listener)) };
  const ends = host !== undefined && !passesTls;
  const { tls, problems } = ends ? terminationOf(group, certificates) : { tls: undefined, problems: [] };
  if (ends && tls === undefined) return { chain: undefined, problems };
  const chain: TcpChain = {
    kind: "tcp",
    name: host === undefined ? "tcp" : `tcp/${host}`,
    onlyTls: host !== undefined,
    serverNames: host === undefined || host === ANY ? [] : [host],
    tls,
    clusters,
    idleTimeoutMs,
    sources: members.map(({ source }) => source),
  };
  return { chain, problems };
}

function claims({ group }: Placed, host: BuiltHost): boolean {
  return host.tls !== undefined && group.host !== undefined && group.host === (serverNameOf(host) ?? ANY);
}

/** TCPMappings come before Hosts of the same name. Source: Emissary `v3listener.py`. */
function conflicts(
  listener: BuiltListener,
  chains: readonly Placed[],
  hosts: readonly BuiltHost[],
): readonly Problem[] {
  if (!listener.http || !listener.tls) return [];
  return chains.flatMap((placed) =>
    hosts
      .filter((host) => takesHost(listener, host) && claims(placed, host))
      .flatMap(({ resource, key }): Problem[] => {
        const { host = ANY, members, port } = placed.group;
        const names = members.map((member) => keyOf(member.resource)).join(", ");
        const common = { code: "HostConflict", severity: "warning" } as const;
        const ofMappings = members.map(
          (member): Problem => ({
            ...common,
            object: member.resource,
            path: ["spec", "host"],
            message: `it takes the connections for ${JSON.stringify(host)} on port ${port} from the Host ${key}, which is not served there`,
            advice: "choose another port or host, if HTTP is to be answered there",
          }),
        );
        if (resource === undefined) return ofMappings;
        const ofHost: Problem = {
          ...common,
          object: resource,
          path: ["spec", "hostname"],
          message: `on port ${port} the connections for ${JSON.stringify(host)} go to the TCPMapping ${names}, so that HTTP is not answered there`,
          advice:
            "move the TCPMapping to another port or host; as the certificate of its TCPMapping the Host is used all the same",
        };
        return [ofHost, ...ofMappings];
      }),
  );
}

function allIsHttp({ resource, port }: BuiltTcpMapping, listener: BuiltListener): Problem {
  return {
    code: "PortConflict",
    severity: "error",
    object: resource,
    path: ["spec", "port"],
    message: `the Listener ${listener.name} answers HTTP to every connection of port ${port}, and without host this takes every connection too`,
    advice: "choose another port, or write host to take the TLS connections of one name; this one is not used",
  };
}

function notOpened({ resource, port }: BuiltTcpMapping, listener: BuiltListener): Problem {
  return {
    code: "NotAttached",
    severity: "warning",
    object: resource,
    path: ["spec", "port"],
    message: `it takes no connections, because the Listener ${listener.name} of port ${port} has an error`,
    advice: "correct the Listener, or remove it: then the port is opened for the TCPMapping alone",
  };
}

function nothingServed(listener: BuiltListener): Problem {
  return {
    code: "NoHost",
    severity: "warning",
    object: listener.resource,
    path: ["spec"],
    message: `nothing is served on port ${listener.port}, because no usable TCPMapping has it`,
    advice: `apply a TCPMapping with port: ${listener.port}; for HTTP write protocol: HTTP or HTTPS`,
  };
}
