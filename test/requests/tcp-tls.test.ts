import https from "node:https";
import type tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Problem } from "../../ir/problem.ts";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, secretOf, tcpMappingOf, tlsContextOf } from "../support/manifests.ts";
import { connect, type ConnectOptions, reached, type Session, type TcpBackend, tcpBackend } from "../support/tcp.ts";

type Spec = Readonly<Record<string, unknown>>;

let gateway: Gateway;
let plain: TcpBackend;
let other: TcpBackend;
/** Ends TLS itself. */
let secure: TcpBackend;
let web: EchoBackend;
let authority: Certificate;
let ofGateway: Certificate;
let ofBackend: Certificate;
let port: number;

beforeAll(async () => {
  authority = await selfSigned({ hosts: ["authority"], isAuthority: true });
  const hosts = ["db.example.com", "web.example.com", "*.example.com"];
  [ofGateway, ofBackend] = await Promise.all([signedBy(authority, { hosts }), signedBy(authority, { hosts })]);
  [gateway, plain, other, secure, web, port] = await Promise.all([
    startGateway(),
    tcpBackend("plain"),
    tcpBackend("other"),
    tcpBackend("secure", { certificate: ofBackend }),
    echoBackend("web"),
    freePort(),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), plain.close(), other.close(), secure.close(), web.close()]);
});

const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });
const secret = () =>
  secretOf("served", pair(ofGateway)) + secretOf("authority", { "tls.crt": authority.certificatePem });
const withCertificate = (hostname: string, name = "certified") =>
  secret() + hostOf(name, { hostname, tlsSecret: { name: "served" } });
const listener = (spec: Spec) =>
  listenerOf("tcp", { port, securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } }, ...spec });
const toPlain = (spec: Spec = {}, name = "plain") => tcpMappingOf(name, { port, service: plain.service, ...spec });
const toSecure = (spec: Spec = {}, name = "secure") => tcpMappingOf(name, { port, service: secure.service, ...spec });

const by = (servername: string, more: tls.ConnectionOptions = {}): ConnectOptions => ({
  port,
  tls: { servername, ca: authority.certificatePem, ...more },
});

const leads = (to: string, options: ConnectOptions) =>
  eventually(`the connection leads to ${to}`, async () => (await reached(options)).startsWith(to));

/** Who ended TLS, by the certificate that the client was shown. */
function endOf({ socket }: Session): string {
  const { serialNumber } = (socket as tls.TLSSocket).getPeerCertificate();
  return serialNumber === ofGateway.serial ? "gateway" : serialNumber === ofBackend.serial ? "backend" : serialNumber;
}

async function ended(options: ConnectOptions): Promise<string> {
  const session = await connect(options);
  const end = endOf(session);
  expect(await session.ask("inside")).toBe("inside");
  session.socket.destroy();
  return `${end}, ${session.backend}`;
}

/** The status of a request by TLS to the port. */
const asked = (host: string): Promise<number> =>
  new Promise((done, fail) => {
    const at = {
      host: "127.0.0.1",
      port,
      servername: host,
      ca: authority.certificatePem,
      agent: false,
      headers: { host },
    };
    https.get(at, (response) => done((response.resume(), response.statusCode ?? 0))).once("error", fail);
  });

const view = (problems: readonly Problem[]) =>
  problems.map(({ severity, code, object, path }) => [severity, code, `${object.kind} ${object.name}`, path.join(".")]);

