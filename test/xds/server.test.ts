import { afterEach, describe, expect, it } from "@jest/globals";
import { RBAC } from "../../xds/generated/envoy/extensions/filters/http/rbac/v3/rbac.ts";
import { type Policy, type RBAC as Rules, RBAC_Action } from "../../xds/generated/envoy/config/rbac/v3/rbac.ts";
import { TypedExtensionConfig } from "../../xds/generated/envoy/config/core/v3/extension.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import { freePort, spawnEnvoy } from "../support/envoy.ts";
import { get, startBackend, startLoad } from "../support/http.ts";
import { Cleanup, replaceControlPlane, startRig, until } from "./harness.ts";
import {
  discoveredFilter,
  edsCluster,
  endpoints,
  listener,
  pack,
  prefixRoute,
  routes,
  snapshotOf,
  staticCluster,
} from "./resources.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

async function backend(name: string) {
  return cleanup.add(await startBackend(name), (started) => started.close());
}

/** One listener, routes "rc", everything to the EDS cluster "a". */
async function simple(): Promise<{ readonly snapshot: Snapshot; readonly port: number; readonly backendPort: number }> {
  const { port: backendPort } = await backend("a");
  const port = await freePort();
  const snapshot = snapshotOf({
    cluster: [edsCluster("a")],
    endpoint: [endpoints("a", backendPort)],
    listener: [listener({ name: "http", port, routes: "rc" })],
    route: [routes("rc", [prefixRoute("/", "a")])],
  });
  return { snapshot, port, backendPort };
}

const shape = (sent: readonly { readonly type: string; readonly names: number; readonly removed: number }[]) =>
  sent.map(({ type, names, removed }) => `${type} +${names} -${removed}`);

describe("a real Envoy", () => {
  it("is live with the first snapshot, each type sent once", async () => {
    const { snapshot, port } = await simple();
    const { control } = await startRig(cleanup, snapshot);
    expect((await get(port, "/")).body).toBe("a");
    expect(shape(control.sent())).toEqual([
      "runtime +1 -0",
      "cluster +1 -0",
      "endpoint +1 -0",
      "listener +1 -0",
      "route +1 -0",
    ]);
  });

  it("takes a change of routes by one response", async () => {
    const { snapshot, port } = await simple();
    const { control } = await startRig(cleanup, snapshot);
    const before = control.sent().length;
    await control.install(snapshotOf({ route: [routes("rc", [prefixRoute("/only", "a")])] }, snapshot));
    await until("the route is gone", async () => (await get(port, "/")).status === 404);
    expect((await get(port, "/only")).status).toBe(200);
    expect(shape(control.sent().slice(before))).toEqual(["route +1 -0"]);
  });

  it("takes a change of endpoints by one response", async () => {
    const { snapshot, port } = await simple();
    const { control } = await startRig(cleanup, snapshot);
    const before = control.sent().length;
    await control.install(snapshotOf({ endpoint: [endpoints("a", (await backend("b")).port)] }, snapshot));
    await until("the endpoint has changed", async () => (await get(port, "/")).body === "b");
    expect(shape(control.sent().slice(before))).toEqual(["endpoint +1 -0"]);
  });

  it("takes a change of a filter by one response, on the same listener", async () => {
    const { snapshot, port } = await simple();
    const filtered = snapshotOf(
      {
        listener: [
          listener({ name: "http", port, routes: "rc", filters: [discoveredFilter("rbac", pack(RBAC, {}).typeUrl)] }),
        ],
        extension: [rbac(true)],
      },
      snapshot,
    );
    const { control, envoy } = await startRig(cleanup, filtered);
    expect((await get(port, "/")).status).toBe(200);
    const before = control.sent().length;
    await control.install(snapshotOf({ extension: [rbac(false)] }, filtered));
    await until("requests are denied", async () => (await get(port, "/")).status === 403);
    expect(shape(control.sent().slice(before))).toEqual(["extension +1 -0"]);
    expect(await envoy.stat("listener_manager.listener_modified")).toBe(0);
  });

  it("loses a cluster only when the grace period after its last route has passed", async () => {
    const { snapshot, port } = await simple();
    const { control, envoy } = await startRig(cleanup, snapshot, { graceMs: 300 });
    const b = await backend("b");
    const acknowledgedAt = await control
      .install(
        snapshotOf({ cluster: [staticCluster("b", b.port)], route: [routes("rc", [prefixRoute("/", "b")])] }, snapshot),
      )
      .then(() => performance.now());
    expect((await get(port, "/")).body).toBe("b");
    expect((await envoy.admin("/clusters")).body).toContain("a::");
    await until("the cluster is removed", async () => !(await envoy.admin("/clusters")).body.includes("a::"));
    expect(performance.now() - acknowledgedAt).toBeGreaterThanOrEqual(290);
    expect(shape(control.sent()).at(-1)).toBe("cluster +0 -1");
  });

  it("gets everything again when it is restarted", async () => {
    const { snapshot, port } = await simple();
    const rig = await startRig(cleanup, snapshot);
    await rig.envoy.stop();
    await until("its stream is closed", () => rig.control.server.streams().length === 0);
    const before = rig.control.sent().length;
    const again = cleanup.add(spawnEnvoy({ adsSocket: rig.socketPath }), (process) => process.stop());
    await again.live();
    expect((await get(port, "/")).body).toBe("a");
    expect(shape(rig.control.sent().slice(before))).toEqual([
      "runtime +1 -0",
      "cluster +1 -0",
      "endpoint +1 -0",
      "listener +1 -0",
      "route +1 -0",
    ]);
  });
});

