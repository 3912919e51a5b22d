import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { eventually } from "../support/eventually.ts";
import { type Backend, startBackend } from "./support/backend.ts";
import { type Answer, send } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Bundle } from "./support/bundle.ts";
import type { Gateway, GatewayOptions } from "./support/gateway.ts";
import {
  ambassador,
  cleartextHost,
  endpointSlice,
  listener,
  type Manifest,
  mapping,
  service,
} from "./support/manifests.ts";

let world: World;
let backend: Backend;
let port: number;

/** A gateway where the installation puts it. */
const start = async (
  env: Readonly<Record<string, string>> = {},
  options: Partial<GatewayOptions> = {},
): Promise<Gateway> => {
  const gateway = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "nuncio", ...env }, ...options });
  await gateway.ready();
  return gateway;
};

/** What is kept, by the objects that it is about. */
async function kept(): Promise<readonly string[]> {
  const only = ["--field-selector", "type=nuncio.dev/last-good"];
  const { stdout } = await world.cluster.kubectl(["get", "secrets", "-n", "nuncio", ...only, "-o", "json"]);
  const list = JSON.parse(stdout) as {
    readonly items: readonly { readonly metadata: { readonly annotations: Readonly<Record<string, string>> } }[];
  };
  return list.items.map(({ metadata }) => metadata.annotations["nuncio.dev/object"] ?? "?").sort();
}

const keeps = (...objects: readonly string[]) =>
  eventually(`kept is ${objects.join() || "nothing"}`, async () => (await kept()).join() === objects.join());

const forget = () =>
  world.cluster.kubectl(["delete", "secrets", "-n", "nuncio", "--field-selector", "type=nuncio.dev/last-good"]);

const answered = (path: string, accept: (answer: Answer) => boolean, address?: string) =>
  eventually(`an answer to ${path}`, async () =>
    accept(await send(port, path, address === undefined ? {} : { address })),
  );

/** With an Envoy that cannot be asked beforehand, so that what it refuses comes to the one that serves. */
function withoutJudge(): { readonly bundle: Bundle } {
  const script = join(world.cluster.dir, "serving-envoy");
  const refuse = 'case "$*" in *validator*) exit 1;; esac';
  writeFileSync(script, `#!/bin/sh\n${refuse}\nexec ${world.bundle.envoy} "$@"\n`, { mode: 0o755 });
  return { bundle: { ...world.bundle, envoy: script } };
}

/** Of the gateway's account, in another namespace than its own. */
function leaseRights(namespace: string): readonly Manifest[] {
  const group = "rbac.authorization.k8s.io";
  const metadata = { name: "leases", namespace };
  const rules = [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs: ["*"] }];
  return [
    { apiVersion: `${group}/v1`, kind: "Role", metadata, rules },
    {
      apiVersion: `${group}/v1`,
      kind: "RoleBinding",
      metadata,
      roleRef: { apiGroup: group, kind: "Role", name: "leases" },
      subjects: [{ kind: "ServiceAccount", name: "nuncio", namespace: "nuncio" }],
    },
  ];
}

// Several starts of whole gateways.
jest.setTimeout(240_000);

const regex = (prefix: string) => mapping("regex", { prefix, prefix_regex: true, service: "web" });
const module = (script: string) => ambassador("Module", "ambassador", { config: { lua_scripts: script } });
const says = (value: string) => `function envoy_on_response(handle) handle:headers():add("x-lua", "${value}") end`;
const lua = async () => (await send(port, "/plain/")).headers["x-lua"];

