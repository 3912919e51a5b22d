import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, mappingWith, moduleOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let port: number;

beforeAll(async () => {
  [gateway, backend, port] = await Promise.all([startGateway(), echoBackend("one"), freePort()]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

type Spec = Readonly<Record<string, unknown>>;

const all = { namespace: { from: "ALL" } };

/** A second Listener on `port` besides the usual one. */
const second = (spec: Spec = {}) =>
  listenerOf("second", { port, protocol: "HTTP", securityModel: "XFP", hostBinding: all, ...spec });

const toBackend = (spec: Spec = {}) => mapping("m", { prefix: "/", service: backend.service, ...spec });

interface Reply {
  readonly status: number;
  readonly location: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** One request to the second Listener; what the backend saw of its headers. */
function ask(headers: Readonly<Record<string, string>> = {}, host = "a.example.com"): Promise<Reply> {
  return new Promise((done, fail) => {
    const request = http.get({ host: "127.0.0.1", port, agent: false, headers: { host, ...headers } }, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => (body += text));
      response.on("end", () => {
        const seen = body.startsWith("{") ? (JSON.parse(body) as Reply) : undefined;
        done({ status: response.statusCode ?? 0, location: response.headers.location, headers: seen?.headers ?? {} });
      });
    });
    request.on("error", fail);
  });
}

const isOpen = () =>
  new Promise<boolean>((done) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => done(true)).once("error", () => done(false));
    socket.once("connect", () => socket.destroy());
  });

async function open(manifests: string): Promise<void> {
  expect(await gateway.apply(manifests)).toEqual([]);
  await eventually("the port is open", isOpen);
}

describe("Listener", () => {
  // shows: Listener.port Listener.protocol Listener.ambassador_id
  it("is opened on its port, if it is for this gateway, and closed when it goes", async () => {
    await gateway.apply(toBackend() + second({ ambassador_id: ["other"] }));
    expect(await isOpen()).toBe(false);
    await open(toBackend() + second({ ambassador_id: ["default", "other"] }));
    expect((await ask()).status).toBe(200);
    await gateway.apply(toBackend());
    await eventually("the port is closed", async () => !(await isOpen()));
  });

  // shows: Listener.protocolStack Listener.statsPrefix
  it("takes a stack in place of a protocol, and names its statistics", async () => {
    await open(toBackend() + second({ protocol: undefined, protocolStack: ["HTTP", "TCP"], statsPrefix: "mine" }));
    expect((await ask()).status).toBe(200);
    expect(await gateway.envoy.stat("http.mine.downstream_rq_2xx")).toBe(1);
  });

  // shows: Listener.hostBinding
  it("serves the Hosts that its binding selects", async () => {
    const labelled = hostOf(
      "labelled",
      { hostname: "a.example.com", requestPolicy: { insecure: { action: "Route" } } },
      { tier: "inner" },
    );
    await open(labelled + toBackend() + second({ hostBinding: { selector: { matchLabels: { tier: "inner" } } } }));
    expect((await ask({}, "a.example.com")).status).toBe(200);
    expect((await ask({}, "b.example.com")).status).toBe(404);
    expect((await gateway.request("/", { host: "b.example.com" })).status).toBe(200);
  });

  // shows: Listener.securityModel Host.requestPolicy Host.hostname
  it("treats cleartext as its securityModel and the Host's policy say", async () => {
    const policy = (action: string) =>
      hostOf("a", { hostname: "a.example.com", requestPolicy: { insecure: { action } } });
    await open(policy("Redirect") + toBackend() + second());
    expect(await ask()).toMatchObject({ status: 301, location: "https://a.example.com/" });
    expect((await ask({}, "b.example.com")).status).toBe(200);
    await open(policy("Redirect") + toBackend() + second({ securityModel: "SECURE" }));
    expect((await ask()).status).toBe(200);
    await open(policy("Reject") + toBackend() + second({ securityModel: "INSECURE" }));
    expect((await ask()).status).toBe(404);
    await open(policy("Route") + toBackend() + second({ securityModel: "INSECURE" }));
    expect((await ask()).status).toBe(200);
    await open(hostOf("a", { hostname: "a.example.com" }) + toBackend() + second());
    expect((await ask()).status).toBe(301);
  });

  // shows: Listener.l7Depth Module.use_remote_address
  it("believes X-Forwarded headers of as many proxies as l7Depth says, and of nobody without it", async () => {
    const host = hostOf("a", { hostname: "a.example.com", requestPolicy: { insecure: { action: "Redirect" } } });
    const claim = { "x-forwarded-proto": "https", "x-forwarded-for": "203.0.113.7" };
    await open(host + toBackend() + second());
    expect((await ask(claim)).status).toBe(301);
    await open(host + toBackend() + second({ l7Depth: 1 }));
    expect((await ask(claim)).headers).toMatchObject({ "x-envoy-external-address": "203.0.113.7" });
    expect((await ask()).status).toBe(301);
    await open(moduleOf({ use_remote_address: false }) + host + toBackend() + second());
    expect((await ask(claim)).status).toBe(200);
    expect((await ask({ "x-forwarded-proto": "http" })).status).toBe(301);
  });

  it("reads the PROXY header that a load balancer sends before all else", async () => {
    await open(toBackend() + second({ protocol: "HTTPPROXY" }));
    const answer = await new Promise<string>((done, fail) => {
      const socket = net.connect(port, "127.0.0.1");
      socket.once("error", fail);
      socket.write(
        "PROXY TCP4 198.51.100.9 10.0.0.1 1234 80\r\nGET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
      );
      let text = "";
      socket.on("data", (data) => (text += data.toString())).on("end", () => done(text));
    });
    expect(answer).toContain('"x-forwarded-for":"198.51.100.9"');
  });

  // shows: Listener.http2MaxConcurrentStreams
  it("limits the requests on one HTTP/2 connection", async () => {
    await open(toBackend() + second({ http2MaxConcurrentStreams: 7 }));
    const session = http2.connect(`http://127.0.0.1:${port}`);
    const settings = await new Promise<http2.Settings>((done) => session.once("remoteSettings", done));
    session.destroy();
    expect(settings.maxConcurrentStreams).toBe(7);
  });
});

