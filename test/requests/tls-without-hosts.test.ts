import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { get } from "../support/http.ts";
import { listenerOf, secretOf, tlsContextOf } from "../support/manifests.ts";
import { requestTls } from "../support/tls-client.ts";

let gateway: Gateway;
let backend: EchoBackend;
let certificate: Certificate;
let secure: number;
let insecure: number;

beforeAll(async () => {
  [gateway, backend, certificate, secure, insecure] = await Promise.all([
    startGateway({ bare: true }),
    echoBackend("one"),
    selfSigned({ hosts: ["fallback"] }),
    freePort(),
    freePort(),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const hostBinding = { namespace: { from: "ALL" } };
const listeners = () =>
  listenerOf("tls", { port: secure, protocol: "HTTPS", securityModel: "XFP", hostBinding }) +
  listenerOf("plain", { port: insecure, protocol: "HTTP", securityModel: "XFP", hostBinding });

async function apply(...more: readonly string[]): Promise<readonly string[]> {
  const all = mapping("all", { prefix: "/", service: backend.service });
  const problems = await gateway.apply(listeners() + all + more.join(""));
  return problems.map(({ code, object }) => `${code} ${object.kind} ${object.name}`);
}

describe("a gateway without Hosts", () => {
  it("serves TLS with the Secret fallback-self-signed-cert, and redirects cleartext to it", async () => {
    const { certificatePem, keyPem } = certificate;
    const secret = secretOf("fallback-self-signed-cert", { "tls.crt": certificatePem, "tls.key": keyPem });
    expect(await apply(secret)).toEqual([]);
    const answer = await eventually("TLS", () => requestTls({ port: secure, servername: undefined, host: "any.test" }));
    expect(answer).toMatchObject({ status: 200, serial: certificate.serial });
    const redirect = await get(insecure, "/a", { host: "any.test" });
    expect([redirect.status, redirect.headers["location"]]).toEqual([301, "https://any.test/a"]);
  });

  it("keeps the port that the client wrote in such a redirect, as Emissary does", async () => {
    const { headers } = await get(insecure, "/a", { host: "any.test:8080" });
    expect(headers["location"]).toBe("https://any.test:8080/a");
  });

  it("serves cleartext where there is no such Secret, and nothing on a TLS Listener, which is told", async () => {
    expect(await apply()).toEqual(["NoHost Listener tls"]);
    await eventually("cleartext", async () => (await get(insecure, "/")).status === 200);
  });

  it("does not open cleartext because that Secret is no good", async () => {
    const secret = secretOf("fallback-self-signed-cert", { "tls.crt": "no", "tls.key": "no" });
    expect(await apply(secret)).toEqual(["NoHost Listener tls", "InvalidSecret Secret fallback-self-signed-cert"]);
    await eventually("redirected", async () => (await get(insecure, "/")).status === 301);
  });

  it("says that the hosts of a TLSContext are nobody's", async () => {
    const contexts = tlsContextOf("serving", { hosts: ["a.test"] }) + tlsContextOf("calling", { sni: "x" });
    expect(await apply(contexts)).toEqual(["NoHost Listener tls", "NoHost TLSContext serving"]);
  });
});