(clusterAvailable ? describe : describe.skip)("an object that turned bad in a cluster without a webhook", () => {
  beforeAll(async () => {
    [world, backend] = await Promise.all([startWorld(), startBackend("web")]);
    port = await freePort();
    await world.apply(
      service("web", 80, { headless: true }),
      endpointSlice("web", backend),
      listener("http", port),
      cleartextHost("any", "*"),
      mapping("plain", { prefix: "/plain/", service: "web" }),
    );
  });
  afterAll(async () => {
    await world.stop();
    await backend.close();
  });

  it("serves on in its last good version when every process has been replaced, and recovers when it is mended", async () => {
    const replicas = await Promise.all([start(), start({ AMBASSADOR_ENVOY_BIND_ADDRESS: "127.0.0.2" })]);
    await world.apply(regex("/good/[0-9]+"));
    for (const address of ["127.0.0.1", "127.0.0.2"])
      await answered("/good/1", ({ status }) => status === 200, address);
    await world.apply(regex("/bad/[0-9"));
    for (const replica of replicas)
      await replica.logged(/Mapping default\/regex: .*\(its last good version keeps serving, that of generation 1\)/);
    await keeps("Mapping default/regex");
    await world.apply(mapping("plain", { prefix: "/current/", service: "web" }));
    await answered("/current/", ({ status }) => status === 200);
    for (const replica of replicas) expect(replica.log).not.toContain("has no last good form");
    for (const replica of replicas) await replica.stop();

    const heir = await start();
    const paths = ["/good/1", "/current/", "/plain/"];
    expect(await Promise.all(paths.map(async (path) => (await send(port, path)).status))).toEqual([200, 200, 404]);
    await heir.logged(/Mapping default\/regex: .*its last good version keeps serving, that of generation 1/);
    expect(await heir.metric('nuncio_quarantined_objects{kind="Mapping"}')).toBe(1);
    await heir.stop();

    // The control: without what was kept, the same loses the route.
    await forget();
    const stranger = await start();
    expect((await send(port, "/good/1")).status).toBe(404);
    expect((await send(port, "/current/")).status).toBe(200);
    expect(await kept()).toEqual([]);

    await world.apply(regex("/good/[0-9]+"));
    await answered("/good/1", ({ status }) => status === 200);
    await world.apply(regex("/bad/[0-9"));
    await keeps("Mapping default/regex");
    await world.apply(regex("/mended/[0-9]+"), mapping("plain", { prefix: "/plain/", service: "web" }));
    await answered("/mended/1", ({ status }) => status === 200);
    await keeps();
    await stranger.stop();
  });

  it("is not kept any longer than it is there", async () => {
    const gateway = await start();
    await world.apply(regex("/good/[0-9]+"));
    await answered("/good/1", ({ status }) => status === 200);
    await world.apply(regex("/bad/[0-9"));
    await keeps("Mapping default/regex");
    await world.remove(regex("/bad/[0-9"));
    await keeps();
    await answered("/good/1", ({ status }) => status === 404);
    // What was deleted while nobody ran goes with the next start.
    await world.apply(regex("/good/[0-9]+"));
    await answered("/good/1", ({ status }) => status === 200);
    await world.apply(regex("/bad/[0-9"));
    await keeps("Mapping default/regex");
    await gateway.stop();
    await world.remove(regex("/bad/[0-9"));
    const next = await start();
    await keeps();
    expect((await send(port, "/good/1")).status).toBe(404);
    await next.stop();
  });

  it.each([
    ["when Envoy has refused it", withoutJudge, 1],
    ["when it was refused before Envoy was given it", () => ({}), 0],
  ])("is not loaded again by whoever comes later, %s", async (_name, options, refusedAtFirst) => {
    const rejected = async (gateway: Gateway): Promise<number> => {
      const types = ["extension", "listener", "route", "cluster"];
      const counts = await Promise.all(
        types.map((type) => gateway.metric(`nuncio_xds_rejections_total{type="${type}"}`)),
      );
      return counts.reduce((sum, count) => sum + count, 0);
    };
    const first = await start({}, options());
    await world.apply(module(says("good")));
    await eventually("the script is live", async () => (await lua()) === "good");
    await world.apply(module('error("at the top")'));
    await first.logged(/Module default\/ambassador: .*at the top.*its last good version keeps serving/);
    await keeps("Module default/ambassador");
    expect(await lua()).toBe("good");
    expect(await rejected(first)).toBeGreaterThanOrEqual(refusedAtFirst);
    await first.stop();

    const second = await start({}, options());
    expect(await lua()).toBe("good");
    await second.logged(/Module default\/ambassador: .*at the top.*its last good version keeps serving/);
    expect(second.log).not.toContain("envoy refused");
    expect(await rejected(second)).toBe(0);

    // An Envoy that starts anew gets it as little.
    process.kill(second.pidOf("envoy") ?? 0, "SIGKILL");
    await eventually("Envoy is back", async () => (await lua().catch(() => undefined)) === "good");
    expect(await rejected(second)).toBe(0);

    await world.apply(module(says("better")));
    await eventually("the mended script is live", async () => (await lua()) === "better");
    await keeps();
    await second.stop();
    await world.remove(module(""));
  });

  it("in an annotation is kept like any other", async () => {
    const plain = (regexp: string) => {
      const config = `{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: noted, hostname: "*", prefix: "${regexp}", prefix_regex: true, service: web }`;
      const base = service("noted", 80);
      return { ...base, metadata: { ...base.metadata, annotations: { "getambassador.io/config": config } } };
    };
    const first = await start();
    await world.apply(plain("/noted/[0-9]+"));
    await answered("/noted/1", ({ status }) => status === 200);
    await world.apply(plain("/noted/[0-9"));
    await keeps("Mapping default/noted");
    await first.stop();
    const second = await start();
    expect((await send(port, "/noted/1")).status).toBe(200);
    await world.apply(plain("/later/[0-9]+"));
    await answered("/later/1", ({ status }) => status === 200);
    await keeps();
    await second.stop();
  });

  it("is in memory alone where Secrets may not be written, which is said once", async () => {
    // It may be elected there, and no more.
    await world.apply(...leaseRights("default"));
    const gateway = await start({ AMBASSADOR_NAMESPACE: "default" });
    await world.apply(regex("/good/[0-9]+"));
    await answered("/good/1", ({ status }) => status === 200);
    await world.apply(regex("/bad/[0-9"));
    await gateway.logged(/quarantine: what is in quarantine cannot be kept: .*forbidden/);
    expect((await send(port, "/good/1")).status).toBe(200);
    expect(await kept()).toEqual([]);
    await gateway.stop();
    await world.remove(regex("/bad/[0-9"));
  });

  it("is not written down by a shadow", async () => {
    const shadow = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "nuncio" }, args: ["--shadow"] });
    await shadow.logged(/judged .* 0 errors/);
    const mark = shadow.mark();
    await world.apply(regex("/bad/[0-9"));
    await shadow.logged(/judged .* 1 errors/, mark);
    await world.apply(regex("/good/[0-9]+"));
    await shadow.logged(/judged .* 0 errors/, mark);
    await world.apply(regex("/bad/[0-9"));
    await shadow.logged(/its last good version keeps serving/, mark);
    expect(await kept()).toEqual([]);
    await shadow.stop();
  });
});
