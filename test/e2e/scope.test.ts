import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { plainNames } from "../../hack/manifests/names.ts";
import { resolved } from "../../hack/manifests/plain.ts";
import { accounts, gatewayAccess } from "../../hack/manifests/rbac.ts";
import { defaults } from "../../hack/manifests/values.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { hostAddress } from "../cluster/host-address.ts";
import { freePort } from "../cluster/loopback.ts";
import { type HttpAuthServer, httpAuthServer } from "../support/auth-servers.ts";
import { selfSigned } from "../support/certificates.ts";
import { reached, type TcpBackend, tcpBackend } from "../support/tcp.ts";
import { type Backend, startBackend } from "./support/backend.ts";
import { send } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import { ambassador, endpointSlice, listener, type Manifest, service } from "./support/manifests.ts";

type Texts = Readonly<Record<string, string>>;
type Spec = Readonly<Record<string, unknown>>;

/** A way to tell a gateway which objects are its own. Those that are stand in the namespace `own`, the others in `other`. */
interface Scope {
  readonly env: Texts;
  /** It has no rights but those of a Role in its namespace. */
  readonly narrow?: true;
  readonly labels?: Texts;
  readonly id?: string;
}

const scopes: Readonly<Record<string, Scope>> = {
  "a namespace": { env: { AMBASSADOR_SINGLE_NAMESPACE: "true", AMBASSADOR_NAMESPACE: "own" }, narrow: true },
  "a label": { env: { AMBASSADOR_LABEL_SELECTOR: "gateway=blue,!retired" }, labels: { gateway: "blue" } },
  "a field": { env: { AMBASSADOR_FIELD_SELECTOR: "metadata.namespace!=other" } },
  "an id": { env: { AMBASSADOR_ID: "blue" }, id: "blue" },
};

/** What an installation for one namespace has there: an account and its rights, as the chart makes them. */
function accessIn(namespace: string): readonly Manifest[] {
  const values = { ...defaults, scope: { singleNamespace: true } };
  const names = { ...plainNames, namespace };
  return resolved([...accounts(names), ...gatewayAccess(names)], values) as readonly Manifest[];
}

let world: World;

