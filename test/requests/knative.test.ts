import https from "node:https";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { type EchoBackend, echoBackend, type Gateway, startGateway } from "../support/gateway.ts";
import { get } from "../support/http.ts";
import { portOf, serviceOf } from "../support/ingress.ts";
import { knativeIngress, splitOf } from "../support/knative.ts";
import { hostOf, listenerOf, secretOf } from "../support/manifests.ts";

let gateway: Gateway;
let one: EchoBackend;
let two: EchoBackend;
let certificate: Certificate;

beforeAll(async () => {
  [gateway, one, two, certificate] = await Promise.all([
    startGateway({ settings: { knative: true } }),
    echoBackend("one"),
    echoBackend("two"),
    selfSigned({ hosts: ["hello.example.com"] }),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), one.close(), two.close()]);
});

const document = (object: unknown) => `---\n${JSON.stringify(object)}\n`;
const apply = (...manifests: readonly (string | object)[]) =>
  gateway.apply(
    [
      serviceOf(one),
      serviceOf(two),
      ...manifests.map((each) => (typeof each === "string" ? each : document(each))),
    ].join(""),
  );
const to = (backend: EchoBackend, more: object = {}) =>
  splitOf({ service: backend.name, port: portOf(backend), ...more });
const rule = (paths: readonly object[], more: object = {}) => ({
  hosts: ["hello.example.com"],
  visibility: "ExternalIP",
  http: { paths },
  ...more,
});
const host = "hello.example.com";

async function taken(path: string, options: { host?: string; headers?: Record<string, string> } = {}): Promise<string> {
  const answer = await gateway.request(path, { host, ...options });
  return answer.status === 200 ? answer.echo().backend : String(answer.status);
}

