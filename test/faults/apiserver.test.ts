import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "../e2e/support/backend.ts";
import { send } from "../e2e/support/client.ts";
import { startWorld, type World } from "../e2e/support/cluster.ts";
import type { Gateway } from "../e2e/support/gateway.ts";
import { type Load, startLoad } from "../e2e/support/load.ts";
import { cleartextHost, endpointSlice, host, listener, mapping, service, tlsSecret } from "../e2e/support/manifests.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";

let world: World;
let gateway: Gateway;
let one: Backend;
let two: Backend;
let port: number;
let tlsPort: number;
let certificates: readonly [Certificate, Certificate];
let load: Load | undefined;

const route = (name: string, spec: Record<string, unknown> = {}) =>
  mapping(name, { prefix: `/${name}/`, service: "one", ...spec });

const statusOf = async (path: string) => (await send(port, path)).status;

const served = () => send(tlsPort, "/stay/", { host: "secure.test", tls: { servername: "secure.test" } });

function startStayingLoad(): Load {
  load = startLoad({ port: () => port, paths: ["/stay/"] });
  return load;
}

(clusterAvailable ? describe : describe.skip)("an API server that is away", () => {
  beforeAll(async () => {
    world = await startWorld();
    [one, two] = [await startBackend("one"), await startBackend("two")];
    [port, tlsPort] = [await freePort(), await freePort()];
    certificates = [await selfSigned({ hosts: ["secure.test"] }), await selfSigned({ hosts: ["secure.test"] })];
    await world.apply(
      ...[listener("https", tlsPort, { protocol: "HTTPS" }), tlsSecret("secure", certificates[0])],
      host("secure", { hostname: "secure.test", tlsSecret: { name: "secure" } }),
      ...[listener("http", port), cleartextHost("any", "*")],
      ...[service("one", 80, { headless: true }), endpointSlice("one", one)],
      ...[service("two", 80, { headless: true }), endpointSlice("two", two)],
      ...[route("stay"), route("changed"), route("deleted")],
    );
    gateway = await world.gateway();
    await gateway.ready();
  }, 120_000);

  afterEach(async () => {
    await load?.stop();
    await world?.cluster.startApiServer();
  }, 60_000);

  afterAll(async () => {
    await world?.stop();
    await Promise.all([one?.close(), two?.close()]);
  }, 30_000);

  it("stops no traffic and no readiness; it is told once, and changes arrive when it is back", async () => {
    const staying = startStayingLoad();
    const mark = gateway.mark();
    await world.cluster.killApiServer();
    await gateway.logged(/warn .*API server/, mark);
    await staying.more(500);
    expect(await gateway.readyz()).toMatchObject({ status: 200 });
    await world.cluster.startApiServer();
    await world.apply(route("new"));
    await gateway.until("the new route", async () => (await statusOf("/new/")) === 200);
    const complaints = gateway
      .since(mark)
      .split("\n")
      .filter((line) => / (warn|error) +kubernetes:/.test(line))
      // One that starts on a slow machine may say so for longer than is kept quiet.
      .filter((line) => !line.includes("storage is (re)initializing"));
    expect(complaints).toHaveLength(1);
    const { failures } = await staying.stop();
    expect(failures).toEqual([]);
  });

  it("loses no change that was made while nobody watched, deletions included, when it answers 410 Gone", async () => {
    const staying = startStayingLoad();
    const mark = gateway.mark();
    const controlPlane = gateway.pidOf("control-plane") as number;
    expect((await served()).serial).toBe(certificates[0].serial);
    // Watches cannot tell of what happens now, and after compact() nobody can.
    process.kill(controlPlane, "SIGSTOP");
    try {
      await world.cluster.killApiServer();
      await world.cluster.startApiServer();
      await world.apply(route("changed", { service: "two" }), route("added"), endpointSlice("one", two));
      await world.apply(tlsSecret("secure", certificates[1]));
      await world.remove(route("deleted"));
      await world.cluster.compact();
    } finally {
      process.kill(controlPlane, "SIGCONT");
    }
    await gateway.until("what was added", async () => (await statusOf("/added/")) === 200);
    await gateway.until("what was changed", async () => (await send(port, "/changed/")).echo().backend === "two");
    await gateway.until("what was deleted", async () => (await statusOf("/deleted/")) === 404);
    await gateway.until("the other endpoint", async () => (await send(port, "/stay/")).echo().backend === "two");
    await gateway.until("the other certificate", async () => (await served()).serial === certificates[1].serial);
    // By lists, not by chance: the versions were too old.
    expect(gateway.since(mark)).toMatch(
      /the version of mappings\.getambassador\.io is too old to go on from; listing all/,
    );
    const { failures } = await staying.stop();
    expect(failures).toEqual([]);
  });

  it("leaves what Envoy has in service when the control plane is killed too", async () => {
    const staying = startStayingLoad();
    await world.cluster.killApiServer();
    const mark = gateway.mark();
    process.kill(gateway.pidOf("control-plane") as number, "SIGKILL");
    await gateway.logged(/supervisor: control plane started/, mark);
    await gateway.logged(/warn +\w+: the API server .* cannot be reached/, gateway.mark());
    await staying.more(500);
    // Envoy serves: its Pod stays in its Service.
    expect(await gateway.readyz()).toMatchObject({ status: 200 });
    expect(gateway.sent(mark)).toEqual([]);
    await world.cluster.startApiServer();
    await gateway.logged(/supervisor: the control plane is ready/, mark, { timeoutMs: 30_000 });
    await staying.more(100);
    const { failures } = await staying.stop();
    expect(failures).toEqual([]);
    expect(gateway.sent(mark)).toEqual([]);
  });
});
