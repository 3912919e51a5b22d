import type { AddressInfo } from "node:net";
import https from "node:https";
import type tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { cipherSuites, curves } from "../../sources/getambassador/tls-parameters.ts";
import { type Certificate, revocations, selfSigned, signedBy } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, secretOf, tlsContextOf } from "../support/manifests.ts";
import { requestTls, type TlsAnswer } from "../support/tls-client.ts";

type Spec = Readonly<Record<string, unknown>>;

let gateway: Gateway;
let backend: EchoBackend;
let port: number;
let authority: Certificate;
let served: Certificate;
let client: Certificate;
let revoked: Certificate;
let stranger: Certificate;

beforeAll(async () => {
  [gateway, backend, port, authority] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    freePort(),
    selfSigned({ hosts: ["authority"], isAuthority: true }),
  ]);
  const signed = (name: string) => signedBy(authority, { hosts: [name] });
  [served, client, revoked, stranger] = await Promise.all([
    signed("a.test"),
    signed("client"),
    signed("revoked"),
    selfSigned({ hosts: ["stranger"] }),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });
const as = ({ certificatePem: cert, keyPem: key }: Certificate): tls.ConnectionOptions => ({ cert, key });
const module = (name: string, config: Spec) =>
  `---\n${JSON.stringify({ apiVersion: "getambassador.io/v3alpha1", kind: "Module", metadata: { name }, spec: { config } })}\n`;

/** A Host a.test with these settings behind a TLS Listener. Returns codes and paths of what is said. */
async function apply(host: Spec, ...more: readonly string[]): Promise<readonly string[]> {
  const listener = { port, protocol: "HTTPS", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } };
  const problems = await gateway.apply(
    listenerOf("tls", listener) +
      secretOf("served", pair(served)) +
      secretOf("authority", { "tls.crt": authority.certificatePem }) +
      hostOf("a", { hostname: "a.test", tlsSecret: { name: "served" }, ...host }) +
      mapping("m", { prefix: "/", service: backend.service }) +
      more.join(""),
  );
  return problems.map(({ code, path }) => `${code} ${path.join(".")}`);
}

const request = (tls: tls.ConnectionOptions = {}) => requestTls({ port, servername: "a.test", tls });
const accepted = (
  tls?: tls.ConnectionOptions,
  accept: (answer: TlsAnswer) => boolean = ({ status }) => status === 200,
) =>
  eventually("the connection is accepted", async () => {
    const answer = await request(tls);
    return accept(answer) ? answer : undefined;
  });
const refused = (tls?: tls.ConnectionOptions) =>
  eventually("the connection is refused", () =>
    request(tls).then(
      () => false,
      () => true,
    ),
  );

describe("client certificates", () => {
  it("are asked for where the Secret of the authority says so, unless the Host does", async () => {
    const secret = secretOf("strict", { "tls.crt": authority.certificatePem, cert_required: "true" });
    expect(await apply({ tls: { ca_secret: "strict" } }, secret)).toEqual([]);
    await refused();
    await accepted(as(client));
    expect(await apply({ tls: { ca_secret: "strict", cert_required: false } }, secret)).toEqual([]);
    await accepted();
    // Asked for all the same, and verified where one is shown.
    await refused(as(stranger));
  });

  // shows: TLSContext.crl_secret
  it("are refused when they are on the list of revoked ones, which is read anew as it changes", async () => {
    const list = async (...some: readonly Certificate[]) =>
      secretOf("crl", { "crl.pem": await revocations(authority, some) });
    const context = tlsContextOf("mutual", { ca_secret: "authority", crl_secret: "crl", cert_required: true });
    const host = { tlsContext: { name: "mutual" } };
    expect(await apply(host, context, await list())).toEqual([]);
    await accepted(as(revoked));
    expect(await apply(host, context, await list(revoked))).toEqual([]);
    await refused(as(revoked));
    await accepted(as(client));
    expect(await apply(host, context, secretOf("crl", { "crl.pem": "no list" }))).toEqual([
      "InvalidSecret spec.tlsContext",
      "InvalidSecret spec.crl_secret",
    ]);
    // The last good list is in force.
    await accepted(as(client));
    await refused(as(revoked));
  });

  it("are verified by Istio's key too, and are not asked for where there is no authority, which is told", async () => {
    const istio = secretOf("istio", { "root-cert.pem": authority.certificatePem });
    expect(await apply({ tls: { ca_secret: "istio", cert_required: true } }, istio)).toEqual([]);
    await refused(as(stranger));
    await accepted(as(client));
    expect(await apply({ tls: { cert_required: true } })).toEqual(["IgnoredField spec.tls.cert_required"]);
    await accepted(as(stranger));
    await accepted();
  });
});

