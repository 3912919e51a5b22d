import https from "node:https";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { backendOf, ingressClass, ingressOf, pathOf, ruleOf, serviceOf } from "../support/ingress.ts";
import { listenerOf, secretOf } from "../support/manifests.ts";

let gateway: Gateway;
let one: EchoBackend;
let two: EchoBackend;
let certificate: Certificate;

beforeAll(async () => {
  [gateway, one, two, certificate] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    echoBackend("two"),
    selfSigned({ hosts: ["a.example.com"] }),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), one.close(), two.close()]);
});

const apply = (...manifests: readonly string[]) =>
  gateway.apply([ingressClass, serviceOf(one), serviceOf(two), ...manifests].join(""));

async function taken(path: string, host?: string): Promise<string> {
  const answer = await gateway.request(path, host === undefined ? {} : { host });
  return answer.status === 200 ? answer.echo().backend : String(answer.status);
}

const toOne = () => ({ rules: [ruleOf(undefined, pathOf("/foo", "Prefix", one))] });

describe("an Ingress", () => {
  it("leaves the path as it is, and follows changes", async () => {
    expect(await apply(ingressOf("i", toOne()))).toEqual([]);
    expect((await gateway.request("/foo/bar?x=1")).echo().url).toBe("/foo/bar?x=1");
    expect((await gateway.request("/foo")).echo().url).toBe("/foo");
    await apply(ingressOf("i", { rules: [ruleOf(undefined, pathOf("/bar", "Prefix", two))] }));
    expect([await taken("/foo"), await taken("/bar")]).toEqual(["404", "two"]);
    await apply();
    expect(await taken("/bar")).toBe("404");
  });

  it("replaces what matched by the annotation getambassador.io/rewrite", async () => {
    const rewritten = async (rewrite: string): Promise<string[]> => {
      await apply(ingressOf("i", toOne(), { annotations: { "getambassador.io/rewrite": rewrite } }));
      const urls = ["/foo", "/foo/", "/foo/bar"].map(async (path) => (await gateway.request(path)).echo().url);
      return Promise.all(urls);
    };
    expect(await rewritten("/")).toEqual(["/", "/", "/bar"]);
    expect(await rewritten("/v1")).toEqual(["/v1", "/v1/", "/v1/bar"]);
    expect(await rewritten("")).toEqual(["/foo", "/foo/", "/foo/bar"]);
  });

  it("finds a port by its name in the Service", async () => {
    const service = (name: string) =>
      serviceOf(one)
        .replace('"ports":[{"port"', `"ports":[{"name":"${name}","port"`)
        .replace('"ports":[{"port"', `"ports":[{"name":"${name}","port"`);
    const backend = { service: { name: "one", port: { name: "web" } } };
    const ingress = ingressOf("i", { rules: [ruleOf(undefined, { path: "/", pathType: "Prefix", backend })] });
    const named = (name: string) => gateway.apply([ingressClass, service(name), ingress].join(""));
    expect(await named("web")).toEqual([]);
    expect(await taken("/")).toBe("one");
    const problems = await named("other");
    expect(problems.map(({ code, object, path }) => [code, object.kind, path.slice(-3)])).toEqual([
      ["ServiceNotFound", "Ingress", ["service", "port", "name"]],
    ]);
    // Its last good version serves on.
    expect(await taken("/")).toBe("one");
  });

  it.each([
    ["names an IngressClass of this controller", { ingressClassName: "nuncio" }, {}, "one"],
    ["has the annotation", { ingressClassName: null }, { "kubernetes.io/ingress.class": "Ambassador" }, "one"],
    ["has the annotation of another", { ingressClassName: null }, { "kubernetes.io/ingress.class": "nginx" }, "404"],
    ["names another IngressClass", { ingressClassName: "other" }, {}, "404"],
    ["names no class", { ingressClassName: null }, {}, "404"],
    ["is for another gateway", {}, { "getambassador.io/ambassador-id": "blue" }, "404"],
    ["is for this gateway by name", {}, { "getambassador.io/ambassador-id": "default" }, "one"],
  ])("that %s is answered so", async (_, spec, annotations, expected) => {
    const other = ingressClass.replace("name: nuncio", "name: other").replace("getambassador.io", "example.com");
    const problems = await apply(other, ingressOf("i", { ...toOne(), ...spec }, { annotations }));
    expect(await taken("/foo")).toBe(expected);
    expect(problems.map(({ code }) => code)).toEqual(_ === "names no class" ? ["NotAttached"] : []);
  });

  it("is not this gateway's when its IngressClass is for another id", async () => {
    const blue = ingressClass.replace(
      "name: nuncio",
      'name: blue, annotations: { getambassador.io/ambassador-id: "blue" }',
    );
    await apply(blue, ingressOf("i", { ...toOne(), ingressClassName: "blue" }));
    expect(await taken("/foo")).toBe("404");
  });

  it("can hold a Mapping in its annotation, whose Service its rules do not need", async () => {
    const config = `{ apiVersion: ambassador/v2, kind: Mapping, name: m, prefix: /m/, service: "${two.service}" }`;
    expect(await apply(ingressOf("i", toOne(), { annotations: { "getambassador.io/config": config } }))).toEqual([]);
    expect([await taken("/foo"), await taken("/m/")]).toEqual(["one", "two"]);
  });

  it("keeps what a path said that turns bad, and its other paths go on", async () => {
    const rules = (first: object, second: string) => ({
      rules: [ruleOf(undefined, first, pathOf(second, "Prefix", two))],
    });
    await apply(ingressOf("i", rules(pathOf("/a", "Prefix", one), "/b")));
    const bad = { path: "/a2", pathType: "Prefix", backend: { resource: { kind: "Bucket", name: "x" } } };
    const problems = await apply(ingressOf("i", rules(bad, "/b2")));
    expect(problems.map(({ code, path }) => [code, path])).toEqual([
      ["InvalidField", ["spec", "rules", 0, "http", "paths", 0, "backend", "resource"]],
    ]);
    expect([await taken("/a"), await taken("/a2"), await taken("/b"), await taken("/b2")]).toEqual([
      ...["one", "404", "404", "two"],
    ]);
  });

  it("shares requests with a Mapping of the same match, by weight", async () => {
    const full = mapping("m", { prefix: "/foo/", rewrite: "", service: two.service, weight: 100 });
    await apply(ingressOf("i", toOne()), full);
    expect([await taken("/foo/"), await taken("/foo")]).toEqual(["two", "one"]);
  });
});