(clusterAvailable ? describe : describe.skip).each(Object.entries(scopes))(
  "a gateway for the objects of %s",
  (_, scope) => {
    const applied: Manifest[] = [];
    const gateways: Gateway[] = [];
    let gateway: Gateway;
    let web: Backend;
    let secure: Backend;
    let tcp: TcpBackend;
    let auth: HttpAuthServer;
    let port: number;

    /** As one of the gateway's own objects, or as another's. */
    function placed(manifest: Manifest, isOwn: boolean): Manifest {
      const { labels = {}, ...rest } = manifest.metadata;
      const criterion = isOwn ? (scope.labels ?? {}) : scope.labels === undefined ? {} : { gateway: "green" };
      const annotations = (manifest.metadata as { annotations?: Texts }).annotations ?? {};
      const id = scope.id === undefined ? undefined : isOwn ? scope.id : "green";
      const spec = manifest["spec"] as Spec | undefined;
      const isOurs = manifest.apiVersion.startsWith("getambassador.io/");
      const metadata = {
        ...rest,
        namespace: isOwn ? "own" : "other",
        labels: { ...labels, ...criterion },
        ...(manifest.kind === "Ingress" && id !== undefined
          ? { annotations: { ...annotations, "getambassador.io/ambassador-id": id } }
          : { annotations }),
      };
      return {
        ...manifest,
        metadata,
        ...(isOurs && id !== undefined ? { spec: { ...spec, ambassador_id: [id] } } : {}),
      };
    }

    async function apply(manifests: readonly Manifest[], isOwn: boolean): Promise<void> {
      const all = manifests.map((each) => placed(each, isOwn));
      applied.push(...all);
      await world.apply(...all);
    }

    const own = (...manifests: readonly Manifest[]) => apply(manifests, true);
    const others = (...manifests: readonly Manifest[]) => apply(manifests, false);
    const status = async (path: string, host = "example.com") => (await send(port, path, { host })).status;
    const until = (path: string, wanted: number, host?: string) =>
      gateway.until(`${wanted} for ${path}`, async () => (await status(path, host)) === wanted);
    const mapping = (name: string, spec: Spec = {}) =>
      ambassador("Mapping", name, { hostname: "*", prefix: `/${name}/`, service: "web.own", ...spec });

    const ingress = (name: string): Manifest => {
      const to = { service: { name: "web", port: { number: 80 } } };
      const annotations = { "kubernetes.io/ingress.class": "ambassador" };
      return {
        apiVersion: "networking.k8s.io/v1",
        kind: "Ingress",
        metadata: { name, annotations } as Manifest["metadata"],
        spec: { rules: [{ http: { paths: [{ path: `/${name}/`, pathType: "Prefix", backend: to }] } }] },
      };
    };

    const annotated = (name: string, id: string | undefined): Manifest => {
      const object = {
        ...{ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping", name },
        ...{ hostname: "*", prefix: `/${name}/`, service: "web.own" },
        ...(id === undefined ? {} : { ambassador_id: [id] }),
      };
      const metadata = { name, annotations: { "getambassador.io/config": JSON.stringify(object) } };
      return { ...service(name, 80), metadata };
    };

    beforeAll(async () => {
      const { certificatePem: cert, keyPem: key } = await selfSigned({ hosts: ["secure"] });
      const address = hostAddress();
      // One cluster for all of them, which each leaves as it was.
      world ??= await startWorld();
      [web, secure, tcp, auth, port] = await Promise.all([
        startBackend("web"),
        startBackend("secure", { cert, key }),
        tcpBackend("tcp", { address }),
        httpAuthServer(),
        freePort(),
      ]);
      const namespace = (name: string): Manifest => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
      await world.apply(namespace("own"), namespace("other"), ...accessIn("own"));
      const account = { namespace: "own", serviceAccount: "nuncio" };
      const kubeconfig = scope.narrow ? { kubeconfig: await world.cluster.kubeconfigFor(account) } : {};
      gateway = await world.gateway({ env: scope.env, ...kubeconfig });
      gateways.push(gateway);
      const toWeb = [service("web", 80, { headless: true }), endpointSlice("web", web)];
      await others(...toWeb);
      await own(
        ...toWeb,
        listener("http", port),
        ambassador("Host", "any", { hostname: "*", requestPolicy: { insecure: { action: "Route" } } }),
      );
      await gateway.ready();
    }, 180_000);

    afterAll(async () => {
      await Promise.all(gateways.map((each) => each.stop()));
      await world.remove(...applied);
      await Promise.all([web, secure, tcp, auth].map((each) => each?.close()));
    }, 30_000);

    it("serves its Mappings, annotations and Ingresses, and no others", async () => {
      await others(mapping("other"), annotated("other-noted", scope.id && "green"), ingress("other-ingress"));
      await own(mapping("own"), annotated("own-noted", scope.id), ingress("own-ingress"));
      for (const path of ["/own/", "/own-noted/", "/own-ingress/"]) await until(path, 200);
      for (const path of ["/other/", "/other-noted/", "/other-ingress/"]) expect(await status(path)).toBe(404);
    });

    it("has the Hosts, Listeners and Module that are its own", async () => {
      const closed = await freePort();
      const rejecting = (hostname: string) => ({ hostname, requestPolicy: { insecure: { action: "Reject" } } });
      await others(
        ambassador("Host", "other", rejecting("other.test")),
        listener("other", closed),
        ambassador("Module", "ambassador", { config: { server_name: "other" } }),
      );
      await own(
        ambassador("Host", "own", rejecting("own.test")),
        ambassador("Module", "ambassador", { config: { server_name: "own" } }),
      );
      await until("/own/", 404, "own.test");
      await gateway.until("the Module is in force", async () => (await send(port, "/own/")).headers.server === "own");
      expect(await status("/own/", "other.test")).toBe(200);
      await expect(send(closed, "/own/")).rejects.toThrow("ECONNREFUSED");
    });

    it("finds its own TLSContexts alone", async () => {
      const service = `https://${secure.address}:${secure.port}`;
      await others(ambassador("TLSContext", "other", { sni: "secure" }));
      await own(
        ambassador("TLSContext", "own", { sni: "secure" }),
        mapping("other-context", { service, tls: "other" }),
        mapping("own-context", { service, tls: "own" }),
      );
      await until("/own-context/", 200);
      expect(await status("/other-context/")).toBe(404);
    });

    it("opens ports for its own TCPMappings alone", async () => {
      const [mine, theirs] = [await freePort(), await freePort()];
      const to = `${hostAddress()}:${tcp.port}`;
      await others(ambassador("TCPMapping", "other", { port: theirs, service: to }));
      await own(ambassador("TCPMapping", "own", { port: mine, service: to }));
      await gateway.until("its port leads on", async () => (await reached({ port: mine })).startsWith("tcp"));
      expect(await reached({ port: theirs })).toMatch(/^none/);
    });

    it("asks its own AuthService alone", async () => {
      auth.verdict = () => ({ status: 403 });
      const asking = (name: string) => ambassador("AuthService", name, { auth_service: `127.0.0.1:${auth.port}` });
      await others(asking("other"));
      await own(mapping("later"));
      await until("/later/", 200);
      expect(auth.asked).toEqual([]);
      await own(asking("own"));
      await until("/later/", 403);
    });

    if (scope.id === undefined) return;

    it("stands beside another one, which has the rest", async () => {
      auth.verdict = () => ({ status: 200 });
      const second = await world.gateway({ env: { AMBASSADOR_ID: "green" } });
      gateways.push(second);
      const theirs = await freePort();
      await others(
        listener("theirs", theirs),
        ambassador("Host", "any", { hostname: "*", requestPolicy: { insecure: { action: "Route" } } }),
      );
      await second.ready();
      const get = (path: string) => send(theirs, path);
      await second.until("it serves", async () => (await get("/other/")).status === 200);
      for (const path of ["/other-noted/", "/other-ingress/"]) expect((await get(path)).status).toBe(200);
      expect((await get("/other/")).headers.server).toBe("other");
      expect((await get("/own/")).status).toBe(404);
      expect((await send(theirs, "/other/", { host: "other.test" })).status).toBe(404);
      expect((await send(theirs, "/other/", { host: "own.test" })).status).toBe(200);
      await until("/own/", 200);
      expect(await status("/other/")).toBe(404);
    });
  },
);

afterAll(async () => {
  await world?.stop();
}, 30_000);
