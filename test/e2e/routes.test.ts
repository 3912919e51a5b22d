import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import http from "node:http";
import { clusterAvailable } from "../cluster/available.ts";
import { applyCrds } from "../cluster/install.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "./support/backend.ts";
import { type Answer, send, type SendOptions } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import {
  ambassador,
  cleartextHost,
  documents,
  endpointSlice,
  listener,
  mapping,
  type Manifest,
  service,
} from "./support/manifests.ts";

let world: World;
let gateway: Gateway;
let port: number;
let backends: Backend[];

/** A headless Service with one address. */
function headless(name: string, backend: Backend): Manifest[] {
  return [service(name, 80, { headless: true }), endpointSlice(name, backend)];
}

async function backend(name: string): Promise<Backend> {
  const started = await startBackend(name);
  backends.push(started);
  return started;
}

/** Resolves with the first answer that will do. */
function answer(path: string, accept: (answer: Answer) => boolean, options: SendOptions = {}): Promise<Answer> {
  return gateway.until(`an answer to ${path}`, async () => {
    const got = await send(port, path, options);
    return accept(got) ? got : undefined;
  });
}

const from = (name: string) => (got: Answer) => got.status === 200 && got.echo().backend === name;
const status = (code: number) => (got: Answer) => got.status === code;