describe("Host", () => {
  // shows: Host.mappingSelector Host.selector
  it("takes the Mappings that its selector matches, those without a hostname too", async () => {
    const host = (spec: Spec) =>
      hostOf("a", { hostname: "a.example.com", requestPolicy: { insecure: { action: "Route" } }, ...spec });
    const labelled = mappingWith({ name: "l", labels: { team: "blue" } }, { prefix: "/l/", service: backend.service });
    const unlabelled = mapping("u", { prefix: "/u/", service: backend.service });
    const selector = { matchLabels: { team: "blue" } };
    for (const spec of [{ mappingSelector: selector }, { selector }]) {
      expect(await gateway.apply(host(spec) + labelled + unlabelled)).toEqual([]);
      expect((await gateway.request("/l/", { host: "a.example.com" })).status).toBe(200);
      expect((await gateway.request("/u/", { host: "a.example.com" })).status).toBe(404);
      expect((await gateway.request("/u/", { host: "b.example.com" })).status).toBe(200);
    }
  });

  // shows: Host.ambassador_id Mapping.ambassador_id Module.server_name
  it("is served if it is for this gateway, as Mappings are", async () => {
    const policy = { requestPolicy: { insecure: { action: "Reject" } } };
    const host = (ids: readonly string[]) => hostOf("a", { hostname: "a.example.com", ambassador_id: ids, ...policy });
    await gateway.apply(
      moduleOf({ server_name: "nuncio" }) + host(["other"]) + toBackend({ ambassador_id: ["default"] }),
    );
    const answer = await gateway.request("/", { host: "a.example.com" });
    expect([answer.status, answer.headers.server]).toEqual([200, "nuncio"]);
    await gateway.apply(host(["default"]) + toBackend());
    expect((await gateway.request("/", { host: "a.example.com" })).status).toBe(404);
    await gateway.apply(toBackend({ ambassador_id: ["other"] }));
    expect((await gateway.request("/")).status).toBe(404);
  });

  it("names what it does not do", async () => {
    const host = hostOf("a", { hostname: "a.example.com", acmeProvider: { authority: "https://acme.example.com" } });
    const problems = await gateway.apply(
      host + hostOf("b", { hostname: "b.example.com", acmeProvider: { authority: "none" } }),
    );
    expect(problems.map(({ code, severity, object, path }) => [code, severity, object.name, path])).toEqual([
      ["IgnoredField", "warning", "a", ["spec", "acmeProvider"]],
    ]);
  });
});
