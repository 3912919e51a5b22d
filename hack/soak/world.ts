/** What a gateway is given to serve, and what it is asked for: the state to which every cycle of changes comes back. */
import { type Child, startChild } from "../bench/child.ts";
import type { BackendMethods } from "../bench/backend.ts";
import type { Scope } from "../bench/session.ts";
import { freePort } from "../../test/cluster/loopback.ts";
import {
  ambassador,
  cleartextHost,
  endpointSlice,
  host,
  listener,
  type Manifest,
  mapping,
  service,
  tlsSecret,
} from "../../test/e2e/support/manifests.ts";
import { selfSigned } from "../../test/support/certificates.ts";
import type { Place } from "./place.ts";
import type { Target, TrafficMethods } from "./traffic.ts";

export const mappings = 200;
export const secureHosts = ["first.test", "second.test"] as const;

export interface Ports {
  readonly http: number;
  readonly https: number;
  /** Of Listeners that come and go. */
  readonly extra: readonly number[];
  /** Of a TCPMapping that comes and goes. */
  readonly tcp: number;
}

export interface World {
  readonly place: Place;
  readonly ports: Ports;
  /** Ports of the services, by their names. */
  readonly backends: Readonly<Record<BackendName, number>>;
  readonly traffic: Child<TrafficMethods>;
  /** Of the processes that are there for the gateway's sake. */
  readonly pids: readonly number[];
}

export type BackendName = "one" | "two";

/** A service's address in a Mapping. */
export const at = ({ place, backends }: Pick<World, "place" | "backends">, name: BackendName): string =>
  `http://${place.backendAddress}:${backends[name]}`;

export async function makeWorld(scope: Scope, place: Place): Promise<World> {
  const backend = startChild<BackendMethods>(scope, "backend.ts");
  const listen = (name: BackendName) => backend.call("listenOn", { name, address: place.backendAddress });
  const backends = { one: await listen("one"), two: await listen("two") };
  const traffic = startChild<TrafficMethods>(scope, "../soak/traffic.ts");
  const [http, https, tcp] = [await freePort(), await freePort(), await freePort()];
  const ports: Ports = { http, https, tcp, extra: [await freePort(), await freePort()] };
  const world = { place, ports, backends, traffic, pids: [process.pid, backend.pid, traffic.pid] };
  await place.put(
    "base",
    listener("http", http),
    listener("https", https, { protocol: "HTTPS" }),
    cleartextHost("any", "*"),
    ...secureHosts.map((hostname) => host(hostname, { hostname, tlsSecret: { name: hostname } })),
    service("rolling", 80, { headless: true }),
    mapping("rolling", { prefix: "/rolling/", service: "rolling", resolver: "endpoint" }),
    ambassador("KubernetesEndpointResolver", "endpoint", {}),
  );
  for (const hostname of secureHosts) await place.put(`secret-${hostname}`, await newSecret(hostname));
  await place.put("slice", slice(world, "one"));
  await place.put("mappings", ...baseMappings(world, "one"));
  await place.put("mended", mended(world));
  return world;
}

export async function newSecret(hostname: string): Promise<Manifest> {
  return tlsSecret(hostname, await selfSigned({ hosts: [hostname] }));
}

export function slice({ place, backends }: World, name: BackendName): Manifest {
  return endpointSlice("rolling", { address: place.backendAddress, port: backends[name] });
}

/** Each tenth has the named backend; twenty clusters. */
export function baseMappings(world: World, changed: BackendName): readonly Manifest[] {
  return Array.from({ length: mappings }, (_, index) =>
    mapping(`base-${index}`, {
      prefix: `/base-${index}/`,
      service: at(world, index % 10 === 0 ? changed : "one"),
      connect_timeout_ms: 3000 + (index % 20),
      // Pools would grow to the most that was ever needed at once, for most of an hour.
      cluster_idle_timeout_ms: 2000,
    }),
  );
}

/** One that is spoilt again and again, and never stops to be served. */
export function mended(world: World): Manifest {
  return mapping("mended", { prefix: "/mended/", service: at(world, "one") });
}

/** Requests that never end. */
export function baseTargets({ ports: { http, https } }: World): readonly Target[] {
  const paths = [
    ...Array.from({ length: mappings / 5 }, (_, index) => `/base-${index * 5}/`),
    ...["/rolling/", "/mended/", "/rolling/"],
  ];
  const [first, second] = secureHosts;
  const clear = { port: http, authority: "any.test", paths };
  const secure = (servername: string) => ({ port: https, servername, authority: servername, paths });
  return [
    { name: "HTTP/1.1, kept", ...clear, protocol: "http/1.1", anew: false, pauseMs: 15 },
    { name: "HTTP/1.1, new", ...clear, protocol: "http/1.1", anew: true, pauseMs: 30 },
    { name: "HTTP/2", ...clear, protocol: "h2", anew: false, pauseMs: 20 },
    { name: "TLS, kept", ...secure(first), protocol: "http/1.1", anew: false, pauseMs: 20 },
    { name: "TLS, new", ...secure(second), protocol: "http/1.1", anew: true, pauseMs: 50 },
    { name: "TLS HTTP/2, kept", ...secure(second), protocol: "h2", anew: false, pauseMs: 20 },
    { name: "TLS HTTP/2, new", ...secure(first), protocol: "h2", anew: true, pauseMs: 100 },
  ];
}