describe("an Ingress with TLS", () => {
  const tlsOf = (...secretNames: string[]) => ({
    tls: secretNames.map((secretName) => ({ hosts: ["a.example.com"], secretName })),
  });
  const rules = (path: string, backend: EchoBackend) => ({
    rules: [ruleOf("a.example.com", pathOf(path, "Prefix", backend))],
  });
  const secret = (name: string) =>
    secretOf(name, { "tls.crt": certificate.certificatePem, "tls.key": certificate.keyPem });
  let port: number;

  beforeAll(async () => {
    port = await freePort();
  });

  const applyTls = (...manifests: readonly string[]) => {
    const listener = { port, protocol: "HTTPS", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } };
    return apply(listenerOf("tls", listener), secret("served"), secret("other"), ...manifests);
  };

  function secured(path: string): Promise<{ status: number; backend: string; serial: string }> {
    return new Promise((resolve, reject) => {
      const options = { port, path, servername: "a.example.com", headers: { host: "a.example.com" } };
      https
        .get({ host: "127.0.0.1", rejectUnauthorized: false, agent: false, ...options }, (response) => {
          const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber;
          let body = "";
          response.on("data", (chunk) => (body += String(chunk)));
          response.on("end", () => {
            const { statusCode: status = 0 } = response;
            resolve({
              status,
              backend: status === 200 ? (JSON.parse(body) as { backend: string }).backend : "",
              serial,
            });
          });
        })
        .on("error", reject);
    });
  }

  it("serves its hosts with their certificate, and without TLS too", async () => {
    const problems = await applyTls(ingressOf("i", { ...tlsOf("served"), ...rules("/foo", one) }));
    expect(problems).toEqual([]);
    expect(await secured("/foo")).toMatchObject({ status: 200, backend: "one", serial: certificate.serial });
    expect(await taken("/foo", "a.example.com")).toBe("one");
  });

  it("shares the host with another of its namespace", async () => {
    const problems = await applyTls(
      ingressOf("i", { ...tlsOf("served"), ...rules("/foo", one) }),
      ingressOf("j", { ...tlsOf("served"), ...rules("/bar", two) }),
    );
    expect(problems).toEqual([]);
    expect([(await secured("/foo")).backend, (await secured("/bar")).backend]).toEqual(["one", "two"]);
  });

  it("is told when another has given the host another certificate, and served with that one", async () => {
    const problems = await applyTls(
      ingressOf("i", { ...tlsOf("served"), ...rules("/foo", one) }),
      ingressOf("j", { ...tlsOf("other"), ...rules("/bar", two) }),
    );
    expect(problems.map(({ code, object, path }) => [code, object.name, path])).toEqual([
      ["HostConflict", "j", ["spec", "tls", 0, "secretName"]],
    ]);
    expect((await secured("/bar")).backend).toBe("two");
  });

  it("is told of a Secret that is not there", async () => {
    const problems = await applyTls(ingressOf("i", { ...tlsOf("gone"), ...rules("/foo", one) }));
    expect(problems.map(({ code, object, path }) => [code, object.kind, path])).toEqual([
      ["SecretNotFound", "Ingress", ["spec", "tls", 0, "secretName"]],
    ]);
  });

  it("with rules for every host serves them on the hosts of its certificates alone", async () => {
    await applyTls(ingressOf("i", { ...tlsOf("served"), rules: [ruleOf(undefined, pathOf("/foo", "Prefix", one))] }));
    expect((await secured("/foo")).status).toBe(200);
    expect(await taken("/foo", "b.example.com")).toBe("404");
  });

  it("has the default backend for what its rules leave over", async () => {
    await applyTls(ingressOf("i", { ...tlsOf("served"), ...rules("/foo", one), defaultBackend: backendOf(two) }));
    expect([(await secured("/foo")).backend, (await secured("/x")).backend]).toEqual(["one", "two"]);
  });
});
