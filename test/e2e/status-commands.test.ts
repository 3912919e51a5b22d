import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { execFile } from "node:child_process";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { cleartextHost, listener, mapping } from "./support/manifests.ts";

let world: World;
let gateway: Gateway;

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `nuncio ...`, as whoever administers the cluster. */
function nuncio(...args: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env["PATH"], HOME: world.cluster.dir, KUBECONFIG: world.cluster.kubeconfig };
  return new Promise((resolve) => {
    execFile(process.execPath, [world.bundle.program, ...args], { env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr });
    });
  });
}

const good = mapping("good", { prefix: "/good/", service: "http://127.0.0.1:1" });
const bad = mapping("bad", { prefix: "/(", prefix_regex: true, service: "http://127.0.0.1:1" });

(clusterAvailable ? describe : describe.skip)("commands that tell what became of objects", () => {
  beforeAll(async () => {
    world = await startWorld();
    gateway = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "nuncio", POD_NAME: "gateway-a" } });
    await world.apply(listener("http", await freePort()), cleartextHost("any", "*"), good);
    await gateway.ready();
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
  }, 30_000);

  it("wait for an object to be live", async () => {
    expect(await nuncio("wait", "mapping/good", "--for", "programmed", "--timeout", "60s")).toEqual({
      code: 0,
      stdout: "Mapping default/good is programmed: 1/1 proxies\n",
      stderr: "",
    });
    await Promise.all(["listener/http", "host/any"].map((name) => nuncio("wait", name)));
  });

  it("list objects with their conditions, and end with 0 where all is well", async () => {
    const { code, stdout } = await nuncio("status");
    const lines = stdout.split("\n").map((line) => line.split(/ {2,}/));
    expect(lines).toEqual([
      ["OBJECT", "ACCEPTED", "RESOLVED", "PROGRAMMED", "WHY"],
      ["listener/http", "True", "True", "True", "1/1 proxies"],
      ["host/any", "True", "True", "True", "1/1 proxies"],
      ["mapping/good", "True", "True", "True", "1/1 proxies"],
      [""],
    ]);
    expect(code).toBe(0);
  });

  it("say why an object is not live", async () => {
    await world.apply(bad);
    const waited = await nuncio("wait", "mapping/bad", "--timeout", "5s");
    expect(waited).toMatchObject({ code: 1, stdout: "" });
    expect(waited.stderr).toMatch(/^Mapping default\/bad is not programmed after 5 s: InvalidRegex: spec\.prefix: /);
    const listed = await nuncio("status", "-A", "-o", "json");
    expect(listed.code).toBe(1);
    expect(JSON.parse(listed.stdout)).toContainEqual(
      expect.objectContaining({ kind: "Mapping", namespace: "default", name: "bad", generation: 1 }),
    );
    const one = await nuncio("status", "mapping/bad");
    expect(one.stdout).toMatch(/^Mapping default\/bad, generation 1\n {2}Accepted: False InvalidRegex, since /);
  });

  it("show Hosts with the Mappings that each one takes", async () => {
    const { stdout } = await nuncio("status", "--tree");
    expect(stdout).toMatch(/^Host default\/any \* ok 1\/1 proxies\n {2}Mapping default\//);
    expect(stdout).toContain("\n  Mapping default/good /good/ ok 1/1 proxies\n");
    expect(stdout).toContain("\n  Mapping default/bad /( not ok InvalidRegex: ");
  });

  it("show what each proxy has, from the cluster and from one gateway", async () => {
    const ofCluster = await nuncio("proxies");
    expect(ofCluster).toMatchObject({ code: 0, stderr: "" });
    expect(ofCluster.stdout).toMatch(/^PROXY +READY +TYPE +STATE +RESOURCES +CONTENT +ACKNOWLEDGED +LAG\n/);
    expect(ofCluster.stdout).toMatch(/^gateway-a +yes +runtime +synced/m);
    expect(ofCluster.stdout).toMatch(/^ +route +synced +1 +[0-9a-f]{8} +\d+s ago +[\d.]+ ms$/m);
    const ofOne = await nuncio("proxies", "--gateway", `http://127.0.0.1:${gateway.adminPort}`, "-o", "json");
    const [proxy] = JSON.parse(ofOne.stdout) as readonly { readonly report: { readonly ready: boolean } }[];
    expect(proxy?.report.ready).toBe(true);
  });

  it("tell apart what was used wrongly, and what cannot be reached", async () => {
    const ran = await Promise.all([
      nuncio("wait", "gadget/x"),
      nuncio("wait", "mapping/good", "--for", "love"),
      nuncio("status", "mapping/none"),
      nuncio("proxies", "--gateway", "http://127.0.0.1:1"),
    ]);
    expect(ran.map(({ code }) => code)).toEqual([2, 2, 2, 3]);
    expect(ran[0]?.stderr).toContain("KIND is one of listener, host, mapping,");
  });
});