describe("TLS that ends at the gateway", () => {
  // shows: TCPMapping.host
  it("takes the connections of its name, with the certificate of a Host", async () => {
    const named = toPlain({ host: "DB.example.com" });
    expect(await gateway.apply(withCertificate("db.example.com") + named)).toEqual([]);
    await leads("plain", by("db.example.com"));
    expect(await ended(by("db.example.com"))).toBe("gateway, plain");
    expect(await reached(by("mail.example.com"))).toMatch(/^none/);
    expect(await reached({ port, head: "no TLS\n" })).toMatch(/^none/);
  });

  it("offers no protocol of HTTP, unless alpn_protocols says so", async () => {
    const alpn = async () => {
      const session = await connect(by("db.example.com", { ALPNProtocols: ["h2", "postgresql"] }));
      session.socket.destroy();
      return (session.socket as tls.TLSSocket).alpnProtocol;
    };
    await gateway.apply(withCertificate("db.example.com") + toPlain({ host: "db.example.com" }));
    await leads("plain", by("db.example.com"));
    expect(await alpn()).toBe(false);
    const said = { hostname: "db.example.com", tlsSecret: { name: "served" }, tls: { alpn_protocols: "postgresql" } };
    await gateway.apply(secret() + hostOf("certified", said) + toPlain({ host: "db.example.com" }));
    await eventually("it is offered", async () => (await alpn()) === "postgresql");
  });

  it("has the certificate and settings of a TLSContext with the name among its hosts", async () => {
    const context = { hosts: ["db.example.com"], secret: "served", ca_secret: "authority", cert_required: true };
    const manifests = secret() + tlsContextOf("db", context) + toPlain({ host: "db.example.com" });
    expect(await gateway.apply(manifests)).toEqual([]);
    const client = await signedBy(authority, { hosts: ["client"] });
    const shown = by("db.example.com", { cert: client.certificatePem, key: client.keyPem });
    await leads("plain", shown);
    expect(await ended(shown)).toBe("gateway, plain");
    expect(await reached(by("db.example.com"))).toMatch(/^none/);
  });

  it("has a wildcard, and the nearer name first", async () => {
    const manifests =
      withCertificate("*.example.com") +
      toPlain({ host: "*.example.com" }) +
      tcpMappingOf("other", { port, host: "db.example.com", service: other.service });
    expect(await gateway.apply(manifests)).toEqual([]);
    await leads("plain", by("any.example.com"));
    expect(await ended(by("db.example.com"))).toBe("gateway, other");
  });

  // shows: TCPMapping.tls
  it("may be followed by TLS to the service, with what its TLSContext says", async () => {
    const contexts = tlsContextOf("origin", { sni: "db.example.com", ca_secret: "authority" });
    for (const spec of [{ service: `https://${secure.service}` }, { tls: "origin" }]) {
      const manifests = withCertificate("db.example.com") + contexts + toSecure({ host: "db.example.com", ...spec });
      expect(await gateway.apply(manifests)).toEqual([]);
      await leads("secure", by("db.example.com"));
      expect(await ended(by("db.example.com"))).toBe("gateway, secure");
    }
  });
});

describe("TLS that goes through", () => {
  // shows: TCPMapping.tls_passthrough
  it("goes to the service of the name that it asks for, whatever certificates there are", async () => {
    const manifests =
      withCertificate("*.example.com") +
      toSecure({ host: "db.example.com", tls_passthrough: true }) +
      toPlain({ host: "mail.example.com" });
    expect(await gateway.apply(manifests)).toEqual([]);
    await leads("secure", by("db.example.com"));
    expect(await ended(by("db.example.com"))).toBe("backend, secure");
    expect(await ended(by("mail.example.com"))).toBe("gateway, plain");
    expect(await reached(by("www.example.com"))).toMatch(/^none/);
  });

  it("goes through without being asked where there is no host, as everything does", async () => {
    expect(await gateway.apply(toSecure())).toEqual([]);
    await leads("secure", by("db.example.com"));
    expect(await ended(by("www.example.com"))).toBe("backend, secure");
    expect(view(await gateway.apply(toSecure({ tls_passthrough: true })))).toEqual([
      ["warning", "IgnoredField", "TCPMapping secure", "spec.tls_passthrough"],
    ]);
  });

  it("is never what becomes of TLS that cannot end here", async () => {
    await gateway.apply("");
    const named = { host: "db.example.com" };
    const alone = await gateway.apply(toSecure(named, "alone"));
    expect(view(alone)).toEqual([["error", "TlsContextNotFound", "TCPMapping alone", "spec.host"]]);
    const noSecret = hostOf("certified", { hostname: "*.example.com", tlsSecret: { name: "missing" } });
    expect(view(await gateway.apply(noSecret + toSecure(named, "alone")))).toEqual(
      [
        ["error", "SecretNotFound", "TCPMapping alone", "spec.host"],
        ["error", "SecretNotFound", "Host certified", "spec.tlsSecret"],
      ].sort(),
    );
    expect(await reached(by("db.example.com"))).toMatch(/^none/);
    expect(await reached({ port })).toMatch(/^none/);
  });
});

