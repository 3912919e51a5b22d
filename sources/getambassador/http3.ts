import type { ServiceResource } from "../../crds/resources.ts";
import { memoByKey } from "../../ir/memo.ts";
import { compareText } from "../../ir/problem.ts";
import type { TerminationTls } from "../../ir/types.ts";
import type { BuiltHost } from "./host.ts";
import { type BuiltListener, takesHost } from "./listener.ts";

const typeOrder = ["LoadBalancer", "NodePort", "ClusterIP"];

/**
 * By a Listener's port the UDP port at which clients reach it: that of a Service in the gateway's namespace which forwards UDP
 * to it. Emissary says 443 in any case, so that HTTP/3 is lost wherever that is not so.
 */
export const publicPorts = memoByKey(
  (services: readonly ServiceResource[], [ownNamespace]): ReadonlyMap<number | string, number> => {
    const found = services
      .filter(({ namespace }) => namespace === ownNamespace)
      .flatMap(({ name, spec: { type, ports } }) =>
        ports
          .filter(({ protocol }) => protocol === "UDP")
          .map(({ port, targetPort = port }) => ({ name, type: typeOrder.indexOf(type), port, targetPort })),
      )
      .sort((a, b) => b.type - a.type || compareText(b.name, a.name) || b.port - a.port);
    return new Map(found.map(({ port, targetPort }) => [targetPort, port]));
  },
);

/** QUIC has no other version than TLS 1.3. */
export function suitsHttp3({ parameters }: TerminationTls): boolean {
  return parameters.maxVersion === undefined || parameters.maxVersion === "TLSv1_3";
}

/** The port at which clients of a TCP Listener are told to come by HTTP/3: where one on the same port serves all of the Hosts. */
export function http3PortOf(
  listener: BuiltListener,
  listeners: readonly BuiltListener[],
  hosts: readonly BuiltHost[],
  publicPortOf: ReadonlyMap<number | string, number>,
): number | undefined {
  if (listener.quic || !listener.tls) return undefined;
  const twin = listeners.find(({ quic, port }) => quic && port === listener.port);
  if (twin === undefined) return undefined;
  const serves = (host: BuiltHost) => takesHost(twin, host) && host.tls !== undefined && suitsHttp3(host.tls);
  return hosts.every(serves) ? (publicPortOf.get(twin.port) ?? twin.port) : undefined;
}