describe("settings of a Host's TLS", () => {
  it("are read from keys in camel case, of which the snake-case one wins", async () => {
    expect(await apply({ tls: { maxTlsVersion: "v1.2", certRequired: true, cert_required: false } })).toEqual([]);
    const answer = await accepted();
    expect(answer.status).toBe(200);
    await refused({ minVersion: "TLSv1.3" });
  });

  it("are taken from Secrets with Istio's keys", async () => {
    const istio = secretOf("istio", { "cert-chain.pem": client.certificatePem, "key.pem": client.keyPem });
    expect(await apply({ tlsSecret: { name: "istio" } }, istio)).toEqual([]);
    await accepted({}, ({ serial }) => serial === client.serial);
  });

  it("tell of protocols in the brackets of documentation, and offer the others", async () => {
    expect(await apply({ tls: { alpn_protocols: "h2[, http/1.1]" } })).toEqual([
      "IgnoredField spec.tls.alpn_protocols",
      "IgnoredField spec.tls.alpn_protocols",
    ]);
    expect(await apply({ tls: { alpn_protocols: "h2, http/1.1" } })).toEqual([]);
    expect((await accepted()).status).toBe(200);
  });

  it("are told by the Host when Envoy refuses its certificate, and the one before is served on", async () => {
    const own = { tlsSecret: { name: "own" } };
    await apply(own, secretOf("own", pair(client)));
    await accepted({}, ({ serial }) => serial === client.serial);
    const weak = await selfSigned({ hosts: ["a.test"], key: "RSA-1024" });
    await apply(own, secretOf("own", pair(weak)));
    const [problem] = await eventually("Envoy's refusal is told", () => {
      const told = gateway.problems().filter(({ code }) => code === "EnvoyRejected");
      return told.length > 0 && told;
    });
    expect(problem).toMatchObject({ object: { kind: "Host", name: "a" }, path: ["spec", "tlsSecret"] });
    expect(problem?.message).toContain("2048-bit");
    expect((await request()).serial).toBe(client.serial);
  });

  it("come from the server of the Module tls, with what its client says of client certificates", async () => {
    const config = {
      server: { secret: "served", alpn_protocols: "http/1.1", redirect_cleartext_from: 8080 },
      client: { secret: "authority", cert_required: true },
      ignored: { enabled: false, secret: "nowhere" },
    };
    expect(await apply({ tlsContext: { name: "server" } }, module("tls", config))).toEqual([
      "HostConflict spec.tlsContext",
      "IgnoredField spec.config.server.redirect_cleartext_from",
    ]);
    await refused();
    await accepted(as(client));
  });

  it("that Envoy would refuse are errors of their Host alone; all that are known are taken", async () => {
    const other = (tls: Spec) => hostOf("b", { hostname: "b.test", tlsSecret: { name: "served" }, tls });
    for (const [tls, field] of [
      [{ cipher_suites: ["ECDHE-ECDSA-AES256-GCM-SHA38"] }, "cipher_suites"],
      [{ ecdh_curves: ["P-257"] }, "ecdh_curves"],
      [{ ecdh_curves: ["P-256", "prime256v1"] }, "ecdh_curves"],
      [{ min_tls_version: "v1.4" }, "min_tls_version"],
      [{ min_tls_version: "v1.3", max_tls_version: "v1.2" }, "min_tls_version"],
      [{ alpn_protocols: "x".repeat(300) }, "alpn_protocols"],
    ] as const) {
      expect(await apply({}, other(tls))).toEqual([`InvalidField spec.tls.${field}`]);
      await accepted();
    }
    const all = { cipher_suites: cipherSuites, ecdh_curves: curves };
    expect(await apply({}, other(all))).toEqual([]);
    const equals = { cipher_suites: ["[ECDHE-ECDSA-AES128-GCM-SHA256|ECDHE-ECDSA-CHACHA20-POLY1305]"] };
    expect(await apply({}, other(equals))).toEqual([]);
    await accepted();
    const words = { cipher_suites: ["ECDHE+AESGCM", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "!SHA"] };
    expect(await apply({}, other(words))).toEqual([]);
    await accepted();
  });

  it("tell of what has no effect", async () => {
    const more = hostOf("b", { hostname: "b.test", tls: { min_tls_version: "v1.2" } });
    const insecure = { insecure: { action: "Redirect", additionalPort: 8080 } };
    expect(
      await apply({ tls: { redirect_cleartext_from: 8080, crl_secret: "x" }, requestPolicy: insecure }, more),
    ).toEqual([
      "IgnoredField spec.requestPolicy.insecure.additionalPort",
      "IgnoredField spec.tls.crl_secret",
      "IgnoredField spec.tls.redirect_cleartext_from",
      "IgnoredField spec.tls",
    ]);
  });
});

