import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import type { Condition } from "../../status/status.ts";
import { type Backend, startBackend } from "./support/backend.ts";
import { send } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { ambassador, cleartextHost, endpointSlice, host, listener, mapping, service } from "./support/manifests.ts";
import { type StatusOf, statusReader } from "./support/status.ts";

let world: World;
let gateway: Gateway;
let backend: Backend;
let port: number;
let read: (resource: string) => Promise<StatusOf>;

const env = { AMBASSADOR_NAMESPACE: "nuncio", POD_NAME: "gateway-a" };

/** Once its conditions are of the newest generation, and are so. */
function becomes(resource: string, is: (by: Readonly<Record<string, Condition>>) => boolean): Promise<StatusOf> {
  return gateway.until(`the status of ${resource}`, async () => {
    const found = await read(resource);
    const conditions = Object.values(found.by);
    const isCurrent =
      conditions.length === 3 && conditions.every((each) => each.observedGeneration === found.generation);
    return isCurrent && is(found.by) ? found : undefined;
  });
}

const isProgrammed = (by: Readonly<Record<string, Condition>>) => by["Programmed"]?.status === "True";

(clusterAvailable ? describe : describe.skip)("the status of objects", () => {
  beforeAll(async () => {
    [world, backend, port] = await Promise.all([startWorld(), startBackend("quote"), freePort()]);
    read = statusReader(world.cluster);
    gateway = await world.gateway({ env });
    await world.apply(
      listener("http", port),
      cleartextHost("any", "*"),
      service("quote", 80, { headless: true }),
      endpointSlice("quote", backend),
      mapping("quote", { prefix: "/quote/", service: "quote" }),
    );
    await gateway.ready();
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
    await backend?.close();
  }, 30_000);

  it("says that a Mapping is live once it is, in today's words and in Emissary's", async () => {
    const { by, status } = await becomes("mappings/quote", isProgrammed);
    expect((await send(port, "/quote/")).status).toBe(200);
    expect(by["Accepted"]).toMatchObject({ status: "True", reason: "Accepted", message: "" });
    expect(by["ResolvedRefs"]).toMatchObject({ status: "True", reason: "ResolvedRefs" });
    expect(by["Programmed"]).toMatchObject({ reason: "Programmed", message: "1/1 proxies" });
    expect(by["Programmed"]?.lastTransitionTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(status).toMatchObject({ state: "Running" });
  });

  it("says so of a Host and a Listener too", async () => {
    expect((await becomes("hosts/any", isProgrammed)).status).toMatchObject({
      state: "Ready",
      tlsCertificateSource: "None",
    });
    await becomes("listeners/http", isProgrammed);
  });
});
