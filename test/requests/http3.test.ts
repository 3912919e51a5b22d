import dgram from "node:dgram";
import { once } from "node:events";
import https from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { isHeldByOthers } from "../../runtime/ports.ts";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { type Http3Client, startHttp3Client } from "../support/http3-client.ts";
import { hostOf, listenerOf, secretOf, tlsContextOf } from "../support/manifests.ts";
import { requestTls } from "../support/tls-client.ts";

let gateway: Gateway;
let backend: EchoBackend;
let port: number;
let authority: Certificate;
let served: Certificate;
let next: Certificate;
let client: Http3Client;
let clientWithCertificate: Http3Client;

beforeAll(async () => {
  [gateway, backend, port, authority] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    freePort(),
    selfSigned({ hosts: ["authority"], isAuthority: true }),
  ]);
  served = await signedBy(authority, { hosts: ["a.test", "b.test"] });
  next = await signedBy(authority, { hosts: ["b.test"] });
  const certificate = await signedBy(authority, { hosts: ["client"] });
  const options = { port, authority: authority.certificatePem };
  client = await startHttp3Client(options);
  clientWithCertificate = await startHttp3Client({ ...options, certificate });
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close(), client.stop(), clientWithCertificate.stop()]);
});

const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });
const all = { namespace: { from: "ALL" } };

const tcp = (hostBinding: object = all) =>
  listenerOf("https", { port, protocol: "HTTPS", securityModel: "XFP", hostBinding });
const quic = (spec: object = {}) => {
  const protocolStack = ["TLS", "HTTP", "UDP"];
  return listenerOf("http3", { port, protocolStack, securityModel: "XFP", hostBinding: all, ...spec });
};
const host = (name: string, secret: string, more: object = {}) =>
  hostOf(name, { hostname: `${name}.test`, tlsSecret: { name: secret }, ...more });

async function serve(...more: readonly string[]): Promise<readonly string[]> {
  const problems = await gateway.apply(
    secretOf("served", pair(served)) +
      secretOf("authority", { "ca.crt": authority.certificatePem }) +
      mapping("all", { prefix: "/", service: backend.service }) +
      more.join(""),
  );
  return problems.map(({ code }) => code);
}

const until = (status: number, servername: string, name = servername, who = client) =>
  eventually(`${status} from ${servername}`, async () => {
    const reply = await who.request({ servername, host: name });
    return reply.status === status ? reply : undefined;
  });

const altSvc = async (servername: string) => (await requestTls({ port, servername })).headers["alt-svc"];

