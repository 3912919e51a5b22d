import https from "node:https";
import type { AddressInfo } from "node:net";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, moduleOf, secretOf, tlsContextOf } from "../support/manifests.ts";

type Spec = Readonly<Record<string, unknown>>;

let gateway: Gateway;
let backend: EchoBackend;
let port: number;
let authority: Certificate;
let served: Certificate;
let client: Certificate;

beforeAll(async () => {
  [gateway, backend, port, authority] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    freePort(),
    selfSigned({ hosts: ["authority"], isAuthority: true }),
  ]);
  served = await signedBy(authority, { hosts: ["a.example.com"] });
  client = await signedBy(authority, { hosts: ["client"] });
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });

/** Applies a TLS Listener, a Host with the certificate, a Mapping and more. */
async function apply(host: Spec, more = ""): Promise<void> {
  const listener = { port, protocol: "HTTPS", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } };
  const problems = await gateway.apply(
    listenerOf("tls", listener) +
      secretOf("served", pair(served)) +
      secretOf("authority", { "tls.crt": authority.certificatePem }) +
      hostOf("a", { hostname: "a.example.com", tlsSecret: { name: "served" }, ...host }) +
      mapping("m", { prefix: "/", service: backend.service }) +
      more,
  );
  expect(problems).toEqual([]);
}

interface Session {
  readonly protocol: string | null;
  readonly cipher: string;
  readonly alpn: string | false | null;
  readonly serial: string;
}

/** One connection with a request; rejects where the handshake or the first answer fails. */
function connect(options: tls.ConnectionOptions = {}): Promise<Session> {
  return new Promise((done, fail) => {
    const socket = tls.connect({
      host: "127.0.0.1",
      port,
      servername: "a.example.com",
      ca: authority.certificatePem,
      ALPNProtocols: ["http/1.1"],
      ...options,
    });
    socket.once("error", fail).once("close", () => fail(new Error("closed")));
    socket.setTimeout(5000, () => socket.destroy(new Error("no answer")));
    socket.once("secureConnect", () => socket.write("GET / HTTP/1.1\r\nhost: a.example.com\r\n\r\n"));
    socket.once("data", () => {
      const { serialNumber } = socket.getPeerCertificate();
      done({
        protocol: socket.getProtocol(),
        cipher: socket.getCipher().name,
        alpn: socket.alpnProtocol,
        serial: serialNumber,
      });
      socket.destroy();
    });
  });
}

/** Waits for the settings to be in force, which come without a listener of their own. */
const connected = (options: tls.ConnectionOptions, accept: (session: Session) => boolean = () => true) =>
  eventually("a connection as it should be", async () => {
    const session = await connect(options);
    return accept(session) ? session : undefined;
  });

const refused = (options: tls.ConnectionOptions) =>
  eventually("the connection is refused", () =>
    connect(options).then(
      () => false,
      () => true,
    ),
  );

describe("TLS of a Host", () => {
  // shows: Host.tlsSecret
  it("is served with the certificate of its Secret, by SNI alone", async () => {
    await apply({});
    expect(await connected({})).toMatchObject({ serial: served.serial, alpn: "http/1.1" });
    await refused({ servername: "b.example.com" });
  });

  // shows: Host.tls
  it("has the settings of its own tls", async () => {
    await apply({ tls: { max_tls_version: "v1.2", cipher_suites: ["ECDHE-ECDSA-AES256-GCM-SHA384"] } });
    const session = await connected({}, ({ protocol }) => protocol === "TLSv1.2");
    expect(session.cipher).toBe("ECDHE-ECDSA-AES256-GCM-SHA384");
  });

  // shows: Host.tlsContext TLSContext.hosts TLSContext.min_tls_version TLSContext.max_tls_version
  it("has the settings of the TLSContext that it names", async () => {
    await apply(
      { tlsContext: { name: "strict" } },
      tlsContextOf("strict", { hosts: ["a.example.com"], min_tls_version: "v1.3" }),
    );
    await refused({ maxVersion: "TLSv1.2" });
    expect((await connected({})).protocol).toBe("TLSv1.3");
    await apply({ tlsContext: { name: "old" } }, tlsContextOf("old", { max_tls_version: "v1.2" }));
    await connected({}, ({ protocol }) => protocol === "TLSv1.2");
  });

  // shows: TLSContext.cipher_suites TLSContext.ecdh_curves TLSContext.alpn_protocols
  it("offers the ciphers, curves and protocols of the context alone", async () => {
    const context = {
      max_tls_version: "v1.2",
      cipher_suites: ["ECDHE-ECDSA-CHACHA20-POLY1305"],
      ecdh_curves: ["P-384"],
      alpn_protocols: "http/1.1",
    };
    await apply({ tlsContext: { name: "narrow" } }, tlsContextOf("narrow", context));
    // P-256 is the certificate's own curve, which a client must know too.
    const able = { ecdhCurve: "P-384:P-256" };
    await connected(able, ({ cipher }) => cipher === "ECDHE-ECDSA-CHACHA20-POLY1305");
    await refused({ ecdhCurve: "P-256" });
    expect((await connected({ ...able, ALPNProtocols: ["h2", "http/1.1"] })).alpn).toBe("http/1.1");
  });

  // shows: TLSContext.ca_secret TLSContext.cert_required
  it("asks for a certificate that the context's authority has signed", async () => {
    await apply(
      { tlsContext: { name: "mutual" } },
      tlsContextOf("mutual", { ca_secret: "authority", cert_required: true }),
    );
    await refused({});
    const stranger = await selfSigned({ hosts: ["client"] });
    await refused({ cert: stranger.certificatePem, key: stranger.keyPem });
    await connected({ cert: client.certificatePem, key: client.keyPem });
  });
});

