import { memoByKey, memoForever } from "../../ir/memo.ts";
import { compareText, type Problem } from "../../ir/problem.ts";
import type { HttpChain, TerminationTls } from "../../ir/types.ts";
import type { BuiltHost } from "./host.ts";
import { globCovers } from "./hostname.ts";
import { suitsHttp3 } from "./http3.ts";
import type { BuiltListener } from "./listener.ts";
import { serverNameOf } from "./placement-problems.ts";
import { noRivals, type Rivals, rivalsOf } from "./rivals.ts";
import type { Arrival } from "./routes.ts";

/** What a table answers besides its Hosts' routes. */
export interface Around {
  readonly rivals: Rivals;
  /** The Listener has chains for other Hosts. */
  readonly hasOtherChains: boolean;
  /** Where all of its Hosts are served by HTTP/3. */
  readonly http3Port: number | undefined;
}

/** Rivals are remembered with their Hosts. */
export function sameAround(a: Around, b: Around): boolean {
  return a.rivals === b.rivals && a.hasOtherChains === b.hasOtherChains && a.http3Port === b.http3Port;
}

const alone: Around = { rivals: noRivals, hasOtherChains: false, http3Port: undefined };

/** Makes the table of some Hosts and returns its name. */
export type Place = (
  name: string,
  hosts: readonly BuiltHost[],
  arrivalOf: (host: BuiltHost) => Arrival,
  around: Around,
) => string;

/** Equal texts are equal settings. */
const textOf = memoForever((tls: TerminationTls) => JSON.stringify(tls));

export interface Chains {
  readonly chains: readonly HttpChain[];
  readonly problems: readonly Problem[];
}

/**
 * The filter chains of a Listener. Cleartext: one for all Hosts. TLS: one for each certificate and set of TLS settings, so
 * that Hosts which share them share a chain. A TLS Listener does not answer cleartext (Emissary #4171, #5626).
 */
export function chainsOf(
  listener: BuiltListener,
  hosts: readonly BuiltHost[],
  useRemoteAddress: boolean,
  place: Place,
  http3PortOf: (hosts: readonly BuiltHost[]) => number | undefined,
): Chains {
  if (hosts.length === 0)
    return {
      chains: [],
      problems: [nothingServed(listener, "no Host matches its hostBinding", "apply a Host, or widen hostBinding")],
    };
  if (!listener.tls) {
    const arrival = arrivalFor(listener, useRemoteAddress, "insecure");
    const table = place(listener.name, hosts, (host) => arrival(host), alone);
    return { chains: [{ kind: "http", name: "http", serverNames: [], tls: undefined, table }], problems: [] };
  }
  const { groups, problems } = grouping(listener, hosts);
  if (groups.length === 0) {
    return {
      chains: [],
      problems: [
        ...problems,
        nothingServed(
          listener,
          "none of its Hosts has a usable tlsSecret",
          "give a Host a tlsSecret; cleartext needs a Listener with protocol: HTTP",
        ),
      ],
    };
  }
  const arrival = arrivalFor(listener, useRemoteAddress, "secure");
  const chains = groups.map(({ hosts: some, rivals }): HttpChain => {
    const [first] = some;
    const names = some.map(serverNameOf);
    const name = first.key;
    return {
      kind: "http",
      name,
      serverNames: names.includes(undefined) ? [] : [...new Set(names as string[])].sort(compareText),
      tls: first.tls as TerminationTls,
      table: place(`${listener.name}/${name}`, some, arrival, {
        rivals,
        hasOtherChains: groups.length > 1,
        http3Port: http3PortOf(some),
      }),
    };
  });
  return { chains, problems };
}

/** Hosts of one chain, and the names in it that are not theirs. */
interface Group {
  readonly hosts: Members;
  readonly rivals: Rivals;
}

interface Grouping {
  readonly groups: readonly Group[];
  readonly problems: readonly Problem[];
}

/** Remembered while the Listener's Hosts are the same: it compares each wildcard with every other Host. */
const groupingOf = memoByKey((listener: BuiltListener, hosts) => groupHosts(listener, hosts as readonly BuiltHost[]));
const grouping = (listener: BuiltListener, hosts: readonly BuiltHost[]): Grouping => groupingOf(listener, hosts);

type Members = readonly [BuiltHost, ...BuiltHost[]];

/**
 * A chain for every server name has no names of its own, and so comes after every wildcard. Of its Hosts those that another
 * chain's wildcard covers need a chain that names them.
 */
