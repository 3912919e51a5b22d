import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, secretOf } from "../support/manifests.ts";
import { requestTls } from "../support/tls-client.ts";

// Typed in by hand from the specification (section 4.7): exact names before wildcards, longer wildcards before shorter ones,
// and the Host * last. Never generated.

const some = ["a.test", "b.a.test", "*.a.test", "*.b.a.test", "d.test:8443"];

/** Server name (undefined: none), and the hostname of the Host that answers; undefined: the connection is refused. */
const withoutAny: readonly (readonly [servername: string | undefined, hostname: string | undefined])[] = [
  ["a.test", "a.test"],
  ["A.TEST", "a.test"],
  ["b.a.test", "b.a.test"],
  ["c.a.test", "*.a.test"],
  ["d.c.a.test", "*.a.test"],
  ["c.b.a.test", "*.b.a.test"],
  ["d.test", "d.test:8443"],
  ["xa.test", undefined],
  ["test", undefined],
  [undefined, undefined],
];

const withAny: typeof withoutAny = [
  ["a.test", "a.test"],
  ["c.a.test", "*.a.test"],
  ["xa.test", "*"],
  ["other.example", "*"],
  [undefined, "*"],
];

let gateway: Gateway;
let backend: EchoBackend;
let port: number;
let certificates: ReadonlyMap<string, Certificate>;

beforeAll(async () => {
  const names = [...some, "*"];
  const made = Promise.all(names.map(async (name) => [name, await selfSigned({ hosts: [name] })] as const));
  const [started, echo, free, pairs] = await Promise.all([
    startGateway({ bare: true }),
    echoBackend("one"),
    freePort(),
    made,
  ]);
  [gateway, backend, port, certificates] = [started, echo, free, new Map(pairs)];
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

async function serve(hostnames: readonly string[]): Promise<void> {
  const hostBinding = { namespace: { from: "ALL" } };
  const hosts = hostnames.map((hostname, index) => {
    const { certificatePem, keyPem } = certificates.get(hostname) as Certificate;
    const secret = secretOf(`s${index}`, { "tls.crt": certificatePem, "tls.key": keyPem });
    return secret + hostOf(`h${index}`, { hostname, tlsSecret: { name: `s${index}` } });
  });
  const problems = await gateway.apply(
    listenerOf("tls", { port, protocol: "HTTPS", securityModel: "XFP", hostBinding }) +
      mapping("all", { prefix: "/", service: backend.service }) +
      hosts.join(""),
  );
  expect(problems).toEqual([]);
}

/** Of the Host whose certificate is served. */
async function hostnameFor(servername: string | undefined): Promise<string | undefined> {
  const serial = await requestTls({ port, servername }).then(
    (answer) => answer.serial,
    () => undefined,
  );
  return [...certificates].find(([, certificate]) => certificate.serial === serial)?.[0];
}

describe("the Host that answers a server name", () => {
  it("is the closest of those that there are", async () => {
    await serve(some);
    await eventually("TLS", async () => (await hostnameFor("a.test")) === "a.test");
    for (const [servername, hostname] of withoutAny) {
      expect([servername, await hostnameFor(servername)]).toEqual([servername, hostname]);
    }
  });

  it("is the Host * for all other names and for none", async () => {
    await serve([...some, "*"]);
    await eventually("TLS", async () => (await hostnameFor(undefined)) === "*");
    for (const [servername, hostname] of withAny) {
      expect([servername, await hostnameFor(servername)]).toEqual([servername, hostname]);
    }
  });
});
