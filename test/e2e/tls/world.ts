import type https from "node:https";
import { freePort } from "../../cluster/loopback.ts";
import { type Backend, type BackendTls, startBackend } from "../support/backend.ts";
import { type Answer, send, type SendOptions } from "../support/client.ts";
import { startWorld, type World } from "../support/cluster.ts";
import type { Gateway } from "../support/gateway.ts";
import { endpointSlice, host, listener, mapping, type Manifest, service } from "../support/manifests.ts";

type Spec = Readonly<Record<string, unknown>>;

/** A Listener that takes the Hosts of a test alone, and those Hosts. */
export interface Group {
  readonly port: number;
  readonly host: (name: string, hostname: string, spec?: Spec) => Manifest;
}

/** A cluster, a gateway, and one backend behind every path that no test maps. */
export interface TlsWorld {
  readonly world: World;
  readonly gateway: Gateway;
  readonly plain: Backend;
  readonly backend: (name: string, tls?: BackendTls) => Promise<Backend>;
  readonly group: (name: string, spec: Spec) => Promise<Group>;
  /** Resolves with the first answer on `/` that will do; by default a 200. */
  readonly served: (port: number, options: SendOptions, accept?: (answer: Answer) => boolean) => Promise<Answer>;
  readonly stop: () => Promise<void>;
}

export async function startTlsWorld(): Promise<TlsWorld> {
  const world = await startWorld();
  const backends: Backend[] = [];
  const backend = async (name: string, tls?: BackendTls): Promise<Backend> => {
    const started = await startBackend(name, tls);
    backends.push(started);
    return started;
  };
  const plain = await backend("plain");
  await world.apply(
    service("plain", 80, { headless: true }),
    endpointSlice("plain", plain),
    mapping("plain", { prefix: "/", service: "plain" }),
  );
  const gateway = await world.gateway();
  await gateway.ready();
  return {
    world,
    gateway,
    plain,
    backend,
    group: async (name, spec) => {
      const port = await freePort();
      const labels = { group: name };
      const hostBinding = { namespace: { from: "ALL" }, selector: { matchLabels: labels } };
      await world.apply(listener(name, port, { ...spec, hostBinding }));
      return { port, host: (hostName, hostname, more = {}) => host(hostName, { hostname, ...more }, labels) };
    },
    served: (port, options, accept = ({ status }) => status === 200) =>
      gateway.until(`an answer for ${options.host}`, async () => {
        const answer = await send(port, "/", options);
        return accept(answer) ? answer : undefined;
      }),
    stop: async () => {
      await world.stop();
      await Promise.all(backends.map((each) => each.close()));
    },
  };
}

export const withSecret = (name: string, spec: Spec = {}): Spec => ({ tlsSecret: { name }, ...spec });

/** TLS to a host name: SNI and Host header. */
export const to = (name: string, tls: https.RequestOptions = {}): SendOptions => ({
  host: name,
  tls: { servername: name, ...tls },
});

/** How a connection fails that the gateway does not want. */
export const refused = /ECONNRESET|EPROTO|socket hang up|alert|disconnected/;
