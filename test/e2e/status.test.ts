import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import type { Condition } from "../../status/status.ts";
import { type Backend, startBackend } from "./support/backend.ts";
import { send } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { ambassador, cleartextHost, endpointSlice, listener, mapping, service } from "./support/manifests.ts";
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

/** Of an object, oldest first. */
async function events(name: string): Promise<readonly string[]> {
  const { stdout } = await world.cluster.kubectl(["get", "events.events.k8s.io", "-n", "default", "-o", "json"]);
  const { items } = JSON.parse(stdout) as {
    readonly items: readonly {
      readonly regarding: { readonly name: string };
      type: string;
      reason: string;
      eventTime: string;
    }[];
  };
  return items
    .filter(({ regarding }) => regarding.name === name)
    .sort((a, b) => (a.eventTime < b.eventTime ? -1 : 1))
    .map(({ type, reason }) => `${type} ${reason}`);
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

  it("says what is wrong with an object, by field, and that its last good version keeps serving", async () => {
    await world.apply(mapping("quote", { prefix: "/(", prefix_regex: true, service: "quote" }));
    const { by, status } = await becomes("mappings/quote", ({ Accepted }) => Accepted?.status === "False");
    expect(by["Accepted"]?.reason).toBe("InvalidRegex");
    expect(by["Accepted"]?.message).toMatch(/^spec\.prefix: .*; /);
    expect(by["Programmed"]).toMatchObject({
      status: "False",
      reason: "InvalidRegex",
      message: "its last good version keeps serving; see Accepted",
    });
    expect(status).toMatchObject({ state: "Inactive", reason: by["Accepted"]?.message });
    expect((await send(port, "/quote/")).status).toBe(200);
    await gateway.until("an Event of it", async () => (await events("quote")).includes("Warning InvalidRegex"));
    await world.apply(mapping("quote", { prefix: "/quote/", service: "quote" }));
    const well = await becomes("mappings/quote", isProgrammed);
    expect(well.status["state"]).toBe("Running");
    await gateway.until("its recovery is an Event", async () => (await events("quote")).includes("Normal Accepted"));
  });

  it("says that what an object names is not there, while the object itself is served", async () => {
    await world.apply(mapping("nobody", { prefix: "/nobody/", service: "nobody" }));
    const { by } = await becomes("mappings/nobody", isProgrammed);
    expect(by["Accepted"]?.status).toBe("True");
    expect(by["ResolvedRefs"]).toMatchObject({ status: "False", reason: "ServiceNotFound" });
    await world.apply(service("nobody", 80, { headless: true }));
    await becomes("mappings/nobody", ({ ResolvedRefs }) => ResolvedRefs?.status === "True");
  });

  it("says that no Host takes a Mapping", async () => {
    await world.apply(mapping("lost", { hostname: "lost.example.com", prefix: "/", service: "quote" }));
    await world.apply(cleartextHost("any", "known.example.com"));
    const { by } = await becomes("mappings/lost", ({ Accepted }) => Accepted?.status === "False");
    expect(by["Accepted"]?.reason).toBe("NotAttached");
    await world.apply(cleartextHost("any", "*"));
    await becomes("mappings/lost", isProgrammed);
  });

  it("says that an Envoy refuses what was made of an object, in Envoy's words", async () => {
    const module = (path: string) => ambassador("Module", "ambassador", { config: { envoy_log_path: path } });
    await world.apply(module("/nowhere/access.log"));
    const { by } = await becomes("modules/ambassador", ({ Programmed }) => Programmed?.reason === "RejectedByProxy");
    expect(by["Accepted"]?.status).toBe("True");
    expect(by["Programmed"]?.message).toMatch(/^refused by 1\/1 proxies: .*\/nowhere\/access\.log/);
    await gateway.until("an Event", async () => (await events("ambassador")).includes("Warning RejectedByProxy"));
    await world.apply(module("/dev/stdout"));
    await becomes("modules/ambassador", isProgrammed);
    await gateway.until("its recovery is an Event", async () =>
      (await events("ambassador")).includes("Normal Programmed"),
    );
  });

  it("leaves alone what is for another gateway", async () => {
    await world.apply(mapping("foreign", { prefix: "/foreign/", service: "quote", ambassador_id: ["other"] }));
    await world.apply(mapping("later", { prefix: "/later/", service: "quote" }));
    await becomes("mappings/later", isProgrammed);
    expect((await read("mappings/foreign")).status).toEqual({});
  });

  it("compiles nothing anew when only a status changes", async () => {
    const compiled = () => gateway.metric("nuncio_compile_seconds_count");
    const before = await compiled();
    const change = { status: { conditions: [{ type: "Mine", status: "True", reason: "Mine", message: "" }] } };
    const now = new Date().toISOString();
    const body = {
      status: { conditions: change.status.conditions.map((each) => ({ ...each, lastTransitionTime: now })) },
    };
    for (const name of ["quote", "nobody"])
      await world.cluster.kubectl([
        ...[
          "patch",
          "mapping",
          name,
          "-n",
          "default",
          "--subresource=status",
          "--type=merge",
          "-p",
          JSON.stringify(body),
        ],
      ]);
    // A merge patch took ours away; they are written again, and Mine stays.
    for (const name of ["quote", "nobody"])
      expect((await becomes(`mappings/${name}`, isProgrammed)).status["conditions"]).toHaveLength(4);
    expect(await compiled()).toBe(before);
  });

  it("is not written again by a gateway that starts anew", async () => {
    const versions = async () =>
      (
        await world.cluster.kubectl([
          ...[
            "get",
            "mappings,hosts,listeners",
            "-A",
            "-o",
            "jsonpath={range .items[*]}{.metadata.name}={.metadata.resourceVersion} {end}",
          ],
        ])
      ).stdout;
    const before = await versions();
    await gateway.end("SIGTERM");
    const leases = await world.cluster.kubectl(["get", "leases", "-n", "nuncio", "-o", "name"]);
    // Its own is gone, the election's stays.
    expect(leases.stdout.trim()).toBe("lease.coordination.k8s.io/nuncio-default");
    gateway = await world.gateway({ env });
    await gateway.ready();
    await gateway.logged(/elected: this replica writes status/);
    await world.apply(mapping("new", { prefix: "/new/", service: "quote" }));
    await becomes("mappings/new", isProgrammed);
    expect(await gateway.metric("nuncio_status_writes_total")).toBe(1);
    expect((await versions()).replace(/new=\d+ /, "")).toBe(before);
  });

  it("counts the proxies that have an object, and calls it live when all have it", async () => {
    const others = [
      await world.gateway({ env: { ...env, POD_NAME: "gateway-b" } }),
      await world.gateway({ env: { ...env, POD_NAME: "gateway-c" } }),
    ];
    await Promise.all(others.map((other) => other.ready()));
    await world.apply(mapping("three", { prefix: "/three/", service: "quote" }));
    const all = await becomes("mappings/three", isProgrammed);
    expect(all.by["Programmed"]?.message).toBe("3/3 proxies");
    // One Envoy does not answer any more.
    const envoy = others[0]?.pidOf("envoy") ?? 0;
    process.kill(envoy, "SIGSTOP");
    try {
      await world.apply(mapping("three", { prefix: "/third/", service: "quote" }));
      const { by } = await becomes("mappings/three", ({ Programmed }) => Programmed?.status === "False");
      expect(by["Programmed"]).toMatchObject({ reason: "Pending", message: "2/3 proxies; waiting for gateway-b" });
      expect(by["Accepted"]?.status).toBe("True");
    } finally {
      process.kill(envoy, "SIGCONT");
    }
    expect((await becomes("mappings/three", isProgrammed)).by["Programmed"]?.message).toBe("3/3 proxies");
    await Promise.all(others.map((other) => other.end("SIGTERM")));
    await world.apply(mapping("three", { prefix: "/fourth/", service: "quote" }));
    expect((await becomes("mappings/three", isProgrammed)).by["Programmed"]?.message).toBe("1/1 proxies");
  });
});
