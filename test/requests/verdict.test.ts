import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, moduleOf, secretOf } from "../support/manifests.ts";
import { requestTls } from "../support/tls-client.ts";

let judging: Gateway;
let unjudging: Gateway;
let backend: EchoBackend;
let good: Certificate;
let weak: Certificate;
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-verdict-"));
const ports = new Map<Gateway, number>();

beforeAll(async () => {
  [judging, unjudging, backend, good, weak] = await Promise.all([
    startGateway({ validator: true }),
    startGateway(),
    echoBackend("one"),
    selfSigned({ hosts: ["a.test"] }),
    selfSigned({ hosts: ["a.test"], key: "RSA-1024" }),
  ]);
  for (const gateway of [judging, unjudging]) ports.set(gateway, await freePort());
});

afterAll(async () => {
  await Promise.all([judging.stop(), unjudging.stop(), backend.close()]);
  fs.rmSync(directory, { recursive: true, force: true });
});

const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });
const crl = (content: string) => `-----BEGIN X509 CRL-----\n${content}\n-----END X509 CRL-----\n`;
const route = (spec: Readonly<Record<string, unknown>> = {}) =>
  mapping("m", { prefix: "/", service: backend.service, rewrite: "", ...spec });

interface Tls {
  readonly served?: Certificate;
  readonly host?: Readonly<Record<string, unknown>>;
  readonly secrets?: string;
}

/** A Host with TLS beside the one without. */
function tlsHost(port: number, { served = good, host = {}, secrets = "" }: Tls): string {
  const listener = { port, protocol: "HTTPS", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } };
  return (
    listenerOf("tls", listener) +
    secretOf("served", pair(served)) +
    hostOf("a", { hostname: "a.test", tlsSecret: { name: "served" }, ...host }) +
    secrets
  );
}

interface Class {
  readonly what: string;
  /** Manifests with a content that Envoy takes, or with one that it refuses. */
  readonly manifests: (isGood: boolean, tlsPort: number) => string;
  readonly at: string;
  readonly says: string;
}

const badFormat = "%REQ(a?b?c)%";
const badFormatText = "More than 1 alternative header";

const classes: readonly Class[] = [
  {
    what: "a script",
    manifests: (isGood) => moduleOf({ lua_scripts: isGood ? "x = 1" : "x =" }) + route(),
    at: "EnvoyRejected Module spec.config.lua_scripts",
    says: "the script is refused by Envoy: script load error: [string \"x =\"]:1: unexpected symbol near '<eof>'",
  },
  {
    what: "a format in a header",
    manifests: (isGood) => route({ add_request_headers: { x: { value: isGood ? "%REQ(a?b)%" : badFormat } } }),
    at: "EnvoyRejected Mapping spec.add_request_headers.x.value",
    says: badFormatText,
  },
  {
    what: "a format in the body of an error",
    manifests: (isGood) =>
      route({
        error_response_overrides: [{ on_status_code: 404, body: { text_format: isGood ? "%REQ(a?b)%" : badFormat } }],
      }),
    at: "EnvoyRejected Mapping spec.error_response_overrides.0.body.text_format",
    says: badFormatText,
  },
  {
    what: "a format of the access log",
    manifests: (isGood) => moduleOf({ envoy_log_format: isGood ? "%REQ(a?b)%" : badFormat }) + route(),
    at: "EnvoyRejected Module spec.config.envoy_log_format",
    says: badFormatText,
  },
  {
    what: "a format in the JSON of the access log",
    manifests: (isGood) =>
      moduleOf({ envoy_log_type: "json", envoy_log_format: { a: { b: isGood ? "%REQ(a?b)%" : badFormat } } }) + route(),
    at: "EnvoyRejected Module spec.config.envoy_log_format.a.b",
    says: badFormatText,
  },
  {
    what: "the file of the access log",
    manifests: (isGood) => moduleOf(isGood ? {} : { envoy_log_path: "/nowhere/log" }) + route(),
    at: "EnvoyRejected Module spec.config.envoy_log_path",
    says: "unable to open file '/nowhere/log'",
  },
  {
    what: "a list of cipher suites",
    manifests: (isGood, port) =>
      tlsHost(port, { host: { tls: { cipher_suites: [isGood ? "ALL:!RSA" : "TLS_RSA_WITH_FOO"] } } }) + route(),
    at: "EnvoyRejected Host spec.tls.cipher_suites",
    says: "Failed to initialize cipher suites TLS_RSA_WITH_FOO",
  },
  {
    what: "a certificate",
    manifests: (isGood, port) => tlsHost(port, { served: isGood ? good : weak }) + route(),
    at: "InvalidSecret Host spec.tlsSecret",
    says: "the Secret default/served is refused by Envoy: Failed to load certificate chain",
  },
  {
    what: "a certificate authority",
    manifests: (isGood, port) => {
      const text = isGood ? "" : "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
      const secrets = secretOf("authority", { "ca.crt": good.certificatePem + text });
      return tlsHost(port, { host: { tls: { ca_secret: "authority", cert_required: false } }, secrets }) + route();
    },
    at: "InvalidSecret Host spec.tls.ca_secret",
    says: "the Secret default/authority is refused by Envoy: Failed to load trusted CA certificates",
  },
  {
    what: "a list of revocations",
    manifests(isGood, port) {
      const tls = { ca_secret: "authority", cert_required: false, ...(isGood ? {} : { crl_secret: "revoked" }) };
      const secrets =
        secretOf("authority", { "ca.crt": good.certificatePem }) + secretOf("revoked", { "crl.pem": crl("AAAA") });
      return tlsHost(port, { host: { tls }, secrets }) + route();
    },
    at: "InvalidSecret Host spec.tls.crl_secret",
    says: "the Secret default/revoked is refused by Envoy: Failed to load CRL",
  },
];

