import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeAll, afterAll, describe, expect, it } from "@jest/globals";
import { Cluster } from "../../xds/generated/envoy/config/cluster/v3/cluster.ts";
import { RouteConfiguration } from "../../xds/generated/envoy/config/route/v3/route.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import type { ResourceMap, Snapshot, XdsResource } from "../../xds/snapshot.ts";
import {
  echoBackend,
  type EchoBackend,
  type Gateway,
  type GatewayOptions,
  mapping,
  startGateway,
} from "../support/gateway.ts";
import { moduleOf } from "../support/manifests.ts";
import { regexRoute } from "../xds/resources.ts";

let backend: EchoBackend;
let gateway: Gateway | undefined;

beforeAll(async () => {
  backend = await echoBackend("one");
});
afterEach(async () => {
  await gateway?.stop();
  gateway = undefined;
});
afterAll(() => backend.close());

/** Stands for a bug of our own: whatever route leads to POISON makes its whole table one that Envoy refuses, and does not say why. */
const POISON = "/poison";
/** Whatever cluster has this in its name is one that Envoy refuses. */
const SPOILT = "spoilt";
const spoiltMaps = new WeakMap<ResourceMap, ResourceMap>();

function poisoned(snapshot: Snapshot): Snapshot {
  return { ...snapshot, route: eachOf(snapshot.route, badTable), cluster: eachOf(snapshot.cluster, badCluster) };
}

/** The same for the same, as from a compiler. */
function eachOf(map: ResourceMap, change: (resource: XdsResource) => XdsResource): ResourceMap {
  const known = spoiltMaps.get(map) ?? new Map([...map].map(([name, resource]) => [name, change(resource)]));
  spoiltMaps.set(map, known);
  return known;
}

function badTable(resource: XdsResource): XdsResource {
  if (!Buffer.from(resource.body).includes(POISON)) return resource;
  const table = RouteConfiguration.decode(resource.body);
  const [first, ...more] = table.virtualHosts ?? [];
  const bad = { ...table, virtualHosts: [{ ...first, routes: [regexRoute("a(((", "none")] }, ...more] };
  return xdsResource("route", resource.name, [RouteConfiguration.encode(bad as RouteConfiguration).finish()]);
}

function badCluster(resource: XdsResource): XdsResource {
  if (!resource.name.includes(SPOILT)) return resource;
  const bad = { ...Cluster.decode(resource.body), outlierDetection: { maxEjectionPercent: 500 } };
  return xdsResource("cluster", resource.name, [Cluster.encode(bad as Cluster).finish()]);
}

async function start(options: GatewayOptions = {}): Promise<Gateway> {
  gateway = await startGateway({ spoil: poisoned, ...options });
  return gateway;
}

const route = (name: string, prefix: string): string => mapping(name, { prefix, service: backend.service });
const many = (count: number, prefix: string): string =>
  Array.from({ length: count }, (_, index) => route(`m${index}`, `${prefix}${index}/`)).join("");
const status = async (path: string): Promise<number> => (await (gateway as Gateway).request(path)).status;

describe("a table of routes that Envoy refuses", () => {
  it("is none of the others' business: the Mapping that spoils it serves on as before, the others' changes come", async () => {
    const { apply, nacks } = await start();
    expect(await apply(route("bad", "/good/") + many(20, "/old"))).toEqual([]);
    const problems = await apply(route("bad", POISON) + many(20, "/new"));
    expect(problems).toMatchObject([
      { code: "EnvoyRejected", severity: "error", object: { kind: "Mapping", name: "bad" } },
    ]);
    expect(problems[0]?.message).toContain("missing ): a(((");
    expect(await Promise.all(["/good/", POISON, "/old7/", "/new0/", "/new19/"].map(status))).toEqual([
      200, 404, 404, 200, 200,
    ]);
    // Halves of 21 objects, and what comes after.
    expect(nacks()).toBeLessThan(10);
  });

  it("is found again at no later change, is told for as long as it stands, and is served when mended", async () => {
    const { apply, nacks } = await start();
    await apply(route("bad", "/good/") + many(5, "/old"));
    await apply(route("bad", POISON) + many(5, "/old"));
    const before = nacks();
    const problems = await apply(route("bad", POISON) + many(5, "/new"));
    expect(problems.map(({ object }) => object.name)).toEqual(["bad"]);
    expect(nacks()).toBe(before);
    expect(await status("/new3/")).toBe(200);
    expect(await apply(route("bad", "/mended/") + many(5, "/new"))).toEqual([]);
    expect(await Promise.all(["/good/", "/mended/"].map(status))).toEqual([404, 200]);
  });

  it("may have several to blame", async () => {
    const { apply } = await start();
    await apply(many(30, "/old"));
    const bad = [3, 4, 17, 29];
    const changed = Array.from({ length: 30 }, (_, index) =>
      route(`m${index}`, bad.includes(index) ? `${POISON}${index}` : `/new${index}/`),
    ).join("");
    const problems = await apply(changed);
    expect(problems.map(({ object }) => object.name).sort()).toEqual(bad.map((index) => `m${index}`).sort());
    for (let index = 0; index < 30; index++) {
      expect(await status(bad.includes(index) ? `/old${index}/` : `/new${index}/`)).toBe(200);
    }
  });

  it("is searched from an Envoy's very first configuration on: all but the Mapping to blame are served", async () => {
    const { apply } = await start();
    const problems = await apply(route("bad", POISON) + many(10, "/new"));
    expect(problems.map(({ object }) => object.name)).toEqual(["bad"]);
    expect(await Promise.all(["/new0/", "/new9/", POISON].map(status))).toEqual([200, 200, 404]);
  });

  it("loses no request on the way", async () => {
    const { apply } = await start();
    await apply(route("kept", "/kept/") + route("bad", "/good/") + many(20, "/old"));
    let running = true;
    const seen: number[] = [];
    const load = (async () => {
      while (running) seen.push(await status("/kept/"), await status("/good/"));
    })();
    for (let round = 0; round < 3 || seen.length < 100; round++)
      await apply(route("kept", "/kept/") + route("bad", `${POISON}${round}`) + many(20, `/new${round}-`));
    running = false;
    await load;
    expect(new Set(seen)).toEqual(new Set([200]));
  });

  it("holds up all others where nothing is put into quarantine", async () => {
    const { apply } = await start({ quarantine: false });
    await apply(route("bad", "/good/") + many(5, "/old"));
    await apply(route("bad", POISON) + many(5, "/new"));
    expect(await Promise.all(["/good/", "/old3/", "/new3/"].map(status))).toEqual([200, 200, 404]);
  });
});