describe("TLS to an upstream", () => {
  const servers: https.Server[] = [];

  afterAll(() => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  });

  /** Answers what it knows of the connection's client. Returns `127.0.0.1:PORT`. */
  async function upstream(options: https.ServerOptions): Promise<string> {
    const own = { cert: served.certificatePem, key: served.keyPem, ...options };
    const server = https.createServer(own, (request, response) => {
      const socket = request.socket as tls.TLSSocket;
      const { subject } = socket.getPeerCertificate();
      response.end(JSON.stringify({ sni: socket.servername, client: subject?.CN }));
    });
    servers.push(server);
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    return `127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  const seen = async (service: string, spec: Spec, more = "") => {
    const problems = await gateway.apply(mapping("m", { prefix: "/", service, ...spec }) + more);
    expect(problems).toEqual([]);
    const { status, body } = await gateway.request("/");
    return status === 200 ? (JSON.parse(body) as unknown) : status;
  };

  // shows: Mapping.service
  it("is spoken where service begins with https://", async () => {
    const address = await upstream({});
    expect(await seen(`https://${address}`, {})).toEqual({ sni: false });
    expect(await seen(address, {})).toBe(503);
  });

  // shows: Mapping.tls TLSContext.secret TLSContext.sni TLSContext.secret_namespacing
  it("shows the certificate of the TLSContext, asks for its name, and verifies by its authority", async () => {
    const service = `https://${await upstream({ requestCert: true, ca: authority.certificatePem, rejectUnauthorized: true })}`;
    const secrets = secretOf("client", pair(client)) + secretOf("authority", { "tls.crt": authority.certificatePem });
    const context = { secret: "client.default", ca_secret: "authority", sni: "a.example.com" };
    expect(await seen(service, { tls: "up" }, secrets + tlsContextOf("up", context))).toEqual({
      sni: "a.example.com",
      client: "client",
    });
    const dotted = secretOf("client.default", pair(client));
    const unsplit = tlsContextOf("up", { secret: "client.default", secret_namespacing: false });
    expect(await seen(service, { tls: "up" }, dotted + unsplit)).toEqual({ sni: false, client: "client" });
    expect(await seen(service, {})).toBe(503);
    const stranger = await selfSigned({ hosts: ["other"], isAuthority: true });
    const wrong = secretOf("client", pair(client)) + secretOf("stranger", { "tls.crt": stranger.certificatePem });
    const distrustful = tlsContextOf("up", { ...context, ca_secret: "stranger" });
    expect(await seen(service, { tls: "up" }, wrong + distrustful)).toBe(503);
  });

  it("takes the Module's word for names of Secrets", async () => {
    const dotted = secretOf("client.default", pair(client));
    const module = moduleOf({ defaults: { tls_secret_namespacing: false } });
    const address = await upstream({ requestCert: true, ca: authority.certificatePem, rejectUnauthorized: true });
    const more = module + dotted + tlsContextOf("up", { secret: "client.default" });
    expect(await seen(`https://${address}`, { tls: "up" }, more)).toEqual({ sni: false, client: "client" });
  });
});
