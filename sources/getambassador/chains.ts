import { memoForever } from "../../ir/memo.ts";
import { compareText, type Problem } from "../../ir/problem.ts";
import type { HttpChain, TerminationTls } from "../../ir/types.ts";
import type { BuiltHost } from "./host.ts";
import type { BuiltListener } from "./listener.ts";
import { serverNameOf } from "./placement-problems.ts";
import type { Arrival } from "./routes.ts";

/** Makes the table of some Hosts and returns its name. */
export type Place = (name: string, hosts: readonly BuiltHost[], arrivalOf: (host: BuiltHost) => Arrival) => string;

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
): Chains {
  if (hosts.length === 0)
    return {
      chains: [],
      problems: [nothingServed(listener, "no Host matches its hostBinding", "apply a Host, or widen hostBinding")],
    };
  if (!listener.tls) {
    const arrival = arrivalFor(listener, useRemoteAddress, "insecure");
    const table = place(listener.name, hosts, (host) => arrival(host));
    return { chains: [{ kind: "http", name: "http", serverNames: [], tls: undefined, table }], problems: [] };
  }
  const { secured, problems } = securedHosts(hosts);
  if (secured.length === 0) {
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
  const groups = new Map<string, BuiltHost[]>();
  for (const host of secured) {
    const key = textOf(host.tls as TerminationTls);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [host]);
    else known.push(host);
  }
  const chains = [...groups.values()].map((group): HttpChain => {
    const [first] = group as [BuiltHost, ...BuiltHost[]];
    const names = group.map(serverNameOf);
    const name = first.key;
    return {
      kind: "http",
      name,
      serverNames: names.includes(undefined) ? [] : [...new Set(names as string[])].sort(compareText),
      tls: first.tls as TerminationTls,
      table: place(`${listener.name}/${name}`, group, arrival),
    };
  });
  return { chains, problems };
}

/** Hosts that can have a TLS chain: SNI has no port and only whole-label wildcards, and each name is served by one Host. */
function securedHosts(hosts: readonly BuiltHost[]): { secured: readonly BuiltHost[]; problems: readonly Problem[] } {
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