describe("a Listener over UDP", () => {
  // shows: Listener.protocolStack
  it("serves HTTP/3 to the Hosts with TLS, by SNI", async () => {
    expect(await serve(quic(), host("a", "served"))).toEqual([]);
    const { body } = await until(200, "a.test");
    const { headers } = JSON.parse(body) as { headers: Record<string, string> };
    expect(headers["x-forwarded-proto"]).toBe("https");
    expect(await gateway.envoy.stat("http.ingress_https.downstream_rq_http3_total")).toBeGreaterThan(0);
    await until(503, "unknown.test");
  });

  it("stands beside one over TCP on the same port, which tells clients of it without losing a connection", async () => {
    expect(await serve(tcp(), host("a", "served"))).toEqual([]);
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const held = await eventually("TCP is served", () => requestTls({ port, servername: "a.test", agent }));
    expect(held.headers["alt-svc"]).toBeUndefined();
    expect(await serve(tcp(), quic(), host("a", "served"))).toEqual([]);
    await until(200, "a.test");
    const again = await requestTls({ port, servername: "a.test", agent });
    expect(again.headers["alt-svc"]).toBe(`h3=":${port}"; ma=86400`);
    expect(again.localPort).toBe(held.localPort);
    expect(again.headers["connection"]).not.toBe("close");
    agent.destroy();
  });

  it("is told with the port of the gateway's Service, where one forwards UDP to it", async () => {
    const service = (name: string, type: string, at: number) =>
      `---\n${JSON.stringify({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name },
        spec: { type, clusterIP: "10.0.0.9", ports: [{ name: "h3", port: at, targetPort: port, protocol: "UDP" }] },
      })}\n`;
    const services = service("inner", "ClusterIP", 8443) + service("outer", "LoadBalancer", 443);
    expect(await serve(tcp(), quic(), host("a", "served"), services)).toEqual([]);
    await eventually("the header", async () => (await altSvc("a.test")) === `h3=":443"; ma=86400`);
  });

  it("is not told of for a Host that it does not serve", async () => {
    const labels = { http3: "yes" };
    const some = quic({ hostBinding: { selector: { matchLabels: labels } } });
    const yes = hostOf("a", { hostname: "a.test", tlsSecret: { name: "served" } }, labels);
    const others = secretOf("next", pair(next)) + host("b", "next");
    expect(await serve(tcp(), some, yes, others)).toEqual([]);
    await eventually("the header", async () => (await altSvc("a.test")) === `h3=":${port}"; ma=86400`);
    expect(await altSvc("b.test")).toBeUndefined();
    await until(503, "b.test");
  });

  it("is kept back while another process has its UDP port, and does not take Envoy's own for that", async () => {
    expect(await serve(quic(), host("a", "served"))).toEqual([]);
    await until(200, "a.test");
    const held = (place: { port: number; quic: boolean }) =>
      isHeldByOthers({ name: "x", address: "127.0.0.1", ...place }, gateway.envoy.adminSocket);
    expect(await held({ port, quic: true })).toBe(false);
    const socket = dgram.createSocket("udp4").bind(0, "127.0.0.1");
    await once(socket, "listening");
    expect(await held({ port: socket.address().port, quic: true })).toBe(true);
    socket.close();
  });

  it("answers 421 on a connection that is another Host's", async () => {
    const others = secretOf("next", pair(next)) + host("b", "next");
    expect(await serve(quic(), host("a", "served"), others)).toEqual([]);
    await until(200, "b.test");
    await until(421, "a.test", "b.test");
  });

  it("changes certificates live", async () => {
    expect(await serve(quic(), host("b", "served"))).toEqual([]);
    await until(200, "b.test");
    // Another authority's: who trusts that one alone is served as soon as the certificate is there, and not before.
    const foreign = await selfSigned({ hosts: ["b.test"] });
    const stranger = await startHttp3Client({ port, authority: foreign.certificatePem });
    try {
      await until(503, "b.test", "b.test", stranger);
      const mappings = mapping("all", { prefix: "/", service: backend.service });
      await gateway.apply(secretOf("served", pair(foreign)) + mappings + quic() + host("b", "served"));
      await until(200, "b.test", "b.test", stranger);
      // The connection that was open goes on.
      expect((await client.request({ servername: "b.test" })).status).toBe(200);
    } finally {
      await stranger.stop();
    }
  });

  it("asks for client certificates", async () => {
    const mutual = tlsContextOf("mutual", { ca_secret: "authority", cert_required: true });
    expect(await serve(quic(), mutual, host("a", "served", { tlsContext: { name: "mutual" } }))).toEqual([]);
    await until(200, "a.test", "a.test", clientWithCertificate);
    await until(503, "a.test");
  });

  it("leaves out a Host whose TLS ends before 1.3, and says so", async () => {
    const old = host("b", "served", { tls: { max_tls_version: "v1.2" } });
    expect(await serve(tcp(), quic(), host("a", "served"), old)).toEqual(["HostConflict"]);
    await until(200, "a.test");
    await until(503, "b.test");
    expect(await altSvc("b.test")).toBeUndefined();
  });

  it.each([
    [["HTTP", "UDP"], /has TLS and no PROXY header/],
    [["PROXY", "TLS", "HTTP", "UDP"], /has TLS and no PROXY header/],
  ])("is refused with the stack %j", async (protocolStack, message) => {
    const problems = await gateway.apply(quic({ protocolStack }));
    expect(problems.map(({ message: text }) => text)).toEqual([expect.stringMatching(message)]);
  });
});
