import { Agent } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { get } from "../support/http.ts";
import { moduleOf } from "../support/manifests.ts";
import { caseBackend, rawGet, rawRequest } from "../support/raw.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

type Config = Readonly<Record<string, unknown>>;

const apply = (config: Config, spec: Config = {}) =>
  gateway.apply(moduleOf(config) + mapping("m", { prefix: "/", service: backend.service, rewrite: "", ...spec }));

/** With the Module's key, and without it, where the default must show. */
async function withAndWithout<T>(config: Config, ask: () => Promise<T>, spec: Config = {}): Promise<readonly [T, T]> {
  expect(await apply(config, spec)).toEqual([]);
  const asked = await ask();
  expect(await apply({}, spec)).toEqual([]);
  return [asked, await ask()];
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.\d (\d+)/.exec(answer)?.[1]);

describe("HTTP/1 of clients", () => {
  // shows: Module.enable_http10
  it("is 1.1 alone, unless enable_http10 says otherwise", async () => {
    const ask = async () => statusOf(await rawRequest(gateway.port, "GET / HTTP/1.0\r\nHost: example.com\r\n\r\n"));
    expect(await withAndWithout({ enable_http10: true }, ask)).toEqual([200, 426]);
  });

  // shows: Module.allow_chunked_length
  it("may say its length twice only with allow_chunked_length", async () => {
    const head = ["POST / HTTP/1.1", "Host: example.com", "Connection: close", "Content-Length: 3"];
    const text = [...head, "Transfer-Encoding: chunked", "", "3", "abc", "0", "", ""].join("\r\n");
    const ask = async () => statusOf(await rawRequest(gateway.port, text));
    expect(await withAndWithout({ allow_chunked_length: true }, ask)).toEqual([200, 400]);
  });

  // shows: Module.listener_idle_timeout_ms
  it("is closed when it is idle for listener_idle_timeout_ms", async () => {
    expect(await apply({ listener_idle_timeout_ms: 100 })).toEqual([]);
    // The connection is ended by Envoy, which is what the promise waits for.
    const answer = await rawRequest(gateway.port, "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n");
    expect(statusOf(answer)).toBe(200);
    expect(await gateway.envoy.stat("http.ingress_http.downstream_cx_idle_timeout")).toBeGreaterThan(0);
  });

  // shows: Module.max_request_headers_kb
  it("has 60 KiB of headers at most, or max_request_headers_kb", async () => {
    const ask = async () => statusOf(await rawGet(gateway.port, "/", [`x-large: ${"a".repeat(8 * 1024)}`]));
    expect(await withAndWithout({ max_request_headers_kb: 4 }, ask)).toEqual([431, 200]);
  });
});

describe("names of headers", () => {
  // shows: Module.headers_with_underscores_action
  it("may have an underscore, unless headers_with_underscores_action says otherwise", async () => {
    const ask = async () => {
      const { status, ...answer } = await gateway.request("/", { headers: { x_y: "1" } });
      return [status, status === 200 ? answer.echo().headers["x_y"] : undefined];
    };
    expect(await withAndWithout({ headers_with_underscores_action: "REJECT_REQUEST" }, ask)).toEqual([
      [400, undefined],
      [200, "1"],
    ]);
    expect(await withAndWithout({ headers_with_underscores_action: "DROP_HEADER" }, ask)).toEqual([
      [200, undefined],
      [200, "1"],
    ]);
  });

  // shows: Module.proper_case
  it("are written Proper-Case to clients with proper_case", async () => {
    const ask = async () => /(content-length|x-answer-name):/i.exec(await rawGet(gateway.port, "/"))?.[1];
    expect(await withAndWithout({ proper_case: true }, ask)).toEqual(["Content-Length", "content-length"]);
  });

  // shows: Module.header_case_overrides
  it("are written as header_case_overrides has them, to clients and upstreams", async () => {
    const cases = await caseBackend([["X-ANSWER-Name", "1"]]);
    const ask = async () => {
      const answer = await rawGet(gateway.port, "/", ["X-ASKED-Name: 1"]);
      return [/x-answer-name/i.exec(answer)?.[0], cases.names().find((name) => /x-asked-name/i.test(name))];
    };
    const spec = mapping("m", { prefix: "/", service: cases.service });
    const applied = (config: Config) => gateway.apply(moduleOf(config) + spec);
    try {
      const problems = await applied({ header_case_overrides: ["X-ANSWER-Name", "X-ASKED-Name"] });
      expect(problems.map(({ code, message }) => [code, message])).toEqual([
        ["IgnoredField", "Envoy has no list of names: every name keeps the case in which its sender wrote it"],
      ]);
      expect(await ask()).toEqual(["X-ANSWER-Name", "X-ASKED-Name"]);
      await applied({ header_case_overrides: ["X-Answer-Name"] });
      expect(await ask()).toEqual(["X-Answer-Name", "X-Asked-Name"]);
      await applied({});
      expect(await ask()).toEqual(["x-answer-name", "x-asked-name"]);
    } finally {
      await cases.close();
    }
  });
});

