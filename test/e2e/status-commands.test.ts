import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { eventually } from "../support/eventually.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { cleartextHost, documents, listener, mapping } from "./support/manifests.ts";

let world: World;
let gateway: Gateway;
let port: number;

// Many processes, one after the other.
jest.setTimeout(240_000);

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** `nuncio ...`, as whoever administers the cluster. */
function nuncio(...args: readonly string[]): Promise<Ran> {
  return nuncioWith({}, ...args);
}

function nuncioWith(more: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env["PATH"], HOME: world.cluster.dir, KUBECONFIG: world.cluster.kubeconfig, ...more };
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
    [world, port] = await Promise.all([startWorld(), freePort()]);
    gateway = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "nuncio", POD_NAME: "gateway-a" } });
    await world.apply(listener("http", port), cleartextHost("any", "*"), good);
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
    // Long before the time is over, which would end the test as well.
    const waited = await nuncio("wait", "mapping/bad", "--timeout", "2h");
    expect(waited).toMatchObject({ code: 1, stdout: "" });
    expect(waited.stderr).toMatch(
      /^Mapping default\/bad is not programmed, and no waiting would change that: InvalidRegex: spec\.prefix: /,
    );
    const accepted = await nuncio("wait", "mapping/bad", "--for", "accepted", "--timeout", "2h");
    expect(accepted).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not accepted, and no waiting/) });
    // What others may mend is waited for.
    await world.apply(listener("twin", port));
    const twin = await nuncio("wait", "listener/twin", "--timeout", "5s");
    expect(twin).toMatchObject({ code: 1, stderr: expect.stringMatching(/is not programmed after 5 s: PortConflict/) });
    await world.remove(listener("twin", port));
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

  it("answer by a last good version that serves, in the cluster and from a bundle of it, and say so", async () => {
    await world.apply(mapping("good", { prefix: "/good/[", prefix_regex: true, service: "http://127.0.0.1:2" }));
    await gateway.logged(/kept the last good form of the Mapping default\/good/);
    const file = join(world.cluster.dir, "bundle.json.gz");
    await eventually("the status says that it serves", async () =>
      (await nuncio("status", "mapping/good")).stdout.includes("its last good version keeps serving"),
    );
    const made = await nuncio("bundle", "-o", file, "--gateway", `http://127.0.0.1:${gateway.adminPort}`);
    expect(made).toMatchObject({ code: 0, stdout: "" });
    const mended = join(world.cluster.dir, "mended.yaml");
    writeFileSync(mended, documents(mapping("good", { prefix: "/mended/", service: "http://127.0.0.1:1" })));
    const commands: readonly (readonly string[])[] = [
      ["explain", "GET", "http://any.test/good/1"],
      ["translate"],
      ["plan", mended],
      ["status"],
    ];
    const [online, offline] = await Promise.all([
      Promise.all(commands.map((args) => nuncio(...args))),
      Promise.all(commands.map((args) => nuncio(...args, "--from", file))),
    ]);
    expect(offline).toEqual(online);
    const [explained, translated, planned] = offline;
    expect(explained?.code).toBe(0);
    expect(explained?.stdout).toMatch(/^answer +forwarded to http:\/\/127\.0\.0\.1:1 /m);
    expect(explained?.stdout).toMatch(
      /^last good +Mapping default\/good serves in its last good version, that of generation 1; as it is now it has an error:\n +spec\.prefix: .*RE2/m,
    );
    expect(translated?.stdout).toContain("prefix: /good/");
    expect(planned?.stdout).toContain("  GET http://example.org/good/7: Mapping default/good -> 404\n");
    expect(planned?.stdout).toContain(
      "these serve in their last good version, since they have an error:\n  Mapping default/good\n",
    );

    const proxies = await nuncio("proxies", "--from", file);
    expect(proxies).toMatchObject({ code: 0, stderr: "" });
    expect(proxies.stdout).toMatch(/^gateway-a +yes +runtime +synced/m);
    expect(proxies.stdout).toMatch(/^\(--gateway\) +yes +runtime +synced/m);

    // The control: who looks for what is kept elsewhere finds no route, and is told that one is served.
    const elsewhere = { AMBASSADOR_NAMESPACE: "default" };
    const without = await nuncioWith(elsewhere, "explain", "GET", "http://any.test/good/1");
    expect(without).toMatchObject({ code: 1, stderr: expect.stringMatching(/^note: .*Mapping default\/good/) });
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
