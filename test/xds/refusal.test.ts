import { afterEach, describe, expect, it } from "@jest/globals";
import { Listener } from "../../xds/generated/envoy/config/listener/v3/listener.ts";
import { type Cluster, Cluster_LbPolicy } from "../../xds/generated/envoy/config/cluster/v3/cluster.ts";
import { UpstreamTlsContext } from "../../xds/generated/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import type { Snapshot, XdsResource } from "../../xds/snapshot.ts";
import { type BareEnvoy, freePort, spawnEnvoy } from "../support/envoy.ts";
import { get, startBackend } from "../support/http.ts";
import { Cleanup, type ControlPlaneOptions, type Rig, startRig, until } from "./harness.ts";
import {
  edsCluster,
  endpoints,
  listener,
  pack,
  prefixRoute,
  regexRoute,
  routes,
  snapshotOf,
  staticCluster,
} from "./resources.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Refused before Envoy has made anything of it, by a message that holds the resource and does not name it. */
const breaksAConstraint: Partial<Cluster> = { outlierDetection: { maxEjectionPercent: 500 } };
/** Refused by name. */
const hasNoSuchExtension: Partial<Cluster> = {
  transportSocket: {
    name: "none",
    configType: { $case: "typedConfig", value: { typeUrl: "type.googleapis.com/no.Such", value: Buffer.of() } },
  },
};
/** Refused by name, but Envoy 1.40 keeps it as warming. */
const hasABadRing: Partial<Cluster> = {
  lbPolicy: Cluster_LbPolicy.RING_HASH,
  lbConfig: { $case: "ringHashLbConfig", value: { minimumRingSize: 10, maximumRingSize: 5 } },
};

interface Scene extends Rig {
  readonly snapshot: Snapshot;
  readonly port: number;
  readonly backendPort: number;
}

/** An Envoy with the static cluster "a" and the routes "rc" to it. */
async function start(options: ControlPlaneOptions = {}): Promise<Scene> {
  const { port: backendPort } = cleanup.add(await startBackend("a"), (started) => started.close());
  const port = await freePort();
  const snapshot = snapshotOf({
    cluster: [staticCluster("a", backendPort)],
    listener: [listener({ name: "http", port, routes: "rc" })],
    route: [routes("rc", [prefixRoute("/", "a")])],
  });
  return { ...(await startRig(cleanup, snapshot, options)), snapshot, port, backendPort };
}

async function clusters(
  envoy: BareEnvoy,
): Promise<{ readonly active: readonly string[]; readonly warming: readonly string[] }> {
  const names = async (resource: string) => {
    const dump: unknown = JSON.parse((await envoy.admin(`/config_dump?resource=${resource}&mask=cluster.name`)).body);
    return [...JSON.stringify(dump).matchAll(/"name":"([^"]+)"/g)].map((match) => match[1] ?? "").sort();
  };
  return { active: await names("dynamic_active_clusters"), warming: await names("dynamic_warming_clusters") };
}

const withClusters = (snapshot: Snapshot, ...more: readonly XdsResource[]) =>
  snapshotOf({ cluster: [...snapshot.cluster.values(), ...more] }, snapshot);

describe("of several clusters with a bad one", () => {
  it.each([
    ["refused as a whole", breaksAConstraint, "OutlierDetectionValidationError.MaxEjectionPercent"],
    ["refused by name", hasNoSuchExtension, "Didn't find a registered implementation"],
    ["refused and kept as warming", hasABadRing, "ring hash: minimum_ring_size (10) > maximum_ring_size (5)"],
  ])(
    "%s, the good ones are served, the bad one is named, and later changes are taken at once",
    async (_kind, bad, reason) => {
      const { control, envoy, snapshot, backendPort } = await start({ barrierMs: 300 });
      const mixed = withClusters(
        snapshot,
        staticCluster("good", backendPort),
        staticCluster("bad", backendPort, bad),
        edsCluster("eds"),
      );
      const withEndpoints = snapshotOf({ endpoint: [endpoints("eds", backendPort)] }, mixed);
      const { refused } = await control.install(withEndpoints);
      expect(refused.map(({ type, name }) => `${type} ${name}`)).toEqual(["cluster bad"]);
      expect(refused[0]?.message).toContain(reason);
      expect(control.nacks().map((nack) => nack.resources.map(({ name }) => name))).toEqual([["bad"]]);
      await until("the good ones are there alone", async () => {
        const { active, warming } = await clusters(envoy);
        return active.join() === "a,eds,good" && warming.length === 0;
      });
      await control.install(withClusters(withEndpoints, staticCluster("later", backendPort)));
      expect((await clusters(envoy)).active).toEqual(["a", "eds", "good", "later"]);
      expect(control.nacks()).toHaveLength(1);
    },
  );
});

describe("a bad change of a cluster in use", () => {
  it.each([
    ["refused as a whole", breaksAConstraint],
    ["refused by name", hasNoSuchExtension],
    ["refused and kept as warming", hasABadRing],
  ])("%s, leaves the last good one serving, and a good change after it is taken", async (_kind, bad) => {
    const { control, envoy, snapshot, port, backendPort } = await start({ barrierMs: 300 });
    const { refused } = await control.install(
      snapshotOf({ cluster: [staticCluster("a", backendPort, bad)] }, snapshot),
    );
    expect(refused.map(({ name }) => name)).toEqual(["a"]);
    expect((await get(port, "/")).status).toBe(200);
    await until("nothing is warming", async () => (await clusters(envoy)).warming.length === 0);
    const repaired = await control.install(
      snapshotOf({ cluster: [staticCluster("a", backendPort, { altStatName: "repaired" })] }, snapshot),
    );
    expect(repaired.refused).toEqual([]);
    expect((await get(port, "/")).status).toBe(200);
  });
});