describe("paths and hosts", () => {
  // shows: Module.merge_slashes
  it("have each slash of their own, unless merge_slashes says otherwise", async () => {
    const ask = async () => (await gateway.request("//a///b")).status;
    expect(await withAndWithout({ merge_slashes: true }, ask, { prefix: "/a/b" })).toEqual([200, 404]);
  });

  // shows: Module.reject_requests_with_escaped_slashes
  it("may hide slashes, unless reject_requests_with_escaped_slashes says otherwise", async () => {
    for (const path of ["/a%2Fb", "/a%5cb"]) {
      const ask = async () => (await gateway.request(path)).status;
      expect(await withAndWithout({ reject_requests_with_escaped_slashes: true }, ask)).toEqual([400, 200]);
    }
  });

  // shows: Module.strip_matching_host_port
  it("keep the Listener's port, unless strip_matching_host_port says otherwise", async () => {
    const ask = async () =>
      (await gateway.request("/", { host: `example.com:${gateway.port}` })).echo().headers["host"];
    const kept = `example.com:${gateway.port}`;
    expect(await withAndWithout({ strip_matching_host_port: true }, ask)).toEqual(["example.com", kept]);
  });
});

describe("what Envoy adds", () => {
  // shows: Module.suppress_envoy_headers
  it("is left out with suppress_envoy_headers", async () => {
    const ask = async () => (await gateway.request("/")).headers["x-envoy-upstream-service-time"] !== undefined;
    expect(await withAndWithout({ suppress_envoy_headers: true }, ask)).toEqual([false, true]);
  });

  // shows: Module.preserve_external_request_id
  it("replaces a client's x-request-id, unless preserve_external_request_id says otherwise", async () => {
    // From a public address: in a private network Envoy trusts the client with it.
    const headers = { "x-request-id": "mine", "x-forwarded-for": "203.0.113.7" };
    const ask = async () => (await gateway.request("/", { headers })).echo().headers["x-request-id"] === "mine";
    expect(await withAndWithout({ preserve_external_request_id: true }, ask)).toEqual([true, false]);
  });
});

describe("buffers", () => {
  // shows: Module.buffer_limit_bytes
  it("hold 1 MiB of a request that is read whole, or buffer_limit_bytes", async () => {
    // A script that wants the whole body.
    const lua_scripts = "function envoy_on_request(handle) handle:body() end";
    const body = "a".repeat(200_000);
    const head = ["POST / HTTP/1.1", "Host: example.com", "Connection: close", `Content-Length: ${body.length}`];
    const ask = async () => statusOf(await rawRequest(gateway.port, [...head, "", body].join("\r\n")));
    expect(await apply({ lua_scripts, buffer_limit_bytes: 65_536 })).toEqual([]);
    expect(await ask()).toBe(413);
    expect(await apply({ lua_scripts })).toEqual([]);
    expect(await ask()).toBe(200);
  });
});

describe("a setting of connections", () => {
  it("leaves a held connection alone where it does not change", async () => {
    expect(await apply({ merge_slashes: true })).toEqual([]);
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    try {
      expect((await get(gateway.port, "/", { agent })).status).toBe(200);
      const draining = await gateway.envoy.stat("listener_manager.listener_modified");
      expect(await apply({ merge_slashes: true, cluster_request_timeout_ms: 2000 })).toEqual([]);
      expect(await gateway.envoy.stat("listener_manager.listener_modified")).toBe(draining);
      await eventually("200", async () => (await get(gateway.port, "/", { agent })).status === 200);
    } finally {
      agent.destroy();
    }
  });
});