describe("an Ingress of Knative's", () => {
  it("is served under its hosts alone, with the path as it is", async () => {
    expect(await apply(knativeIngress("i", { rules: [rule([{ splits: [to(one)] }])] }))).toEqual([]);
    expect((await gateway.request("/a/b?c", { host })).echo().url).toBe("/a/b?c");
    expect([await taken("/", { host: `${host}:8080` }), await taken("/", { host: "other.example.com" })]).toEqual([
      "one",
      "404",
    ]);
  });

  it("shares requests by percent", async () => {
    const shares = (first: number) => [to(one, { percent: first }), to(two, { percent: 100 - first })];
    const count = async (first: number) => {
      expect(await apply(knativeIngress("i", { rules: [rule([{ splits: shares(first) }])] }))).toEqual([]);
      const answers = await Promise.all(Array.from({ length: 200 }, () => taken("/")));
      return answers.filter((name) => name === "one").length;
    };
    expect([await count(100), await count(0)]).toEqual([200, 0]);
    const half = await count(50);
    expect(half).toBeGreaterThan(50);
    expect(half).toBeLessThan(150);
  });

  it("goes by path, and by the whole value of headers first", async () => {
    await apply(
      knativeIngress("i", {
        rules: [
          rule([
            { splits: [to(one)] },
            { path: "/two", splits: [to(two)] },
            { headers: { "Knative-Serving-Tag": { exact: "blue" } }, splits: [to(two)] },
          ]),
        ],
      }),
    );
    const tagged = (tag: string) => taken("/", { headers: { "knative-serving-tag": tag } });
    expect([await taken("/"), await taken("/two/x"), await tagged("blue"), await tagged("bluer")]).toEqual([
      ...["one", "two", "two", "one"],
    ]);
  });

  it("sets headers in place of the client's, and the host", async () => {
    const path = {
      appendHeaders: { "x-both": "path", "x-path": "p" },
      rewriteHost: "inner.example.com",
      splits: [to(one, { headers: { "x-both": "split", "Knative-Serving-Revision": "hello-1" } })],
    };
    await apply(knativeIngress("i", { rules: [rule([path])] }));
    const answer = await gateway.request("/", { host, headers: { "knative-serving-revision": "forged" } });
    expect(answer.echo().headers).toMatchObject({
      host: "inner.example.com",
      "x-both": "split",
      "x-path": "p",
      "knative-serving-revision": "hello-1",
    });
  });

  it("has the timeout that it names", async () => {
    const slow = (timeout: string) => knativeIngress("i", { rules: [rule([{ timeout, splits: [to(one)] }])] });
    const headers = { "x-answer-delay-ms": "1500" };
    expect(await apply(slow("1m0s"))).toEqual([]);
    expect(await taken("/", { headers })).toBe("one");
    await apply(slow("0.2s"));
    expect(await taken("/", { headers })).toBe("504");
    const problems = await apply(slow("soon"));
    expect(problems.map(({ code, object, path }) => [code, object.kind, path.slice(-1)])).toEqual([
      ["InvalidField", "KnativeIngress", ["timeout"]],
    ]);
  });

  it.each([
    ["without a class", {}, "one"],
    [
      "of the gateway's class",
      { "networking.knative.dev/ingress.class": "ambassador.ingress.networking.knative.dev" },
      "one",
    ],
    [
      "of its class, by the newer name",
      { "networking.knative.dev/ingress-class": "Ambassador.ingress.networking.knative.dev" },
      "one",
    ],
    ["of another class", { "networking.knative.dev/ingress-class": "kourier.ingress.networking.knative.dev" }, "404"],
    ["for another gateway", { "getambassador.io/ambassador-id": "blue" }, "404"],
  ])("%s is answered so", async (_, annotations, expected) => {
    await apply(knativeIngress("i", { rules: [rule([{ splits: [to(one)] }])] }, annotations));
    expect(await taken("/")).toBe(expected);
  });

  it("has the certificate of its tls, and sends requests without TLS there", async () => {
    const port = await freePort();
    const listener = { port, protocol: "HTTPS", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } };
    const secret = { "tls.crt": certificate.certificatePem, "tls.key": certificate.keyPem };
    const tls = [{ hosts: [host], secretName: "served", secretNamespace: "default" }];
    const problems = await apply(
      listenerOf("tls", listener),
      secretOf("served", secret),
      knativeIngress("i", { httpOption: "Redirected", tls, rules: [rule([{ splits: [to(one)] }])] }),
    );
    expect(problems).toEqual([]);
    expect(await taken("/")).toBe("301");
    const options = {
      host: "127.0.0.1",
      port,
      servername: host,
      ca: certificate.certificatePem,
      agent: false,
    } as const;
    const status = await new Promise((done, fail) =>
      https.get({ ...options, headers: { host } }, (response) => done(response.resume().statusCode)).on("error", fail),
    );
    expect(status).toBe(200);
  });

  it("shows what is for the cluster alone only where a Host asks for it", async () => {
    const local = "hello.default.svc.cluster.local";
    const ingress = {
      ...knativeIngress("i", {
        rules: [
          rule([{ splits: [to(one)] }]),
          rule([{ splits: [to(two)] }], { hosts: [local], visibility: "ClusterLocal" }),
        ],
      }),
    };
    const labelled = { ...ingress, metadata: { ...ingress.metadata, labels: { app: "hello" } } };
    // Hosts that take everything of the application, and everything at all, from outside.
    const insecure = { requestPolicy: { insecure: { action: "Route" } } };
    const application =
      hostOf("app", { hostname: "*.cluster.local", mappingSelector: { matchLabels: { app: "hello" } }, ...insecure }) +
      hostOf("all", { hostname: "*.local", mappingSelector: {}, ...insecure });
    const problems = await apply(labelled, application);
    expect([await taken("/"), await taken("/", { host: local })]).toEqual(["one", "404"]);
    expect(problems.map(({ code, severity, path }) => [code, severity, path.slice(0, 3)])).toEqual([
      ["NotAttached", "warning", ["spec", "rules", 1]],
    ]);
    const port = await freePort();
    const inside = {
      port,
      protocol: "HTTP",
      securityModel: "XFP",
      hostBinding: { namespace: { from: "ALL" }, selector: { matchLabels: { reached: "inside" } } },
    };
    const hostInside = {
      hostname: "*.cluster.local",
      mappingSelector: { matchLabels: { "networking.knative.dev/visibility": "cluster-local" } },
      requestPolicy: { insecure: { action: "Route" } },
    };
    await apply(labelled, listenerOf("inside", inside), hostOf("local", hostInside, { reached: "inside" }));
    const answers = [await get(port, "/", { host: local }), await get(port, "/", { host: `${local}:80` })];
    expect(answers.map(({ body }) => (JSON.parse(body) as { backend: string }).backend)).toEqual(["two", "two"]);
    expect((await get(port, "/", { host: `x.${local}` })).status).toBe(404);
  });

  it("is told, and not served, where Knative is not asked for", async () => {
    const plain = await startGateway();
    const ingress = knativeIngress("i", { rules: [rule([{ splits: [to(one)] }])] });
    const problems = await plain.apply(serviceOf(one) + document(ingress));
    expect(problems.map(({ code, advice }) => [code, advice])).toEqual([
      ["UnknownKind", "set AMBASSADOR_KNATIVE_SUPPORT=true"],
    ]);
    expect((await plain.request("/", { host })).status).toBe(404);
    await plain.stop();
  });
});
