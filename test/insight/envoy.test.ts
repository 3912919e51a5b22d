import { Agent, request as httpRequest } from "node:http";
import https from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Compiled } from "../../compile/compile.ts";
import { explain } from "../../insight/explain.ts";
import { locationOf, upstreamHost, upstreamPath } from "../../insight/explain/destination.ts";
import { fixedPlaces } from "../../insight/explain/upstream.ts";
import { drawOf, type Match, matchRequest } from "../../insight/match/match.ts";
import { mayMatch } from "../../insight/match/route.ts";
import type { Cluster } from "../../ir/types.ts";
import { routeTree } from "../../xds/resources/route-tree.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type Echo, type EchoBackend, echoBackend } from "../support/gateway.ts";
import { seeded, seedOfRun } from "../support/random.ts";
import { requestTls } from "../support/tls-client.ts";
import { type ObservedEnvoy, ROUTE_HEADER, startObservedEnvoy } from "./observed-envoy.ts";
import {
  type Manifest,
  object,
  pathsOf,
  randomConfig,
  randomRequest,
  randomWorld,
  type WorldRequest,
} from "./random-worlds.ts";

const TABLES = 100;
const REQUESTS = 100;

let envoy: ObservedEnvoy;
let backend: EchoBackend;
let port: number;
let tlsPort: number;

beforeAll(async () => {
  port = await freePort();
  tlsPort = await freePort();
  backend = await echoBackend("backend");
  envoy = await startObservedEnvoy();
});

afterAll(async () => {
  await envoy.stop();
  await backend.close();
});

interface Seen {
  /** What Envoy did: the route's name, or the status of an answer without one. */
  readonly taken: string;
  /** Where it sent the client on to, or the host and path that the backend saw. */
  readonly went: string | undefined;
  readonly server: string;
}

/** @param body of the backend, or of Envoy itself */
function seenBy(body: string): string | undefined {
  if (!body.startsWith("{")) return undefined;
  const { url, headers } = JSON.parse(body) as Echo;
  return `${headers["host"]}${url}`;
}

/** The same by the matcher's word. */
function wentBy({ ir }: Compiled, { outcome, arrived }: Match): string | undefined {
  if (outcome.kind !== "route" || arrived === undefined) return undefined;
  const { route } = outcome;
  if (route.action.kind === "redirect") return locationOf(route.action, route, arrived);
  const cluster = ir.clusters.get(route.action.cluster) as Cluster;
  return `${upstreamHost(route, arrived, fixedPlaces(cluster))}${upstreamPath(route, arrived)}`;
}

function ask(agent: Agent, { method, path, authority, headers }: WorldRequest): Promise<Seen> {
  const lines = [["host", authority], ...headers].flat();
  return new Promise((done, fail) => {
    const request = httpRequest({ host: "127.0.0.1", port, path, method, headers: lines, agent }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () => {
        const route = response.headers[ROUTE_HEADER];
        // What is refused has a route in Envoy's own eyes, and is not sent there.
        const isRouted = typeof route === "string" && response.statusCode !== 400;
        const taken = isRouted ? route : String(response.statusCode);
        const { location, server } = response.headers;
        done({ taken, went: location ?? seenBy(Buffer.concat(chunks).toString()), server: String(server) });
      });
    });
    request.on("error", fail);
    request.end();
  });
}

/** What Envoy may do by the matcher's word: one thing, unless weights leave it to chance. */
function expected(match: Match): readonly string[] {
  switch (match.outcome.kind) {
    case "refused":
      return ["400"];
    case "noVirtualHost":
      return ["404"];
    case "misdirected":
      return ["421"];
    case "noChain":
      return ["closed"];
    case "route":
    case "noRoute": {
      const drawn = drawOf(match);
      const rest = drawn.reduce((sum, { percent }) => sum + percent, 0) < 100 ? ["404"] : [];
      return [...drawn.map(({ route }) => route.name), ...rest];
    }
    default:
      return [match.outcome.kind];
  }
}

/** How many routes could take the request, were they the first. */
function candidates({ domain, arrived }: Match): number {
  if (arrived === undefined) return 0;
  return domain?.virtualHost?.routes.filter((route) => mayMatch(route, arrived)).length ?? 0;
}

function secret(name: string, { certificatePem, keyPem }: Certificate): Manifest {
  const encoded = (text: string) => Buffer.from(text).toString("base64");
  const data = { "tls.crt": encoded(certificatePem), "tls.key": encoded(keyPem) };
  return { apiVersion: "v1", kind: "Secret", metadata: { name }, type: "kubernetes.io/tls", data };
}