(clusterAvailable ? describe : describe.skip)("a gateway in a cluster", () => {
  beforeAll(async () => {
    backends = [];
    world = await startWorld({ crds: false });
    gateway = await world.gateway();
    port = await freePort();
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
    await Promise.all(backends.map((each) => each.close()));
  }, 30_000);

  it("waits for CRDs that are missing, says which, and is ready when they come", async () => {
    const line = await gateway.logged(/warn .*mappings\.getambassador\.io/);
    expect(line).toMatch(/CRD/);
    await gateway.until("the reason", async () => {
      const { status: code, body } = (await gateway.readyz()) ?? {};
      return code === 503 && /^not ready: .*getambassador\.io/.test(body ?? "");
    });
    expect(gateway.sent()).toEqual([]);
    await applyCrds(world.cluster);
    await world.apply(listener("http", port), cleartextHost("any", "*"));
    await gateway.ready();
    await gateway.logged(/info .*mappings\.getambassador\.io is watched now/);
  });

  it("is not ready before Envoy has acknowledged the first configuration", async () => {
    const other = await world.gateway({ env: { AMBASSADOR_ID: "held" } });
    // Long before the control plane has read anything.
    const envoy = await other.until("Envoy's PID", () => other.pidOf("envoy"), { everyMs: 1 });
    process.kill(envoy, "SIGSTOP");
    try {
      await other.until("a configuration that waits for Envoy", async () => {
        const { status: code, body } = (await other.readyz()) ?? {};
        return code === 503 && /Envoy has not acknowledged the first configuration yet/.test(body ?? "");
      });
      expect(other.sent()).toEqual([]);
    } finally {
      process.kill(envoy, "SIGCONT");
    }
    await other.ready();
    await other.stop();
  });

  it("serves a route that appears, follows its changes and ends it, by a headless Service", async () => {
    const one = await backend("one");
    const quote = (spec: Record<string, unknown>) => mapping("quote", { prefix: "/quote/", service: "quote", ...spec });
    expect((await send(port, "/quote/a")).status).toBe(404);
    await world.apply(...headless("quote", one), quote({}));
    expect((await answer("/quote/a", from("one"))).echo().url).toBe("/a");
    await world.apply(quote({ prefix: "/quote/", rewrite: "/new/" }));
    await answer("/quote/a", (got) => from("one")(got) && got.echo().url === "/new/a");
    await world.apply(quote({ prefix: "/words/" }));
    await answer("/words/a", from("one"));
    expect((await send(port, "/quote/a")).status).toBe(404);
    await world.remove(quote({}));
    await answer("/words/a", status(404));
  });

  it("opens the port of a Listener that appears, and closes it with the Listener", async () => {
    const two = await backend("two");
    const second = await freePort();
    await world.apply(...headless("two", two), mapping("two", { prefix: "/two/", service: "two" }));
    await world.apply(listener("second", second));
    await gateway.until(
      "the port is open",
      async () => (await send(second, "/two/").catch(() => undefined))?.status === 200,
    );
    await world.remove(listener("second", second));
    await gateway.until("the port is closed", () =>
      send(second, "/two/").then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED",
      ),
    );
    expect((await send(port, "/two/")).status).toBe(200);
  });

  it("sends requests to the addresses of a Service with a ClusterIP by a KubernetesEndpointResolver", async () => {
    const three = await backend("three");
    await world.apply(
      ambassador("KubernetesEndpointResolver", "by-endpoints", {}),
      service("three", 8080),
      endpointSlice("three", three),
      mapping("three", { prefix: "/three/", service: "three:8080", resolver: "by-endpoints" }),
    );
    await answer("/three/", from("three"));
  });

  it("gives Envoy the ClusterIP of a Service, without DNS, where no resolver is named", async () => {
    await world.apply(service("four", 8080), mapping("four", { prefix: "/four/", service: "four:8080" }));
    const { stdout: clusterIp } = await world.cluster.kubectl([
      "get",
      "service",
      "four",
      "-o=jsonpath={.spec.clusterIP}",
    ]);
    // Nothing answers there: no kube-proxy is in this cluster.
    const config = await gateway.until("the ClusterIP in Envoy", async () => {
      const text = await gateway.envoyAdmin("/config_dump?include_eds");
      return text.includes(`"${clusterIp}"`) ? text : undefined;
    });
    expect(clusterIp).toMatch(/^10\.96\./);
    expect(config).not.toContain("STRICT_DNS");
  });

  it("moves traffic with endpoints that come and go, and pushes endpoints alone", async () => {
    const [first, second] = [await backend("first"), await backend("second")];
    await world.apply(...headless("moving", first), mapping("moving", { prefix: "/moving/", service: "moving" }));
    await answer("/moving/", from("first"));
    await gateway.acknowledged(0);

    const mark = gateway.mark();
    const added = endpointSlice("moving", second, { name: "moving-2" });
    await world.apply(added);
    await answer("/moving/", from("second"));
    await world.remove(endpointSlice("moving", first));
    await gateway.until("requests go to the second only", async () => {
      const names = await Promise.all(
        Array.from({ length: 10 }, async () => (await send(port, "/moving/")).echo().backend),
      );
      return names.every((name) => name === "second");
    });
    await world.apply(endpointSlice("moving", first));
    await answer("/moving/", from("first"));
    // As a Pod that is deleted: it serves what it has and gets no new requests.
    const ending = { ready: false, serving: true, terminating: true };
    await world.apply(endpointSlice("moving", second, { name: "moving-2", conditions: ending }));
    await gateway.until("requests go to the first only", async () => {
      const names = await Promise.all(
        Array.from({ length: 10 }, async () => (await send(port, "/moving/")).echo().backend),
      );
      return names.every((name) => name === "first");
    });
    // What earlier steps left behind is removed a grace period later, which may be now.
    const pushed = gateway.sent(mark).filter(({ names }) => names > 0);
    expect(pushed).toHaveLength(4);
    expect(new Set(pushed.map(({ type }) => type))).toEqual(new Set(["endpoint"]));
  });

  it("divides 10,000 requests by weight, within 3 sigma", async () => {
    const [stable, canary] = [await backend("stable"), await backend("canary")];
    await world.apply(
      ...headless("stable", stable),
      ...headless("canary", canary),
      mapping("stable", { prefix: "/weighed/", service: "stable" }),
      mapping("canary", { prefix: "/weighed/", service: "canary", weight: 20 }),
    );
    await answer("/weighed/", from("canary"));
    await answer("/weighed/", from("stable"));
    const [total, share] = [10_000, 0.2];
    const sigma = Math.sqrt(total * share * (1 - share));
    // Chance alone leaves 3 sigma in one of 370 tries; in two of two hardly ever.
    const deviations: number[] = [];
    do {
      canary.reset();
      stable.reset();
      await sendMany("/weighed/", total);
      expect(canary.count() + stable.count()).toBe(total);
      deviations.push((canary.count() - total * share) / sigma);
    } while (Math.abs(deviations.at(-1) ?? 0) > 3 && deviations.length < 2);
    process.stderr.write(
      `e2e: weight 20 of ${total}: off by ${deviations.map((each) => each.toFixed(2)).join(", then ")} sigma\n`,
    );
    expect(Math.abs(deviations.at(-1) ?? 0)).toBeLessThanOrEqual(3);
  });

  it("answers 503 for a Service that is missing, names it in the log, and serves when it comes", async () => {
    const late = await backend("late");
    const mark = gateway.mark();
    await world.apply(mapping("late", { prefix: "/late/", service: "late" }));
    await answer("/late/", status(503));
    const line = await gateway.logged(/Mapping default\/late.*there is no Service default\/late/, mark);
    expect(line).toMatch(/code=ServiceNotFound/);
    expect(line).toMatch(/spec\.service/);
    const later = gateway.mark();
    await world.apply(...headless("late", late));
    await answer("/late/", from("late"));
    await gateway.logged(/solved problems: 1|all problems are solved/, later);
  });

  it("leaves the last good version of a Mapping that goes bad in service, and says what is wrong", async () => {
    const steady = await backend("steady");
    const regex = (prefix: string) => mapping("regex", { prefix, prefix_regex: true, service: "steady" });
    await world.apply(...headless("steady", steady), regex("/steady/[0-9]+"));
    await answer("/steady/1", from("steady"));
    const mark = gateway.mark();
    await world.apply(regex("/steady/[0-9"));
    const line = await gateway.logged(/error .*Mapping default\/regex: spec\.prefix: /, mark);
    expect(line).toMatch(/its last good version keeps serving.*code=InvalidRegex/);
    // What comes later is live, and this is unharmed.
    await world.apply(mapping("after", { prefix: "/after/", service: "steady" }));
    await answer("/after/", from("steady"));
    expect((await send(port, "/steady/1")).status).toBe(200);
    await world.apply(regex("/steady/[a-z]+"));
    await answer("/steady/a", from("steady"));
    expect((await send(port, "/steady/1")).status).toBe(404);
  });

  it("serves what is for its AMBASSADOR_ID alone", async () => {
    const own = await backend("own");
    const ownPort = await freePort();
    const id = { ambassador_id: ["edge"] };
    await world.apply(
      ...headless("own", own),
      listener("edge", ownPort, id),
      cleartextHost("edge", "*", id),
      mapping("edge-only", { prefix: "/edge-only/", service: "own", ...id }),
      mapping("both", { prefix: "/both/", service: "own", ambassador_id: ["edge", "default"] }),
      mapping("default-only", { prefix: "/default-only/", service: "own" }),
    );
    const edge = await world.gateway({ env: { AMBASSADOR_ID: "edge" } });
    await edge.ready();
    await answer("/default-only/", from("own"));
    const statuses = async (on: number) =>
      await Promise.all(["/edge-only/", "/both/", "/default-only/"].map(async (path) => (await send(on, path)).status));
    expect(await statuses(ownPort)).toEqual([200, 200, 404]);
    expect(await statuses(port)).toEqual([404, 200, 200]);
    await edge.stop();
  });

  it("reads one namespace alone in single-namespace mode, with rights in that namespace alone", async () => {
    const shop = await backend("shop");
    const shopPort = await freePort();
    const id = { ambassador_id: ["shop"] };
    await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
    await world.apply(
      ...headless("shop/cart", shop),
      listener("shop/http", shopPort, id),
      cleartextHost("shop/any", "*", id),
      mapping("shop/cart", { prefix: "/cart/", service: "cart", ...id }),
      mapping("elsewhere", { prefix: "/elsewhere/", service: "cart.shop", ...id }),
    );
    const { kubectl, kubeconfigFor, apply } = world.cluster;
    const rules = [
      { apiGroups: ["getambassador.io"], resources: ["*"], verbs: ["get", "list", "watch"] },
      { apiGroups: [""], resources: ["services", "secrets"], verbs: ["get", "list", "watch"] },
      { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["get", "list", "watch"] },
    ];
    const metadata = { name: "shop-gateway", namespace: "shop" };
    await apply(
      documents(
        { apiVersion: "v1", kind: "ServiceAccount", metadata },
        { apiVersion: "rbac.authorization.k8s.io/v1", kind: "Role", metadata, rules },
      ),
    );
    await kubectl([
      "create",
      "rolebinding",
      "shop-gateway",
      "-n",
      "shop",
      "--role=shop-gateway",
      "--serviceaccount=shop:shop-gateway",
    ]);
    const kubeconfig = await kubeconfigFor({ namespace: "shop", serviceAccount: "shop-gateway" });
    const single = await world.gateway({
      kubeconfig,
      env: { AMBASSADOR_ID: "shop", AMBASSADOR_NAMESPACE: "shop", AMBASSADOR_SINGLE_NAMESPACE: "true" },
    });
    await single.ready();
    expect((await send(shopPort, "/cart/")).echo().backend).toBe("shop");
    expect((await send(shopPort, "/elsewhere/")).status).toBe(404);
    await single.stop();
  });
});

async function sendMany(path: string, total: number): Promise<void> {
  let left = total;
  const loop = async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    while (left-- > 0) {
      const { status: code } = await send(port, path, { agent });
      if (code !== 200) throw new Error(`${path} answered ${code}`);
    }
    agent.destroy();
  };
  await Promise.all(Array.from({ length: 8 }, loop));
}