describe("TLS to an upstream", () => {
  it("takes on a rotated client certificate and authority without losing a request", async () => {
    const seen: string[] = [];
    const [before, after] = [client, await signedBy(authority, { hosts: ["renewed"] })];
    const options = {
      cert: served.certificatePem,
      key: served.keyPem,
      ca: authority.certificatePem,
      requestCert: true,
    };
    const server = https.createServer({ ...options, rejectUnauthorized: true }, (incoming, response) => {
      const name = String((incoming.socket as tls.TLSSocket).getPeerCertificate().subject.CN);
      seen.push(name);
      response.setHeader("connection", "close");
      response.end(name);
    });
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    try {
      const service = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
      const other = await selfSigned({ hosts: ["other"], isAuthority: true });
      const use = (certificate: Certificate, ca: Certificate) =>
        gateway.apply(
          secretOf("own", pair(certificate)) +
            secretOf("ca", { "tls.crt": ca.certificatePem }) +
            tlsContextOf("up", { secret: "own", ca_secret: "ca" }) +
            mapping("m", { prefix: "/", service, tls: "up" }),
        );
      const answer = async () => {
        const { status, body } = await gateway.request("/");
        return status === 200 ? body : status;
      };
      expect(await use(before, authority)).toEqual([]);
      await eventually("the first", async () => (await answer()) === "client");
      const statuses: (string | number)[] = [];
      let isOver = false;
      const load = (async () => {
        while (!isOver) statuses.push(await answer());
      })();
      await use(after, authority);
      await eventually("the renewed one", () => seen.at(-1) === "renewed");
      isOver = true;
      await load;
      expect([...new Set(statuses)].filter((each) => typeof each === "number")).toEqual([]);
      await use(after, other);
      await eventually("the other authority's word", async () => (await answer()) === 503);
      await use(after, authority);
      await eventually("the authority is back", async () => (await answer()) === "renewed");
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it("waits for the TLSContext's Secret, with a code of its own", async () => {
    const problems = await gateway.apply(
      tlsContextOf("up", { secret: "late" }) + mapping("m", { prefix: "/", service: "https://127.0.0.1:1", tls: "up" }),
    );
    expect(problems.map(({ code, object }) => `${code} ${object.kind}`)).toEqual([
      "TlsContextNotReady Mapping",
      "SecretNotFound TLSContext",
    ]);
  });
});