describe("the matcher and Envoy", () => {
  it("take the same route for 10,000 random requests on 100 random gateways", async () => {
    const seed = seedOfRun();
    const random = seeded(seed);
    const counts = {
      requests: 0,
      routed: 0,
      overlapping: 0,
      leftToChance: 0,
      refused: 0,
      trees: 0,
    };
    for (let table = 0; table < TABLES; table++) {
      const server = `table-${table}`;
      const routeMatching = table % 2 === 0 ? "list" : "tree";
      const listener = object("Listener", "http", {
        ...{ port, protocol: "HTTP", securityModel: random.pick(["XFP", "XFP", "XFP", "SECURE", "INSECURE"]) },
        ...(random.chance(0.2) ? { l7Depth: 1 } : {}),
        hostBinding: { namespace: { from: "ALL" } },
      });
      const config = { ...randomConfig(random), server_name: server };
      const module = object("Module", "ambassador", { config });
      const world = randomWorld(random, { service: backend.service });
      const compiled = await envoy.serve([module, listener, ...world], { routeMatching });
      const { ir } = compiled;
      const hosts = [...ir.tables.values()].flatMap(({ virtualHosts }) => virtualHosts);
      if (routeMatching === "tree")
        counts.trees += hosts.filter(({ routes }) => routeTree(routes) !== undefined).length;
      const agent = new Agent({ keepAlive: true, maxSockets: 8 });
      const settled = { method: "GET", path: "/", authority: "a.example.com", headers: [] };
      // Envoy's main thread acknowledges, and its worker follows.
      await eventually("the new listener", async () => (await ask(new Agent(), settled)).server === server);
      const paths = pathsOf(world);
      const requests = Array.from({ length: REQUESTS }, () => randomRequest(random, port, paths));
      await Promise.all(
        requests.map(async (request, index) => {
          const match = matchRequest(ir, { ...request, scheme: "http" });
          const allowed = expected(match);
          const { taken, went } = await ask(agent, request);
          counts.requests++;
          if (match.outcome.kind === "route") counts.routed++;
          if (match.outcome.kind === "refused") counts.refused++;
          if (candidates(match) >= 3) counts.overlapping++;
          if (allowed.length > 1) counts.leftToChance++;
          else if (match.outcome.kind === "route") {
            const { name } = match.outcome.route;
            const told = { seed, table, request };
            expect({ ...told, taken, went }).toEqual({ ...told, taken: name, went: wentBy(compiled, match) });
          }
          // An explanation is of the same match; that it tells the same is asked of some.
          if (index % 10 === 0) {
            const { route } = explain(compiled, { ...request, scheme: "http" });
            expect(route?.name).toBe(match.outcome.kind === "route" ? match.outcome.route.name : undefined);
          }
          if (!allowed.includes(taken))
            expect({ seed, table, request, config, taken }).toEqual({ seed, table, request, config, taken: allowed });
        }),
      );
      agent.destroy();
    }
    expect(counts.requests).toBe(10_000);
    // A generator whose requests meet nothing, or one route each, would prove nothing.
    expect(counts.routed).toBeGreaterThan(5_000);
    expect(counts.overlapping).toBeGreaterThan(2_000);
    expect(counts.leftToChance).toBeLessThan(2_000);
    expect(counts.trees).toBeGreaterThan(50);
  }, 300_000);

  it("find the same chain, certificate and route for 900 random requests with TLS", async () => {
    const seed = seedOfRun();
    const random = seeded(seed);
    const pairs = await Promise.all(["one", "two", "three"].map((name) => selfSigned({ hosts: [`${name}.test`] })));
    const secrets = pairs.map((pair, index) => secret(`s${index}`, pair));
    const counts = { route: 0, misdirected: 0, noChain: 0 };
    for (let table = 0; table < 15; table++) {
      const server = `tls-${table}`;
      const listener = object("Listener", "https", {
        ...{ port: tlsPort, protocol: "HTTPS", securityModel: "XFP" },
        hostBinding: { namespace: { from: "ALL" } },
      });
      const module = object("Module", "ambassador", { config: { server_name: server } });
      const hostSpec = () => (random.chance(0.8) ? { tlsSecret: { name: `s${random.integer(3)}` } } : {});
      const known = object("Host", "settled", { hostname: "settled.test", tlsSecret: { name: "s0" } });
      const world = randomWorld(random, { service: backend.service, hostSpec });
      const { ir } = await envoy.serve([module, listener, known, ...secrets, ...world]);
      const settled = { port: tlsPort, servername: "settled.test" };
      await eventually("the new chains", async () => (await requestTls(settled)).headers["server"] === server);
      const agent = new https.Agent({ keepAlive: true, maxSockets: 2 });
      const paths = pathsOf(world);
      const requests = Array.from({ length: 60 }, () => {
        const { authority, path } = randomRequest(random, tlsPort, paths);
        const name = random.chance(0.7)
          ? authority.replace(/:\d*$/, "")
          : random.pick(["x.b.example.com", "nobody.test"]);
        // Clients name no addresses, and Node nothing that is no host name.
        const isName = /^[a-zA-Z]/.test(name) && !name.endsWith(".") && random.chance(0.9);
        return { authority, path, serverName: isName ? name : undefined };
      });
      await Promise.all(
        requests.map(async ({ authority, path, serverName }) => {
          const match = matchRequest(ir, {
            ...{ method: "GET", scheme: "https", authority, path, headers: [] },
            serverName: serverName ?? "",
          });
          const { kind } = match.outcome;
          if (kind in counts) counts[kind as keyof typeof counts]++;
          const tls = match.chain?.kind === "http" ? match.chain.tls : undefined;
          const pair = pairs.find((_, index) => tls?.certificateSecret === `default/s${index}`);
          const seen = await requestTls({ port: tlsPort, host: authority, servername: serverName, path, agent }).then(
            ({ status, headers, serial }) => ({ taken: String(headers[ROUTE_HEADER] ?? status), serial }),
            () => ({ taken: "closed", serial: undefined }),
          );
          const allowed = expected(match);
          const taken = allowed.includes(seen.taken) ? seen.taken : allowed;
          const told = { seed, table, authority, path, serverName };
          expect({ ...told, ...seen }).toEqual({ ...told, taken, serial: pair?.serial });
        }),
      );
      agent.destroy();
    }
    expect(counts.route).toBeGreaterThan(400);
    expect(counts.misdirected).toBeGreaterThan(30);
    expect(counts.noChain).toBeGreaterThan(0);
  }, 120_000);
});