function splitAny(group: Members, all: readonly Members[]): readonly Members[] {
  if (group.every((host) => serverNameOf(host) !== undefined)) return [group];
  const wildcards = all.filter((each) => each !== group).flat();
  const isCovered = (host: BuiltHost) =>
    serverNameOf(host) !== undefined &&
    wildcards.some((other) => serverNameOf(other) !== undefined && globCovers(other.hostname, host.hostname));
  const [first, ...more] = group.filter(isCovered);
  const [any, ...rest] = group.filter((host) => !isCovered(host));
  if (first === undefined || any === undefined) return [group];
  return [
    [any, ...rest],
    [first, ...more],
  ];
}

function suits(listener: BuiltListener, { tls, resource }: BuiltHost, problems: Problem[]): boolean {
  if (resource === undefined || tls === undefined || suitsHttp3(tls)) return true;
  problems.push({
    code: "HostConflict",
    severity: "warning",
    object: resource,
    path: ["spec"],
    message: `HTTP/3 needs TLS 1.3, which its max_tls_version rules out, so that the Listener ${listener.name} does not serve it`,
    advice: "raise max_tls_version, or keep the Host to TCP by the Listener's hostBinding",
  });
  return false;
}

function groupHosts(listener: BuiltListener, hosts: readonly BuiltHost[]): Grouping {
  const { secured: withTls, problems } = securedHosts(hosts);
  const secured = listener.quic ? withTls.filter((host) => suits(listener, host, problems)) : withTls;
  const bySettings = new Map<string, [BuiltHost, ...BuiltHost[]]>();
  for (const host of secured) {
    const key = JSON.stringify(host.tls);
    const known = bySettings.get(key);
    if (known === undefined) bySettings.set(key, [host]);
    else known.push(host);
  }
  // A Host whose TLS waits for its Secret is nobody else's meanwhile: that would serve it without what its TLS asks for.
  const known = new Set(secured);
  const waiting = hosts.filter((host) => host.wantsTls && !known.has(host));
  const all = [...bySettings.values()];
  const groups = all
    .flatMap((group) => splitAny(group, all))
    .map((group): Group => {
      const members = new Set(group);
      const others = () => [...secured, ...waiting].filter((host) => !members.has(host));
      return { hosts: group, rivals: rivalsOf(group, others) };
    });
  return { groups, problems };
}

/** Hosts that can have a TLS chain: SNI has no port and only whole-label wildcards, and each name is served by one Host. */
function securedHosts(hosts: readonly BuiltHost[]): { secured: readonly BuiltHost[]; problems: Problem[] } {
  const problems: Problem[] = [];
  const refuse = (host: BuiltHost, message: string, advice: string) => {
    if (host.resource === undefined) return;
    problems.push({
      code: "HostConflict",
      severity: "error",
      object: host.resource,
      path: ["spec", "hostname"],
      message,
      advice,
    });
  };
  const settings = new Map<string, { readonly host: BuiltHost; readonly tls: string }>();
  const secured = hosts.filter((host) => {
    if (host.tls === undefined) return false;
    const name = serverNameOf(host);
    if (name !== undefined && name.replace(/^\*\./, "").includes("*")) {
      refuse(
        host,
        `${JSON.stringify(host.hostname)} cannot be told apart by SNI, which knows whole names and *.name only`,
        'write "*.name" or a whole name; this Host is not served with TLS',
      );
      return false;
    }
    const tls = textOf(host.tls);
    const rival = settings.get(name ?? "*");
    if (rival !== undefined && rival.tls !== tls) {
      refuse(
        host,
        `the Host ${rival.host.key} has the same SNI name and another certificate or TLS settings`,
        "let both name the same tlsSecret and TLS settings; this Host is not served with TLS",
      );
      return false;
    }
    settings.set(name ?? "*", { host, tls });
    return true;
  });
  return { secured, problems };
}

/**
 * How requests arrive. Envoy itself sets x-forwarded-proto from the wire unless it trusts proxies in front (l7Depth) or is
 * told not to look at the peer (use_remote_address: false); only then does the header decide.
 */
function arrivalFor(
  listener: BuiltListener,
  useRemoteAddress: boolean,
  wire: "secure" | "insecure",
): (host: BuiltHost) => Arrival {
  const headerDecides = listener.trustedHops > 0 || !useRemoteAddress;
  return (host) => {
    switch (listener.securityModel) {
      case "SECURE":
        return { kind: "secure" };
      case "INSECURE":
        return { kind: "insecure", action: host.insecureAction };
      case "XFP":
        if (headerDecides) return { kind: "forwarded", action: host.insecureAction };
        return wire === "secure" ? { kind: "secure" } : { kind: "insecure", action: host.insecureAction };
    }
  };
}

function nothingServed(listener: BuiltListener, why: string, advice: string): Problem {
  return {
    code: "NoHost",
    severity: "warning",
    object: listener.resource,
    path: ["spec"],
    message: `nothing is served on port ${listener.port}, because ${why}`,
    advice,
  };
}