describe("HTTP and TCP on one Listener", () => {
  const hosts = () => withCertificate("web.example.com", "web") + mapping("web", { prefix: "/", service: web.service });

  it("are told apart by the name that the client asks for", async () => {
    const manifests =
      hosts() +
      listener({ protocol: "HTTPS" }) +
      tlsContextOf("db", { hosts: ["db.example.com"], secret: "served" }) +
      toPlain({ host: "db.example.com" }) +
      toSecure({ host: "through.example.com", tls_passthrough: true }) +
      tcpMappingOf("rest", { port, service: other.service });
    expect(await gateway.apply(manifests)).toEqual([]);
    await leads("plain", by("db.example.com"));
    expect(await asked("web.example.com")).toBe(200);
    expect(await ended(by("db.example.com"))).toBe("gateway, plain");
    expect(await ended(by("through.example.com"))).toBe("backend, secure");
    // What is no TLS, or for no name that is known.
    await leads("other", { port, head: "hello\n" });
  });

  it("give the name that both claim to the TCPMapping, and each is told", async () => {
    const manifests = hosts() + listener({ protocol: "HTTPS" }) + toPlain({ host: "web.example.com" });
    expect(view(await gateway.apply(manifests))).toEqual([
      ["warning", "HostConflict", "Host web", "spec.hostname"],
      ["warning", "HostConflict", "TCPMapping plain", "spec.host"],
    ]);
    await leads("plain", by("web.example.com"));
    expect(await ended(by("web.example.com"))).toBe("gateway, plain");
  });

  it("share a cleartext Listener, where TLS of a name is TCP's and the rest is HTTP's", async () => {
    const more = hosts() + tlsContextOf("db", { hosts: ["db.example.com"], secret: "served" });
    const named = tcpMappingOf("plain", { port: gateway.port, host: "db.example.com", service: plain.service });
    expect(await gateway.apply(more + named)).toEqual([]);
    await leads("plain", { ...by("db.example.com"), port: gateway.port });
    expect((await gateway.request("/")).status).toBe(200);
    const all = tcpMappingOf("all", { port: gateway.port, service: plain.service });
    expect(view(await gateway.apply(more + all))).toEqual([["error", "PortConflict", "TCPMapping all", "spec.port"]]);
    expect((await gateway.request("/")).status).toBe(200);
  });

  it("keeps the connections of HTTP when a name of TCP comes, changes and goes", async () => {
    const first =
      hosts() + listener({ protocol: "HTTPS" }) + toSecure({ host: "a.example.com", tls_passthrough: true });
    await gateway.apply(first);
    await leads("secure", by("a.example.com"));
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
    const ports = new Set<number | undefined>();
    const ask = () =>
      new Promise<number>((done, fail) => {
        const host = "web.example.com";
        const at = {
          host: "127.0.0.1",
          port,
          servername: host,
          ca: authority.certificatePem,
          agent,
          headers: { host },
        };
        const request = https.get(at, (response) => {
          ports.add(request.socket?.localPort);
          response.resume().once("end", () => done(response.statusCode ?? 0));
        });
        request.once("error", fail);
      });
    expect(await ask()).toBe(200);
    const session = await connect(by("a.example.com"));
    const more = toPlain({ host: "b.example.com", tls_passthrough: true });
    for (const manifests of [
      first + more,
      first + toSecure({ host: "b.example.com", tls_passthrough: true }, "plain"),
      first,
    ]) {
      expect(await gateway.apply(manifests)).toEqual([]);
      expect(await ask()).toBe(200);
    }
    // What has gone drains in a second; the others are not in it.
    await eventually(
      "nothing drains",
      async () => (await gateway.envoy.stat("listener_manager.total_filter_chains_draining")) === 0,
    );
    expect(await ask()).toBe(200);
    expect(await session.ask("still")).toBe("still");
    expect(ports.size).toBe(1);
    session.socket.destroy();
    agent.destroy();
  });
});