const tlsPort = (gateway: Gateway) => ports.get(gateway) ?? 0;
const serial = async (gateway: Gateway) => (await requestTls({ port: tlsPort(gateway), servername: "a.test" })).serial;

describe.each(classes)("$what that Envoy refuses", ({ manifests, at, says }) => {
  it("is told, never reaches the Envoy that serves, and what is mended goes live", async () => {
    const before = judging.nacks();
    expect(await judging.apply(manifests(true, tlsPort(judging)))).toEqual([]);
    const problems = await judging.apply(manifests(false, tlsPort(judging)));
    expect(problems.map(({ code, object, path }) => `${code} ${object.kind} ${path.join(".")}`)).toEqual([at]);
    expect(problems[0]?.severity).toBe("error");
    expect(problems[0]?.message).toContain(says);
    expect((await judging.request("/")).status).toBe(200);
    expect(await judging.apply(manifests(true, tlsPort(judging)))).toEqual([]);
    expect((await judging.request("/")).status).toBe(200);
    expect(judging.nacks()).toBe(before);
  });

  it("reaches it where nobody judges before", async () => {
    const before = unjudging.nacks();
    await unjudging.apply(manifests(true, tlsPort(unjudging)));
    await unjudging.apply(manifests(false, tlsPort(unjudging)));
    await eventually("the serving Envoy refuses it", () => unjudging.nacks() > before);
    await unjudging.apply(route());
  });
});

describe("an object whose content Envoy refuses", () => {
  it("serves on as it was, and other objects change", async () => {
    const before = judging.nacks();
    const version = (value: string, more = "") => route({ add_response_headers: { "x-version": { value } } }) + more;
    await judging.apply(version("one %REQ(a?b)%"));
    const other = mapping("other", { prefix: "/other/", service: backend.service });
    const problems = await judging.apply(version(`two ${badFormat}`, other));
    expect(problems.map(({ object }) => object.name)).toEqual(["m"]);
    expect((await judging.request("/")).headers["x-version"]).toBe("one");
    expect((await judging.request("/other/")).status).toBe(200);
    expect(judging.nacks()).toBe(before);
  });

  it("is left out where it never served", async () => {
    await judging.apply(route());
    const added = mapping("new", {
      prefix: "/new/",
      service: backend.service,
      add_request_headers: { x: { value: badFormat } },
    });
    const problems = await judging.apply(route() + added);
    expect(problems.map(({ object }) => object.name)).toEqual(["new"]);
    expect((await judging.request("/new/")).echo().url).toBe("/new/");
  });

  it("as a Module that never served, serves with its other keys", async () => {
    const fresh = await startGateway({ validator: true });
    try {
      const config = { lua_scripts: "x =", envoy_log_format: badFormat, ip_deny: [{ peer: "127.0.0.1" }] };
      const problems = await fresh.apply(moduleOf(config) + route());
      expect(problems.map(({ path }) => path.at(-1))).toEqual(["envoy_log_format", "lua_scripts"]);
      expect((await fresh.request("/")).status).toBe(403);
      expect(fresh.nacks()).toBe(0);
    } finally {
      await fresh.stop();
    }
  });

  it("keeps the certificate that it had", async () => {
    const of = (served: Certificate) => tlsHost(tlsPort(judging), { served }) + route();
    await judging.apply(of(good));
    await eventually("TLS is served", async () => (await serial(judging)) === good.serial);
    expect(await judging.apply(of(weak))).toHaveLength(1);
    expect(await serial(judging)).toBe(good.serial);
  });
});

describe("the Envoy that judges", () => {
  const script = (text: string) => moduleOf({ lua_scripts: text }) + route();

  it("starts anew when it was killed, before a content or in the middle of one", async () => {
    expect(await judging.apply(script("a = 1"))).toEqual([]);
    process.kill(judging.validatorPid() ?? 0, "SIGKILL");
    expect(await judging.apply(script("a = 2 ="))).toHaveLength(1);
    const mark = path.join(directory, "reading");
    const slow = judging.apply(script(`io.open("${mark}", "w"):close() for i = 1, 3e8 do end`));
    await eventually("it reads", () => fs.existsSync(mark));
    process.kill(judging.validatorPid() ?? 0, "SIGKILL");
    expect(await slow).toEqual([]);
    expect((await judging.request("/")).status).toBe(200);
  });

  it("that does not get over a script is ended, and the script is not served", async () => {
    const before = judging.nacks();
    const changing = judging.apply(script("while true do end"));
    // Whoever asks meanwhile is served.
    expect((await judging.request("/")).status).toBe(200);
    expect((await changing).map(({ message }) => message)).toEqual([
      expect.stringContaining("the script could not be judged by Envoy (Envoy said nothing for"),
    ]);
    expect(await judging.apply(script("a = 3"))).toEqual([]);
    expect(judging.nacks()).toBe(before);
  });
});
