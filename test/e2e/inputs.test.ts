import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { gatewayRules } from "../../capabilities/rules.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "./support/backend.ts";
import { type Answer, send } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { cleartextHost, endpointSlice, listener, type Manifest, service } from "./support/manifests.ts";

let world: World;
let gateway: Gateway;
let backend: Backend;
let port: number;

const networking = "networking.k8s.io/v1";

/** Beside the one of the manifest, which is there from the start. */
const ingressClass: Manifest = {
  apiVersion: networking,
  kind: "IngressClass",
  metadata: { name: "another" },
  spec: { controller: "getambassador.io/ingress-controller" },
};

function ingress(name: string, path: string, spec: object = {}): Manifest {
  const to = { service: { name: "web", port: { name: "http" } } };
  return {
    apiVersion: networking,
    kind: "Ingress",
    metadata: { name, namespace: "default" },
    spec: {
      ingressClassName: "another",
      rules: [{ http: { paths: [{ path, pathType: "Prefix", backend: to }] } }],
      ...spec,
    },
  };
}

/** The Service that the Ingresses lead to: headless, with a named port. */
function web(): Manifest[] {
  const spec = { clusterIP: "None", ports: [{ name: "http", port: 80 }] };
  const slice = endpointSlice("web", backend);
  return [
    { ...service("web", 80), spec },
    { ...slice, ports: [{ name: "http", port: backend.port }] },
  ];
}

function annotated(config: string): Manifest {
  const base = service("plain", 80);
  const metadata = { ...base.metadata, annotations: { "getambassador.io/config": config } };
  return { ...base, metadata };
}

function answer(path: string, accept: (answer: Answer) => boolean): Promise<Answer> {
  return gateway.until(`an answer to ${path}`, async () => {
    const got = await send(port, path);
    return accept(got) ? got : undefined;
  });
}

const ok = ({ status }: Answer) => status === 200;
const gone = ({ status }: Answer) => status === 404;

