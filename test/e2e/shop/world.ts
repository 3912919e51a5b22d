import { readFileSync } from "node:fs";
import type http from "node:http";
import net, { type AddressInfo } from "node:net";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { root } from "../../../hack/paths.mjs";
import { startAdmission } from "../../admission/process.ts";
import { hostAddress } from "../../cluster/host-address.ts";
import { freePort } from "../../cluster/loopback.ts";
import { type HttpAuthServer, httpAuthServer } from "../../support/auth-servers.ts";
import { localServer } from "../../support/backends.ts";
import { type Certificate, selfSigned } from "../../support/certificates.ts";
import { eventually } from "../../support/eventually.ts";
import { grpcBackend } from "../../support/grpc-backend.ts";
import { overLimit, type RateLimitServer, rateLimitServer } from "../../support/rate-limit-server.ts";
import { tcpBackend } from "../../support/tcp.ts";
import { type Backend, startBackend } from "../support/backend.ts";
import { startWorld, type World } from "../support/cluster.ts";
import type { Gateway } from "../support/gateway.ts";
import { endpointSlice, type Manifest, tlsSecret } from "../support/manifests.ts";

export interface Shop {
  readonly world: World;
  readonly gateway: Gateway;
  readonly web: Backend;
  readonly auth: HttpAuthServer;
  readonly limits: RateLimitServer;
  readonly certificate: Certificate;
  /** Where the ports of the manifests are on this machine. */
  readonly port: (written: number) => number;
  readonly stop: () => Promise<void>;
}

const hosts = ["shop.example.com", "admin.example.com", "blog.example.com"];

