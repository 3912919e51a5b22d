import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, secretOf, tlsContextOf } from "../support/manifests.ts";
import { requestTls, statusesHttp2, type TlsRequest } from "../support/tls-client.ts";

let gateway: Gateway;
let backend: EchoBackend;
let port: number;
let certificates: readonly Certificate[];
let authority: Certificate;
let client: Certificate;

beforeAll(async () => {
  [gateway, backend, port, authority] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    freePort(),
    selfSigned({ hosts: ["authority"], isAuthority: true }),
  ]);
  client = await signedBy(authority, { hosts: ["client"] });
  certificates = await Promise.all(["one", "two", "three"].map((name) => selfSigned({ hosts: [name] })));
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const secret = (index: number): string => {
  const { certificatePem, keyPem } = certificates[index] as Certificate;
  return secretOf(`cert-${index}`, { "tls.crt": certificatePem, "tls.key": keyPem });
};

/** The Listener takes Hosts with them alone: the one for cleartext has the hostname * too. */
const labels = { tls: "yes" };

/** A Host with the certificate of this index. */
const host = (name: string, hostname: string, index: number, more: object = {}): string =>
  hostOf(name, { hostname, tlsSecret: { name: `cert-${index}` }, ...more }, labels);

/** Hosts behind one TLS Listener; by default each of them has every path. */
async function serve(hosts: string, mappings?: string): Promise<readonly string[]> {
  const listener = {
    port,
    protocol: "HTTPS",
    securityModel: "XFP",
    hostBinding: { selector: { matchLabels: labels } },
  };
  const problems = await gateway.apply(
    listenerOf("tls", listener) +
      [secret(0), secret(1), secret(2)].join("") +
      hosts +
      (mappings ?? mapping("all", { prefix: "/", service: backend.service })),
  );
  return problems.map(({ code }) => code);
}

const request = (options: Omit<TlsRequest, "port">) => requestTls({ port, ...options });
const statusOf = async (servername: string | undefined, host: string): Promise<number> =>
  (await request({ servername, host })).status;
/** Waits for the configuration to be in force. */
const until = (servername: string, status: number) =>
  eventually(`${status} from ${servername}`, async () => (await statusOf(servername, servername)) === status);

describe("a request on a TLS connection for another host", () => {
  it("gets 421 where the host is another chain's, by whatever protocol, and none of it reaches a backend", async () => {
    expect(await serve(host("a", "a.test", 0) + host("b", "b.test", 1))).toEqual([]);
    await until("b.test", 200);
    const before = backend.seen.length;
    expect(await statusOf("a.test", "b.test")).toBe(421);
    expect(await statusOf("a.test", "b.test:8443")).toBe(421);
    expect(await statusOf("a.test", "B.TEST")).toBe(421);
    expect(backend.seen.length).toBe(before);
    expect(await statusesHttp2(port, "a.test", ["a.test", "b.test", "a.test:8443"])).toEqual([200, 421, 200]);
  });

  it("is served where both hosts share a certificate and its settings: browsers use one connection for both", async () => {
    expect(await serve(host("a", "a.test", 0) + host("b", "b.test", 0) + host("c", "c.test", 1))).toEqual([]);
    await until("c.test", 200);
    expect(await statusesHttp2(port, "a.test", ["a.test", "b.test", "c.test"])).toEqual([200, 200, 421]);
  });

  it("gets 404 for a name that nobody has where there is one chain alone", async () => {
    expect(await serve(host("a", "a.test", 0))).toEqual([]);
    await until("a.test", 200);
    await eventually("the other chain is gone", async () => (await statusOf("a.test", "unknown.test")) === 404);
  });

  it("gets 421 from a wildcard's chain for a narrower Host of another, and is served for all others", async () => {
    const hosts = host("every", "*", 0) + host("wild", "*.x.test", 1) + host("a", "a.x.test", 2);
    expect(await serve(hosts)).toEqual([]);
    await until("a.x.test", 200);
    // sni, Host header, status
    const expected: readonly (readonly [string | undefined, string, number])[] = [
      [undefined, "whatever.test", 200],
      [undefined, "a.x.test", 421],
      [undefined, "a.x.test:443", 421],
      ["unknown.test", "b.x.test", 421],
      ["unknown.test", "x.test", 200],
      ["b.x.test", "c.x.test", 200],
      ["b.x.test", "a.x.test", 421],
      ["b.x.test", "whatever.test", 421],
      ["a.x.test", "b.x.test", 421],
      ["a.x.test", "a.x.test", 200],
    ];
    for (const [servername, name, status] of expected) {
      expect([servername, name, await statusOf(servername, name)]).toEqual([servername, name, status]);
    }
  });

  it("is told apart from a Host with the certificate of the Host * inside of another's wildcard", async () => {
    const hosts = host("every", "*", 0) + host("wild", "*.x.test", 1) + host("s", "s.x.test", 0);
    expect(await serve(hosts)).toEqual([]);
    await until("s.x.test", 200);
    expect((await request({ servername: "s.x.test" })).serial).toBe(certificates[0]?.serial);
    expect((await request({ servername: "t.x.test" })).serial).toBe(certificates[1]?.serial);
    expect(await statusOf("t.x.test", "s.x.test")).toBe(421);
  });

  it("does not reach what asks for a client certificate, be it that the wildcard's Host has the Mapping too", async () => {
    const hosts =
      host("every", "*", 0) +
      host("secret", "secret.test", 1, { tlsContext: { name: "mutual" } }) +
      tlsContextOf("mutual", { ca_secret: "authority", cert_required: true }) +
      secretOf("authority", { "tls.crt": authority.certificatePem });
    const mappings =
      mapping("open", { hostname: "*", prefix: "/", service: backend.service }) +
      mapping("closed", { hostname: "secret.test", prefix: "/", service: backend.service });
    expect(await serve(hosts, mappings)).toEqual([]);
    const own = { servername: "secret.test", tls: { cert: client.certificatePem, key: client.keyPem } };
    await eventually("the Host is served", async () => (await request(own)).status === 200);
    await expect(request({ servername: "secret.test" })).rejects.toThrow();
    expect(await statusOf(undefined, "secret.test")).toBe(421);
    expect(await statusOf("other.test", "secret.test")).toBe(421);
    // With a port among the host names Envoy compares ports.
    const withPort = mapping("port", { hostname: "p.test:8443", prefix: "/", service: backend.service });
    expect(await serve(hosts, mappings + withPort)).toEqual([]);
    for (const name of ["secret.test", "secret.test:443", "Secret.Test:8443"]) {
      expect([name, await statusOf("other.test", name)]).toEqual([name, 421]);
    }
    expect(await statusOf("other.test", "p.test:8443")).toBe(200);
  });

  it("does not reach a Host whose Secret is missing by the chain of a wildcard", async () => {
    const hosts =
      host("every", "*", 0) + hostOf("late", { hostname: "late.test", tlsSecret: { name: "missing" } }, labels);
    expect(await serve(hosts)).toEqual(["SecretNotFound"]);
    await eventually("421", async () => (await statusOf("late.test", "late.test")) === 421);
    expect(await statusOf("late.test", "other.test")).toBe(200);
  });
});