(clusterAvailable ? describe : describe.skip)("other inputs than Mappings, in a cluster", () => {
  beforeAll(async () => {
    [world, backend, port] = await Promise.all([startWorld(), startBackend("web"), freePort()]);
    // As install.yaml has it, for a process that runs in no Pod.
    gateway = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "nuncio", NUNCIO_SERVICE: "nuncio" } });
    await world.apply(listener("http", port), cleartextHost("any", "*"), ...web());
    await gateway.ready();
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
    await backend?.close();
  }, 30_000);

  it("serves a Mapping in the annotation of a Service, follows its changes and ends it with the Service", async () => {
    const mapping = (prefix: string) =>
      `apiVersion: ambassador/v2\nkind: Mapping\nname: noted\nprefix: ${prefix}\nservice: web\n`;
    await world.apply(annotated(mapping("/noted/")));
    expect((await answer("/noted/a", ok)).echo().url).toBe("/a");
    await world.apply(annotated(mapping("/other/")));
    await answer("/other/a", ok);
    expect((await send(port, "/noted/a")).status).toBe(404);
    await world.apply(annotated("prefix: ["));
    await gateway.logged(/error .*Service default\/plain: metadata\.annotations.*its last good version keeps serving/);
    expect((await send(port, "/other/a")).status).toBe(200);
    await world.remove(annotated(""));
    await answer("/other/a", gone);
  });

  it("serves an Ingress from the moment that its IngressClass is there", async () => {
    await world.apply(ingress("shop", "/shop"));
    expect((await send(port, "/shop/a")).status).toBe(404);
    await world.apply(ingressClass);
    expect((await answer("/shop/a", ok)).echo().url).toBe("/shop/a");
    expect((await send(port, "/shopping")).status).toBe(404);
    await world.apply(ingress("shop", "/shops"));
    await answer("/shops", ok);
    await world.remove(ingress("shop", "/shops"));
    await answer("/shops", gone);
  });

  describe("the status of an Ingress", () => {
    const read = async (name: string): Promise<unknown> => {
      const { stdout } = await world.cluster.kubectl(["get", "ingress", name, "-o", "json"]);
      return (JSON.parse(stdout) as { status: { loadBalancer: { ingress?: unknown } } }).status.loadBalancer.ingress;
    };
    const until = (name: string, wanted: unknown) =>
      gateway.until(
        `${name} has ${JSON.stringify(wanted)}`,
        async () => JSON.stringify(await read(name)) === JSON.stringify(wanted),
      );
    /** As the controller of a cloud's load balancers writes it. */
    const balance = (ingressOfService: readonly object[]) =>
      world.cluster.kubectl([
        ...["patch", "service", "nuncio", "-n", "nuncio", "--subresource=status", "--type=merge"],
        ...["-p", JSON.stringify({ status: { loadBalancer: { ingress: ingressOfService } } })],
      ]);

    it("is that of the gateway's Service, and follows it", async () => {
      await world.apply(ingressClass, ingress("one", "/one"));
      await balance([{ ip: "192.0.2.1" }]);
      await until("one", [{ ip: "192.0.2.1" }]);
      await world.apply(ingress("two", "/two"));
      await until("two", [{ ip: "192.0.2.1" }]);
      await balance([{ hostname: "lb.example.com" }]);
      await Promise.all(["one", "two"].map((name) => until(name, [{ hostname: "lb.example.com" }])));
    });

    it("is left alone where the Ingress is another controller's, and where nothing changes", async () => {
      await world.apply(ingress("foreign", "/foreign", { ingressClassName: "nginx" }), ingress("three", "/three"));
      await until("three", [{ hostname: "lb.example.com" }]);
      expect(await read("foreign")).toBeUndefined();
      const version = async () =>
        (await world.cluster.kubectl(["get", "ingress", "one", "-o", "jsonpath={.metadata.resourceVersion}"])).stdout;
      const before = await version();
      // A second replica finds it written, and a change elsewhere is none of it.
      const other = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "nuncio", NUNCIO_SERVICE: "nuncio" } });
      await other.ready();
      await world.apply(ingress("four", "/four"));
      await until("four", [{ hostname: "lb.example.com" }]);
      expect(await version()).toBe(before);
      await other.stop();
    });

    it("is written by the elected replica alone, and by the next one as soon as that has gone", async () => {
      const pair = { AMBASSADOR_NAMESPACE: "nuncio", AMBASSADOR_ID: "pair" };
      const theirs = { ambassador_id: ["pair"] };
      // It writes nothing, since it does not find its Service.
      const first = await world.gateway({
        env: { ...pair, NUNCIO_SERVICE: "nope", AMBASSADOR_ENVOY_BIND_ADDRESS: "127.0.0.2" },
      });
      await first.logged(/elected: this replica writes status/);
      const second = await world.gateway({ env: { ...pair, NUNCIO_SERVICE: "nuncio" } });
      const five = ingress("five", "/five", { ingressClassName: null });
      const annotations = { "kubernetes.io/ingress.class": "ambassador", "getambassador.io/ambassador-id": "pair" };
      const own = await freePort();
      await world.apply(listener("pair", own, theirs), cleartextHost("pair", "*", theirs), {
        ...five,
        metadata: { ...five.metadata, annotations } as Manifest["metadata"],
      });
      await second.until("the second serves it", async () => (await send(own, "/five")).status === 200);
      expect(await read("five")).toBeUndefined();
      await first.stop();
      await until("five", [{ hostname: "lb.example.com" }]);
      await second.stop();
    });

    it("is not written by a gateway that does not know its Service, which it says", async () => {
      const lost = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "elsewhere" } });
      await lost.logged(/warn .*status of Ingresses is not written.*NUNCIO_SERVICE/);
      await lost.stop();
    });
  });

  it("are served in one namespace with the rights to that namespace alone, Ingresses by their annotation", async () => {
    const rbac = "rbac.authorization.k8s.io";
    const metadata = { name: "narrow", namespace: "narrow" };
    const blue = { ambassador_id: ["blue"] };
    const annotations = { "kubernetes.io/ingress.class": "ambassador", "getambassador.io/ambassador-id": "blue" };
    const own = await freePort();
    const object = ingress("narrow", "/narrow", { ingressClassName: null });
    const inNamespace = (each: Manifest): Manifest => ({
      ...each,
      metadata: { ...each.metadata, namespace: "narrow" },
    });
    await world.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "narrow" } });
    await world.apply(
      { apiVersion: "v1", kind: "ServiceAccount", metadata },
      { apiVersion: `${rbac}/v1`, kind: "Role", metadata, rules: gatewayRules() },
      {
        ...{ apiVersion: `${rbac}/v1`, kind: "RoleBinding", metadata },
        roleRef: { apiGroup: rbac, kind: "Role", name: "narrow" },
        subjects: [{ kind: "ServiceAccount", ...metadata }],
      },
      ...web().map(inNamespace),
      listener("narrow/http", own, blue),
      cleartextHost("narrow/any", "*", blue),
      { ...object, metadata: { ...metadata, annotations } as Manifest["metadata"] },
    );
    const kubeconfig = await world.cluster.kubeconfigFor({ namespace: "narrow", serviceAccount: "narrow" });
    const env = { AMBASSADOR_SINGLE_NAMESPACE: "true", AMBASSADOR_NAMESPACE: "narrow", AMBASSADOR_ID: "blue" };
    const narrow = await world.gateway({ kubeconfig, env });
    await narrow.ready();
    await narrow.until("an answer", async () => (await send(own, "/narrow/a")).status === 200);
    await narrow.stop();
  });
});