describe("a cluster that Envoy refuses", () => {
  const to = (prefix: string, tag: string): string =>
    mapping("bad", { prefix, service: backend.service, cluster_tag: tag });

  it("takes no route with it: its Mapping serves on as before, and no request is lost on the way", async () => {
    const { apply } = await start();
    await apply(to("/kept/", "good") + route("other", "/other/"));
    let running = true;
    const seen: number[] = [];
    const load = (async () => {
      while (running) seen.push(await status("/kept/"));
    })();
    for (let round = 0; round < 3 || seen.length < 200; round++) {
      const problems = await apply(to("/kept/", `${SPOILT}${round}`) + route("other", `/other${round}/`));
      expect(problems).toMatchObject([{ code: "EnvoyRejected", object: { name: "bad" }, path: ["spec", "service"] }]);
      expect(await status(`/other${round}/`)).toBe(200);
    }
    running = false;
    await load;
    expect(new Set(seen)).toEqual(new Set([200]));
  });
});

describe("an object that Envoy refuses by name", () => {
  it("serves on as it was, as a whole, and others change with it", async () => {
    const { apply } = await start();
    const script = (value: string) => `function envoy_on_request(handle) handle:headers():add("x-lua", "${value}") end`;
    await apply(moduleOf({ lua_scripts: script("good") }) + route("m", "/old/"));
    const problems = await apply(
      moduleOf({ lua_scripts: 'error("at the top")', ip_deny: [{ peer: "127.0.0.1" }] }) + route("m", "/new/"),
    );
    expect(problems).toMatchObject([
      { code: "EnvoyRejected", object: { kind: "Module" }, path: ["spec", "config", "lua_scripts"] },
    ]);
    const answer = await (gateway as Gateway).request("/new/");
    expect(answer.echo().headers["x-lua"]).toBe("good");
    expect(await apply(moduleOf({ lua_scripts: script("better") }) + route("m", "/new/"))).toEqual([]);
    expect((await (gateway as Gateway).request("/new/")).echo().headers["x-lua"]).toBe("better");
  });

  it("is tried again whenever it changes, though what Envoy is to load is the same as before", async () => {
    const { apply, nacks } = await start({ validator: true });
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-greeting-"));
    const file = path.join(directory, "greeting");
    const greeting = async () => (await (gateway as Gateway).request("/m/")).echo().headers["x-greeting"];
    const load = `local greeting = assert(io.open("${file}")):read("*l")`;
    const reading = `${load} function envoy_on_request(handle) handle:headers():add("x-greeting", greeting) end`;
    const plain = 'function envoy_on_request(handle) handle:headers():add("x-greeting", "good day") end';
    const module = (script: string, tried = 0) => moduleOf({ lua_scripts: script }, { tried: `${tried}` });
    try {
      fs.writeFileSync(file, "hello\n");
      expect(await apply(module(reading) + route("m", "/m/"))).toEqual([]);
      expect(await greeting()).toBe("hello");
      expect(await apply(module(plain) + route("m", "/m/"))).toEqual([]);
      fs.rmSync(file);
      // The verdict on it is known, and is that it is good.
      for (const tried of [1, 2]) {
        const problems = await apply(module(reading, tried) + route("m", "/m/"));
        expect(problems).toMatchObject([{ code: "EnvoyRejected", object: { kind: "Module" } }]);
        expect(problems[0]?.message).toContain("No such file");
        expect([nacks(), await greeting()]).toEqual([tried, "good day"]);
      }
      fs.writeFileSync(file, "hello again\n");
      expect(await apply(module(reading, 3) + route("m", "/m/"))).toEqual([]);
      expect(await greeting()).toBe("hello again");
    } finally {
      fs.rmSync(directory, { recursive: true });
    }
  });
});
