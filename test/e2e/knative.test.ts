import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { readFileSync } from "node:fs";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { knativeCrd, knativeIngress, splitOf } from "../support/knative.ts";
import { type Backend, startBackend } from "./support/backend.ts";
import { send } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { cleartextHost, endpointSlice, listener, service } from "./support/manifests.ts";

let world: World;
let gateway: Gateway;
let backend: Backend;
let port: number;

interface Status {
  readonly observedGeneration?: number;
  readonly conditions?: readonly Readonly<
    Record<"type" | "status" | "reason" | "message" | "lastTransitionTime", string>
  >[];
  readonly privateLoadBalancer?: unknown;
  readonly publicLoadBalancer?: unknown;
}

async function stored(name: string): Promise<{ generation: number; status: Status }> {
  const { stdout } = await world.cluster.kubectl([
    ...["get", "ingresses.networking.internal.knative.dev", name, "-n", "default", "-o", "json"],
  ]);
  const { metadata, status = {} } = JSON.parse(stdout) as { metadata: { generation: number }; status?: Status };
  return { generation: metadata.generation, status };
}

const conditionsOf = ({ conditions = [] }: Status) =>
  Object.fromEntries(conditions.map(({ type, status }) => [type, status]));

/** Once the status is of the newest generation. */
const reported = (name: string) =>
  gateway.until(`the status of ${name}`, async () => {
    const { generation, status } = await stored(name);
    return status.observedGeneration === generation ? status : undefined;
  });

function hello(path: string, more: object = {}) {
  const split = splitOf({ service: "hello", port: 80 });
  return knativeIngress("hello", {
    httpOption: "Enabled",
    rules: [{ hosts: ["hello.example.com"], visibility: "ExternalIP", http: { paths: [{ path, splits: [split] }] } }],
    ...more,
  });
}

const status = async (path: string) => (await send(port, path, { host: "hello.example.com" })).status;

(clusterAvailable ? describe : describe.skip)("Knative's Ingresses in a cluster", () => {
  beforeAll(async () => {
    [world, backend, port] = await Promise.all([startWorld(), startBackend("hello"), freePort()]);
    await world.cluster.apply(readFileSync("manifests/knative.yaml", "utf8"));
    gateway = await world.gateway({
      env: { AMBASSADOR_NAMESPACE: "nuncio", NUNCIO_SERVICE: "nuncio", AMBASSADOR_KNATIVE_SUPPORT: "true" },
    });
    const slice = endpointSlice("hello", backend);
    await world.apply(
      listener("http", port),
      cleartextHost("any", "*"),
      service("hello", 80, { headless: true }),
      slice,
    );
    // Before Knative is there.
    await gateway.ready();
    await world.apply(knativeCrd);
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
    await backend?.close();
  }, 30_000);

  it("are served, and called ready once they are", async () => {
    await gateway.until("the CRD is served", () =>
      world.apply(hello("/")).then(
        () => true,
        () => false,
      ),
    );
    const first = await reported("hello");
    // Envoy had it before the status said so.
    expect(await status("/")).toBe(200);
    expect(conditionsOf(first)).toEqual({ LoadBalancerReady: "True", NetworkConfigured: "True", Ready: "True" });
    const inside = { ingress: [{ domainInternal: "nuncio.nuncio.svc.cluster.local" }] };
    expect([first.privateLoadBalancer, first.publicLoadBalancer]).toEqual([inside, inside]);
    await world.apply(hello("/changed"));
    const second = await reported("hello");
    expect([await status("/changed"), await status("/")]).toEqual([200, 404]);
    // The conditions are what they were, since when they were.
    expect(second.conditions).toEqual(first.conditions);
  });

  it("are not ready, and say why, while something is wrong with them", async () => {
    const split = splitOf({ service: "hello", port: 80 });
    const broken = {
      rules: [{ hosts: ["hello.example.com"], http: { paths: [{ timeout: "soon", splits: [split] }] } }],
    };
    await world.apply(hello("/", broken));
    const { conditions = [] } = await reported("hello");
    const ready = conditions.find(({ type }) => type === "Ready");
    expect(ready).toMatchObject({ status: "False", reason: "InvalidField" });
    expect(ready?.message).toMatch(/^spec\.rules\[0\]\.http\.paths\[0\]\.timeout: "soon" /);
    // What it said before serves on.
    expect(await status("/changed")).toBe(200);
    await world.apply(hello("/again"));
    expect(conditionsOf(await reported("hello"))).toMatchObject({ Ready: "True" });
    expect(await status("/again")).toBe(200);
  });

  it("end with their removal", async () => {
    await world.remove(hello("/again"));
    await gateway.until("it is gone", async () => (await status("/again")) === 404);
  });
});
