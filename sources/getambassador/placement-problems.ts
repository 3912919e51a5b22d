import { compareText, type Problem } from "../../ir/problem.ts";
import { memoForever } from "../../ir/memo.ts";
import type { BuiltHost } from "./host.ts";
import { withoutPort } from "./hostname.ts";
import type { BuiltListener } from "./listener.ts";
import type { BuiltMapping } from "./mapping.ts";

function olderFirst<T extends { readonly resource: { readonly creationTimestamp: string } | undefined }>(
  a: T,
  b: T,
): number {
  return compareText(a.resource?.creationTimestamp ?? "", b.resource?.creationTimestamp ?? "");
}

/** Two Hosts of one hostname: the older is served. */
export function hostConflicts(hosts: readonly BuiltHost[]): {
  hosts: readonly BuiltHost[];
  problems: readonly Problem[];
} {
  const byName = new Map<string, BuiltHost>();
  const refused = new Map<BuiltHost, BuiltHost>();
  for (const host of [...hosts].sort(olderFirst)) {
    const known = byName.get(host.hostname);
    if (known === undefined) byName.set(host.hostname, host);
    else if (!sameListeners(known, host)) continue;
    else refused.set(host, known);
  }
  const problems = [...refused].flatMap(([host, winner]): Problem[] =>
    host.resource === undefined
      ? []
      : [
          {
            code: "HostConflict",
            severity: "error",
            object: host.resource,
            path: ["spec", "hostname"],
            message: `${JSON.stringify(host.hostname)} is the hostname of the older Host ${winner.key} too`,
            advice: "give each Host a hostname of its own; this one is not served",
          },
        ],
  );
  return { hosts: refused.size === 0 ? hosts : hosts.filter((host) => !refused.has(host)), problems };
}

/** Hosts that no Listener can tell apart: labels and namespaces decide which Listener takes them. */
function sameListeners(a: BuiltHost, b: BuiltHost): boolean {
  if (a.resource === undefined || b.resource === undefined) return true;
  return (
    a.resource.namespace === b.resource.namespace &&
    JSON.stringify(a.resource.labels) === JSON.stringify(b.resource.labels)
  );
}

/** Two Listeners on one port: the older is opened. TCP and UDP have ports of their own. */
export function listenerConflicts(listeners: readonly BuiltListener[]): {
  listeners: readonly BuiltListener[];
  problems: readonly Problem[];
} {
  const byPort = new Map<string, BuiltListener>();
  const placeOf = ({ port, quic }: BuiltListener): string => `${quic ? "udp" : "tcp"} ${port}`;
  const problems: Problem[] = [];
  for (const listener of [...listeners].sort(olderFirst)) {
    const known = byPort.get(placeOf(listener));
    if (known === undefined) {
      byPort.set(placeOf(listener), listener);
      continue;
    }
    problems.push({
      code: "PortConflict",
      severity: "error",
      object: listener.resource,
      path: ["spec", "port"],
      message: `${listener.port} is the port of the Listener ${known.name} too`,
      advice: "choose another port, or remove one of the two; this one is not opened",
    });
  }
  return {
    listeners: problems.length === 0 ? listeners : listeners.filter((each) => byPort.get(placeOf(each)) === each),
    problems,
  };
}

const detachedProblem = memoForever((mapping: BuiltMapping): Problem => {
  const hasHost = mapping.hostname !== undefined || mapping.hostRegex !== undefined;
  return {
    code: "NotAttached",
    severity: "warning",
    object: mapping.resource,
    path: hasHost ? ["spec", mapping.resource.spec.hostname === undefined ? "host" : "hostname"] : ["spec"],
    message: hasHost
      ? `no Host takes it: none has a hostname that overlaps ${JSON.stringify(mapping.hostname ?? mapping.hostRegex)} (and a mappingSelector, if any, that matches its labels)`
      : "no Host takes it: it has no hostname, and no Host's mappingSelector matches its labels",
    advice: hasHost
      ? "apply a Host with that hostname, or change the hostname"
      : 'add hostname: "*", or a label that a Host selects',
  };
});

/** Mappings that no Host takes: they are valid and serve nothing. */
export function detachedProblems(mappings: readonly BuiltMapping[]): readonly Problem[] {
  return mappings.map((mapping) => detachedProblem(mapping));
}

/** SNI of a Host: its hostname without a port; none for the one that takes every name. */
export function serverNameOf(host: BuiltHost): string | undefined {
  const name = withoutPort(host.hostname);
  return name === "*" ? undefined : name;
}