/** A cluster with the CRDs in all versions, converted by a webhook, to which the manifests are applied as their users do it. */
export async function startShop(): Promise<Shop> {
  const world = await startWorld({ crds: false });
  const stops: (() => unknown)[] = [() => world.stop()];
  const stop = async () => {
    for (const each of stops.reverse()) await each();
  };
  try {
    stops.push(await convertVersions(world));
    const ports = new Map<number, number>();
    for (const written of [8080, 8443, 6379]) ports.set(written, await freePort());
    const certificate = await selfSigned({ hosts });
    await applyAsUsers(world, ports);
    await world.apply(tlsSecret("shop/shop-tls", certificate));
    const servers = await startServers(certificate, (each) => stops.push(each));
    await world.apply(...servers.slices);
    const gateway = await world.gateway({ env: { AMBASSADOR_NAMESPACE: "nuncio" } });
    await gateway.ready();
    const port = (written: number) => ports.get(written) ?? 0;
    return { world, gateway, certificate, port, stop, ...servers };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function convertVersions({ cluster }: World): Promise<() => Promise<unknown>> {
  await cluster.apply(readFileSync(join(root, "manifests/crds-legacy.yaml"), "utf8"));
  const kubeconfig = await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio-admission" });
  const port = await freePort();
  const args = ["--certificates", "own", "--url", `https://127.0.0.1:${port}`, "--convert"];
  const admission = await startAdmission({ kubeconfig, env: { AMBASSADOR_NAMESPACE: "nuncio" }, port, args });
  const bundle = ["get", "crd", "mappings.getambassador.io", "-o"];
  const path = "jsonpath={.spec.conversion.webhook.clientConfig.caBundle}";
  await eventually("the webhook converts", async () => (await cluster.kubectl([...bundle, path])).stdout !== "", {
    timeoutMs: 60_000,
  });
  return admission.stop;
}

/** `kubectl apply -f`, with nothing changed but the numbers of ports that this machine may have in use. */
async function applyAsUsers({ cluster }: World, ports: ReadonlyMap<number, number>): Promise<void> {
  const text = readFileSync(join(root, "test/e2e/shop/emissary.yaml"), "utf8");
  const manifests = parseAllDocuments(text).map((each) => each.toJS() as Manifest);
  const placed = manifests.map((each) => {
    if (each.kind !== "Listener" && each.kind !== "TCPMapping") return each;
    const spec = each["spec"] as { readonly port: number };
    return { ...each, spec: { ...spec, port: ports.get(spec.port) } };
  });
  // A conversion webhook that has just come is not asked by every part of the API server at once.
  await eventually(
    "the manifests are applied",
    () => cluster.kubectl(["apply", "-f", "-"], { input: placed.map((each) => stringify(each)).join("---\n") }),
    { timeoutMs: 60_000 },
  );
}

interface Servers extends Pick<Shop, "web" | "auth" | "limits"> {
  /** What the EndpointSlice controller would write. */
  readonly slices: readonly Manifest[];
}

async function startServers(tls: Certificate, onStop: (stop: () => unknown) => void): Promise<Servers> {
  const slices: Manifest[] = [];
  const address = hostAddress();
  const add = (service: string, port: number, portName = ""): void => {
    const slice = endpointSlice(service, { address, port });
    slices.push({ ...slice, ports: [{ name: portName, port }] });
  };
  const echo = async (name: string, secure?: Certificate): Promise<Backend> => {
    const backend = await startBackend(name, secure && { cert: secure.certificatePem, key: secure.keyPem });
    onStop(backend.close);
    add(`shop/${name}`, backend.port, name === "web" ? "http" : "");
    return backend;
  };
  const [web] = await Promise.all([
    echo("web"),
    echo("beta"),
    echo("catalog"),
    echo("catalog-next"),
    echo("vault", tls),
  ]);
  const others = await Promise.all([orders(address), chat(address), tcpBackend("cache", { address })]);
  ["orders", "chat", "cache"].forEach((name, index) => add(`shop/${name}`, others[index]?.port ?? 0));
  for (const { close } of others) onStop(close);

  const auth = await httpAuthServer({ address });
  auth.verdict = ({ url, headers }) => {
    if (headers["x-api-key"] === "secret") return { status: 200, headers: { "x-user": "ann" } };
    return { status: url.startsWith("/extauth/account/") ? 401 : 200 };
  };
  onStop(auth.close);
  add("identity/auth", auth.port);

  const limits = await rateLimitServer();
  limits.verdict = (descriptors) =>
    descriptors.some((entries) => entries.includes("caller=robot")) ? overLimit() : { overallCode: 1 };
  onStop(limits.close);
  add("identity/limits", await reachable(limits.port, address, onStop));

  const grpc = await grpcBackend();
  onStop(grpc.close);
  add("shop/echo", await reachable(Number(grpc.service.split(":")[1]), address, onStop));
  return { web, auth, limits, slices };
}

/** A port of an address that EndpointSlices accept, which leads to one of loopback. */
async function reachable(port: number, address: string, onStop: (stop: () => unknown) => void): Promise<number> {
  const server = net.createServer((socket) => {
    const inner = net.connect(port, "127.0.0.1");
    socket.on("error", () => inner.destroy()).pipe(inner);
    inner.on("error", () => socket.destroy()).pipe(socket);
    socket.once("close", () => inner.destroy());
  });
  await new Promise<void>((done) => server.listen(0, address, done));
  onStop(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Fails the first two requests for a path, as a service does that is just coming up. */
function orders(address: string) {
  const failed = new Map<string, number>();
  return localServer(
    ({ url = "" }: http.IncomingMessage, response) => {
      const before = failed.get(url) ?? 0;
      failed.set(url, before + 1);
      response.writeHead(before < 2 ? 503 : 200, { "x-internal": "yes" });
      response.end(JSON.stringify({ url, failed: before }));
    },
    { address },
  );
}

/** Accepts any upgrade, says which path it was asked for, and then sends back what it gets. */
function chat(address: string) {
  return localServer((_, response) => response.end(), {
    address,
    prepare: (server) =>
      server.on("upgrade", ({ url, headers }, socket) => {
        const head = ["HTTP/1.1 101 Switching Protocols", "connection: upgrade", `upgrade: ${headers.upgrade}`];
        socket.write(`${head.join("\r\n")}\r\n\r\n${url}\n`);
        socket.on("error", () => socket.destroy()).pipe(socket);
      }),
  });
}
