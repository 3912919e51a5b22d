import fs from "node:fs";
import { Agent } from "node:http";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { pack } from "../../features/proto.ts";
import { silentLog } from "../../runtime/log.ts";
import { encodeSlot, filterSlots } from "../../xds/resources/filters-slot.ts";
import { RouteConfiguration } from "../../xds/generated/envoy/config/route/v3/route.ts";
import { FilterConfig } from "../../xds/generated/envoy/config/route/v3/route_components.ts";
import { RBAC, RBACPerRoute } from "../../xds/generated/envoy/extensions/filters/http/rbac/v3/rbac.ts";
import type { Any } from "../../xds/generated/google/protobuf/any.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import { type AdsServer, createAdsServer } from "../../xds/server/server.ts";
import { emptySnapshot, type Snapshot } from "../../xds/snapshot.ts";
import { type BareEnvoy, freePort, spawnEnvoy } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, listenerAndHost, mapping } from "../support/gateway.ts";
import { get } from "../support/http.ts";

let directory: string;
let ads: AdsServer;
let envoy: BareEnvoy;
let backend: EchoBackend;
let port: number;
let snapshot: Snapshot;

beforeAll(async () => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-"));
  port = await freePort();
  backend = await echoBackend("echo");
  const text = `${listenerAndHost(port)}${mapping("all", { prefix: "/", service: backend.service })}`;
  const { resources } = manifestReader()(new Map([["test.yaml", { kind: "text", text }]]));
  const settings = { ambassadorId: "default", ownNamespace: "default", bindAddress: "127.0.0.1", inCluster: false };
  snapshot = { ...emptySnapshot, ...compile(resources, settings).snapshot };
  const socketPath = path.join(directory, "xds.sock");
  ads = await createAdsServer({ socketPath, log: silentLog });
  ads.setSnapshot(snapshot);
  envoy = spawnEnvoy({ adsSocket: socketPath });
  await envoy.live();
});

afterAll(async () => {
  await envoy.stop();
  await ads.close();
  await backend.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

/** A filter that refuses every request. */
const refuse = {
  name: "refuse",
  typedConfig: pack(RBAC, {
    rules: {
      action: 1,
      policies: {
        all: {
          permissions: [{ rule: { $case: "any", value: true } }],
          principals: [{ identifier: { $case: "any", value: true } }],
        },
      },
    },
  }),
};

/** Everything as it was, and these filters in the last slot. */
function holding(filters: Parameters<typeof encodeSlot>[1], route: Snapshot["route"] = snapshot.route): Snapshot {
  const slot = encodeSlot(filterSlots.at(-1)?.name ?? "", filters);
  return { ...snapshot, route, extension: new Map([...snapshot.extension, [slot.name, slot]]) };
}

/** The routes, where one level says something to the filter `refuse`. */
function saying(level: "route" | "virtual host" | "table", config: Any): Snapshot["route"] {
  const said = { refuse: config };
  return new Map(
    [...snapshot.route].map(([name, { body }]) => {
      const table = RouteConfiguration.decode(body);
      for (const host of table.virtualHosts ?? []) {
        if (level === "virtual host") host.typedPerFilterConfig = said;
        for (const route of host.routes ?? []) if (level === "route") route.typedPerFilterConfig = said;
      }
      if (level === "table") table.typedPerFilterConfig = said;
      return [name, xdsResource("route", name, [RouteConfiguration.encode(table).finish()])];
    }),
  );
}

describe("the slot for filters", () => {
  it("takes filters in and out on a held connection, and drains none", async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const status = async () => (await get(port, "/", { agent })).status;
    try {
      expect(await status()).toBe(200);
      for (const [filters, expected] of [
        [[refuse], 403],
        [[], 200],
        [[refuse], 403],
        [[], 200],
      ] as const) {
        ads.setSnapshot(holding(filters));
        await eventually(`status ${expected}`, async () => (await status()) === expected);
      }
      expect(await envoy.stat("listener_manager.total_filter_chains_draining")).toBe(0);
      expect(await envoy.stat("listener_manager.listener_modified")).toBe(0);
      expect(await envoy.stat("http.ingress_http.downstream_cx_total")).toBe(1);
    } finally {
      agent.destroy();
    }
  });

  it.each(["route", "virtual host", "table"] as const)(
    "lets its filters find what a %s says to them",
    async (level) => {
      const status = async () => (await get(port, "/")).status;
      for (const config of [pack(RBACPerRoute, {}), pack(FilterConfig, { config: pack(RBACPerRoute, {}) })]) {
        ads.setSnapshot(holding([refuse]));
        await eventually("403", async () => (await status()) === 403);
        ads.setSnapshot(holding([refuse], saying(level, config)));
        await eventually("200", async () => (await status()) === 200);
      }
    },
  );
});
