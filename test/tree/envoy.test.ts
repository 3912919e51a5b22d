import fs from "node:fs";
import { Agent, request as httpRequest } from "node:http";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { zeroCounters } from "../../ir/counters.ts";
import type { Listener, Route } from "../../ir/types.ts";
import { silentLog } from "../../runtime/log.ts";
import { encodeFilters } from "../../xds/resources/filters-slot.ts";
import { encodeListener } from "../../xds/resources/listener.ts";
import { routeTree } from "../../xds/resources/route-tree.ts";
import { tableEncoder } from "../../xds/resources/table.ts";
import { type AdsServer, createAdsServer } from "../../xds/server/server.ts";
import { emptySnapshot, type Snapshot, type XdsResource } from "../../xds/snapshot.ts";
import { type BareEnvoy, freePort, spawnEnvoy } from "../support/envoy.ts";
import { seeded, seedOfRun } from "../support/random.ts";
import { randomRequest, randomTable, routeByList, type TestRequest } from "../support/route-tables.ts";

let directory: string;
let ads: AdsServer;
let envoy: BareEnvoy;
let ports: { readonly list: number; readonly tree: number };
let acknowledged: (snapshot: Snapshot) => void = () => undefined;
const agent = new Agent({ keepAlive: true, maxSockets: 8 });

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-"));
  ports = { list: await freePort(), tree: await freePort() };
  const socketPath = path.join(directory, "xds.sock");
  ads = await createAdsServer({
    socketPath,
    log: silentLog,
    onEvent: (event) => {
      if (event.kind === "acknowledged") acknowledged(event.snapshot);
      if (event.kind === "nack") throw new Error(event.message);
    },
  });
  envoy = spawnEnvoy({ adsSocket: socketPath, logLevel: "warning" });
});

afterAll(async () => {
  agent.destroy();
  await envoy.stop();
  await ads.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

function listener(name: "list" | "tree"): Listener {
  return {
    name,
    address: "127.0.0.1",
    port: ports[name],
    proxyProtocol: false,
    tlsInspector: false,
    quic: false,
    statPrefix: name,
    trustedHops: 0,
    http2MaxConcurrentStreams: undefined,
    connectionManager: { serverName: "envoy", useRemoteAddress: true, accessLogs: [], requestHeadersTimeoutMs: 0 },
    chains: [{ kind: "http", name: "http", serverNames: [], tls: undefined, table: name }],
    source: { object: { kind: "Listener", namespace: "default", name }, path: [] },
  };
}

const named = (...resources: readonly XdsResource[]) => new Map(resources.map((each) => [each.name, each]));

const encoders = {
  list: tableEncoder(zeroCounters, () => "list"),
  tree: tableEncoder(zeroCounters, () => "tree"),
};

async function serve(routes: readonly Route[]): Promise<void> {
  const virtualHosts = [{ name: "*", domain: "*", routes }];
  const table = (name: "list" | "tree") =>
    encoders[name].encode({ name, ignorePort: true, virtualHosts, misdirected: [], http3Port: undefined });
  const snapshot: Snapshot = {
    ...emptySnapshot,
    listener: named(encodeListener(listener("list")), encodeListener(listener("tree"))),
    extension: named(...encodeFilters([])),
    route: named(table("list"), table("tree")),
  };
  await new Promise<void>((done) => {
    acknowledged = (seen) => {
      if (seen === snapshot) done();
    };
    ads.setSnapshot(snapshot);
  });
}

/** The name of the route that Envoy took, told by the host that it redirects to. */
function routeTaken(port: number, { path, method, headers }: TestRequest): Promise<string | undefined> {
  return new Promise((done, fail) => {
    const request = httpRequest({ host: "127.0.0.1", port, path, method, headers, agent }, (response) => {
      response.resume();
      response.on("end", () => done(/^http:\/\/(r\d+)\.test/.exec(response.headers.location ?? "")?.[1]));
      response.on("error", fail);
    });
    request.on("error", fail);
    request.end();
  });
}

describe("tree and list in Envoy", () => {
  it("take the same route for 3,000 random requests on 30 random tables, and the one that the rules name", async () => {
    const seed = seedOfRun();
    const random = seeded(seed);
    let found = 0;
    for (let tables = 0; tables < 30; ) {
      const routes = randomTable(random, 5 + random.integer(60));
      if (routeTree(routes) === undefined) continue;
      tables++;
      await serve(routes);
      const requests = Array.from({ length: 100 }, () => randomRequest(random));
      await Promise.all(
        requests.map(async (request) => {
          const [byList, byTree] = await Promise.all([
            routeTaken(ports.list, request),
            routeTaken(ports.tree, request),
          ]);
          const named = routeByList(routes, request)?.name.replace("default/", "");
          if (named !== undefined) found++;
          expect({ seed, request, byList, byTree }).toEqual({ seed, request, byList: named, byTree: named });
        }),
      );
    }
    expect(found).toBeGreaterThan(1500);
  });
});