function rbac(allows: boolean) {
  const rules: Rules = allows
    ? { action: RBAC_Action.DENY, policies: { never } }
    : { action: RBAC_Action.ALLOW, policies: {} };
  const config = { name: "rbac", typedConfig: pack(RBAC, { rules }) };
  return xdsResource("extension", "rbac", [TypedExtensionConfig.encode(config).finish()]);
}

const never: Policy = {
  permissions: [{ rule: { $case: "notRule", value: { rule: { $case: "any", value: true } } } }],
  principals: [{ identifier: { $case: "any", value: true } }],
};

describe("a control plane that is replaced while Envoy serves", () => {
  it("sends nothing if nothing changed, and no request is lost", async () => {
    const { snapshot, port, backendPort } = await simple();
    const rig = await startRig(cleanup, snapshot);
    const load = startLoad(port, "/");
    // Built anew, as after a restart: equal content, other objects.
    const again = snapshotOf({
      cluster: [edsCluster("a")],
      endpoint: [endpoints("a", backendPort)],
      listener: [listener({ name: "http", port, routes: "rc" })],
      route: [routes("rc", [prefixRoute("/", "a")])],
    });
    const next = await replaceControlPlane(cleanup, rig, again);
    const seen = load.sent();
    await until("requests go on", () => load.sent() > seen + 200);
    const { failures } = await load.stop();
    expect(next.sent()).toEqual([]);
    expect([...failures]).toEqual([]);
  });

  it("moves the routes before it removes what only Envoy knows", async () => {
    const { snapshot, port } = await simple();
    const rig = await startRig(cleanup, snapshot);
    const load = startLoad(port, "/");
    const b = await backend("b");
    const changed = snapshotOf(
      { cluster: [staticCluster("b", b.port)], endpoint: [], route: [routes("rc", [prefixRoute("/", "b")])] },
      snapshot,
    );
    const next = await replaceControlPlane(cleanup, rig, changed, { graceMs: 50 });
    await until("the old cluster is removed", async () => !(await rig.envoy.admin("/clusters")).body.includes("a::"));
    expect(shape(next.sent())).toEqual(["cluster +1 -0", "route +1 -0", "cluster +0 -1"]);
    const { failures } = await load.stop();
    expect([...failures]).toEqual([]);
  });
});

describe("a subscription of what is not there", () => {
  it("of routes does not keep a listener from coming up", async () => {
    const { snapshot, port } = await simple();
    const { control } = await startRig(cleanup, snapshot);
    const second = await freePort();
    const lacking = snapshotOf(
      { listener: [...snapshot.listener.values(), listener({ name: "lacking", port: second, routes: "nope" })] },
      snapshot,
    );
    await control.install(lacking);
    await until("the listener is up", () =>
      get(second, "/").then(
        (reply) => reply.status === 404,
        () => false,
      ),
    );
    await control.install(
      snapshotOf({ route: [...snapshot.route.values(), routes("nope", [prefixRoute("/", "a")])] }, lacking),
    );
    await until("its routes arrived", async () => (await get(second, "/")).status === 200);
    expect((await get(port, "/")).status).toBe(200);
  });

  it("of endpoints does not keep Envoy from taking further clusters", async () => {
    const { snapshot, port, backendPort } = await simple();
    const { control } = await startRig(cleanup, snapshot);
    const lacking = snapshotOf({ cluster: [edsCluster("a"), edsCluster("nowhere")] }, snapshot);
    await control.install(lacking);
    await control.install(
      snapshotOf(
        {
          cluster: [...lacking.cluster.values(), staticCluster("c", backendPort)],
          route: [routes("rc", [prefixRoute("/", "c")])],
        },
        lacking,
      ),
    );
    expect((await get(port, "/")).status).toBe(200);
  });
});