it("names every bad cluster of a hundred, although Envoy cuts the message", async () => {
  const { control, envoy, snapshot, backendPort } = await start({ barrierMs: 300 });
  const many = Array.from({ length: 100 }, (_, index) =>
    staticCluster(`cluster-${index}`, backendPort, index % 2 === 0 ? hasNoSuchExtension : {}),
  );
  const { refused } = await control.install(withClusters(snapshot, ...many));
  expect(refused.map(({ name }) => name)).toEqual(
    many.map(({ name }) => name).filter((_name, index) => index % 2 === 0),
  );
  expect((await clusters(envoy)).active).toHaveLength(51);
});

it("shows nothing of a refused resource but the reason: a cluster may hold a private key", async () => {
  const { control, snapshot, backendPort } = await start();
  const tls = pack(UpstreamTlsContext, {
    sni: "x".repeat(300),
    commonTlsContext: { tlsCertificates: [{ privateKey: { specifier: { $case: "inlineString", value: "PRIVATE" } } }] },
  });
  const leaky = staticCluster("leaky", backendPort, {
    transportSocket: { name: "tls", configType: { $case: "typedConfig", value: tls } },
  });
  await control.install(withClusters(snapshot, leaky));
  expect(control.nacks().map(({ message }) => message)).toEqual([
    expect.stringContaining("value length must be at most 255 bytes"),
  ]);
  expect(JSON.stringify(control.events.filter(({ kind }) => kind !== "acknowledged"))).not.toContain("PRIVATE");
});

it("of several listeners with a bad one, the good one is up and the bad one named", async () => {
  const { control, snapshot, port, backendPort } = await start();
  const second = await freePort();
  const unknown = {
    name: "none",
    configType: {
      $case: "typedConfig" as const,
      value: { typeUrl: "type.googleapis.com/no.Such", value: Buffer.of() },
    },
  };
  const mixed = snapshotOf(
    {
      listener: [
        ...snapshot.listener.values(),
        listener({ name: "bad", port: await freePort(), routes: "rc", filters: [unknown] }),
        listener({ name: "taken", port: backendPort, routes: "rc" }),
        listener({ name: "good", port: second, routes: "rc" }),
      ],
    },
    snapshot,
  );
  const { refused } = await control.install(mixed);
  expect(refused.map(({ name }) => name)).toEqual(["bad", "taken"]);
  await until("the good listener is up", () =>
    get(second, "/").then(
      (reply) => reply.status === 200,
      () => false,
    ),
  );
  expect((await get(port, "/")).status).toBe(200);
});

it("a listener that breaks a constraint is found by halves, and the others come up", async () => {
  const { control, snapshot } = await start();
  const second = await freePort();
  const nameless = xdsResource("listener", "nameless", [
    Listener.encode({ name: "nameless", filterChains: [{ filters: [{}] }] }).finish(),
  ]);
  const mixed = snapshotOf(
    { listener: [...snapshot.listener.values(), nameless, listener({ name: "good", port: second, routes: "rc" })] },
    snapshot,
  );
  const { refused } = await control.install(mixed);
  expect(refused.map(({ name }) => name)).toEqual(["nameless"]);
  await until("the good listener is up", () =>
    get(second, "/").then(
      (reply) => reply.status === 200,
      () => false,
    ),
  );
});

it("bad routes leave the last good ones serving, others in the same push are taken, and the repair is", async () => {
  const { control, snapshot, port } = await start();
  const second = await freePort();
  const two = snapshotOf(
    {
      listener: [...snapshot.listener.values(), listener({ name: "second", port: second, routes: "other" })],
      route: [routes("rc", [prefixRoute("/", "a")]), routes("other", [prefixRoute("/", "a")])],
    },
    snapshot,
  );
  await control.install(two);
  await until("the second listener is up", () =>
    get(second, "/").then(
      (reply) => reply.status === 200,
      () => false,
    ),
  );
  const bad = snapshotOf(
    { route: [routes("rc", [regexRoute("a(((", "a")]), routes("other", [prefixRoute("/moved", "a")])] },
    two,
  );
  const { refused } = await control.install(bad);
  expect(refused.map(({ type, name, message }) => `${type} ${name}: ${message}`)).toEqual([
    "route rc: missing ): a(((",
  ]);
  expect((await get(port, "/")).status).toBe(200);
  await until("the other routes have moved", async () => (await get(second, "/")).status === 404);
  expect((await get(second, "/moved")).status).toBe(200);
  expect((await control.install(two)).refused).toEqual([]);
});

it("a fresh Envoy comes up without the bad ones", async () => {
  const { snapshot, backendPort, socketPath, control, envoy } = await start({ barrierMs: 300 });
  const bad = withClusters(
    snapshot,
    staticCluster("ring", backendPort, hasABadRing),
    staticCluster("extension", backendPort, hasNoSuchExtension),
    staticCluster("constraint", backendPort, breaksAConstraint),
    staticCluster("good", backendPort),
  );
  await control.install(bad);
  await envoy.stop();
  await until("its stream is closed", () => control.server.streams().length === 0);
  const fresh = cleanup.add(spawnEnvoy({ adsSocket: socketPath }), (process) => process.stop());
  await fresh.live();
  await until("the good ones are there alone", async () => {
    const { active, warming } = await clusters(fresh);
    return active.join() === "a,good" && warming.length === 0;
  });
  await control.install(withClusters(bad, staticCluster("later", backendPort)));
  expect((await clusters(fresh)).active).toEqual(["a", "good", "later"]);
});
