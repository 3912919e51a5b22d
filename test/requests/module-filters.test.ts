import { Agent, request as httpRequest } from "node:http";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { localServer } from "../support/backends.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { type GrpcBackend, grpcBackend } from "../support/grpc-backend.ts";
import { get } from "../support/http.ts";
import { moduleOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let grpc: GrpcBackend;

beforeAll(async () => {
  [gateway, backend, grpc] = await Promise.all([startGateway(), echoBackend("one"), grpcBackend()]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close(), grpc.close()]);
});

type Config = Readonly<Record<string, unknown>>;

const apply = (config: Config) =>
  gateway.apply(moduleOf(config) + mapping("m", { prefix: "/", service: backend.service, rewrite: "" }));
const applyGrpc = (config: Config, service = grpc.service) =>
  gateway.apply(moduleOf(config) + mapping("m", { prefix: "/test.Echo/", service, grpc: true, rewrite: "" }));

interface Posted {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

function post(path: string, body: Buffer, headers: Readonly<Record<string, string>>): Promise<Posted> {
  return new Promise((done, fail) => {
    const options = { host: "127.0.0.1", port: gateway.port, path, method: "POST", headers, agent: false as const };
    const outgoing = httpRequest(options, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () =>
        done({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    outgoing.on("error", fail);
    outgoing.end(body);
  });
}

/** A gRPC message: a flag, its length, its bytes. */
function frame(text: string): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(Buffer.byteLength(text), 1);
  return Buffer.concat([head, Buffer.from(text)]);
}

describe("gRPC", () => {
  // shows: Module.enable_grpc_web
  it("is called from browsers with enable_grpc_web, and false is false", async () => {
    const call = () => post("/test.Echo/Say", frame("hello"), { "content-type": "application/grpc-web+proto" });
    expect(await applyGrpc({ enable_grpc_web: true })).toEqual([]);
    const { status, headers, body } = await call();
    expect([status, headers["content-type"]]).toEqual([200, "application/grpc-web+proto"]);
    expect(body.subarray(0, 10)).toEqual(frame("hello"));
    // Trailers are in the body, in a frame with the highest bit set.
    expect(body[10]).toBe(0x80);
    expect(body.toString()).toContain("grpc-status:0");
    expect(await applyGrpc({ enable_grpc_web: false })).toEqual([]);
    expect((await call()).body.toString()).not.toContain("grpc-status");
  });

  // shows: Module.enable_grpc_http11_bridge
  it("is called by HTTP/1.1 with enable_grpc_http11_bridge, and false is false", async () => {
    const call = () => post("/test.Echo/Say", frame("hello"), { "content-type": "application/grpc" });
    expect(await applyGrpc({ enable_grpc_http11_bridge: true })).toEqual([]);
    const { headers, body } = await call();
    expect([headers["grpc-status"], headers["content-length"], body]).toEqual(["0", "10", frame("hello")]);
    expect(await applyGrpc({ enable_grpc_http11_bridge: false })).toEqual([]);
    expect((await call()).headers["grpc-status"]).toBeUndefined();
  });

  // shows: Module.grpc_stats
  it("is counted by method with grpc_stats", async () => {
    const services = [{ name: "test.Echo", method_names: ["Say"] }];
    // Envoy has statistics of methods that are listed, and of those that are not, under two names that look alike: a
    // service for each.
    const [listed, unlisted] = [await grpcBackend(), await grpcBackend()];
    const call = async (config: Config, { service }: GrpcBackend) => {
      expect(await applyGrpc(config, service)).toEqual([]);
      await post("/test.Echo/Say", frame("hello"), { "content-type": "application/grpc" });
    };
    const counted = ({ service }: GrpcBackend) =>
      gateway.envoy.stat(`cluster.${service.replace(/[.:]/g, "_")}.grpc.test.Echo.Say.total`);
    try {
      await call({}, listed);
      await call({ grpc_stats: {} }, listed);
      expect(await counted(listed)).toBe(0);
      await call({ grpc_stats: { services } }, listed);
      await call({ grpc_stats: { services: [{ name: "test.Other", method_names: ["Say"] }] } }, listed);
      expect(await counted(listed)).toBe(1);
      await call({ grpc_stats: { all_methods: true, upstream_stats: true } }, unlisted);
      expect(await counted(unlisted)).toBe(1);
    } finally {
      await Promise.all([listed.close(), unlisted.close()]);
    }
    const problems = await applyGrpc({ grpc_stats: { all_methods: true, services } });
    expect(problems.map(({ code, path }) => [code, path.slice(2)])).toEqual([
      ["IgnoredField", ["grpc_stats", "all_methods"]],
    ]);
  });
});

describe("gzip", () => {
  // shows: Module.gzip
  it("compresses answers that are long enough, of the types that it names", async () => {
    const text = "a".repeat(200);
    const server = await localServer((request, response) => {
      response.setHeader("content-type", request.url === "/json" ? "application/json" : "text/plain");
      if (request.url === "/etag") response.setHeader("etag", '"1"');
      response.setHeader("x-accepted", request.headers["accept-encoding"] ?? "");
      response.end(request.url === "/short" ? "short" : text);
    });
    const answer = async (path: string) => {
      const options = { host: "127.0.0.1", port: gateway.port, path, agent: false as const };
      return new Promise<{ encoding: string | undefined; accepted: unknown; body: Buffer }>((done, fail) =>
        httpRequest({ ...options, headers: { "accept-encoding": "gzip" } }, (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.on("end", () =>
            done({
              encoding: response.headers["content-encoding"],
              accepted: response.headers["x-accepted"],
              body: Buffer.concat(chunks),
            }),
          );
        })
          .on("error", fail)
          .end(),
      );
    };
    const encodings = async () =>
      Object.fromEntries(
        await Promise.all(
          ["/text", "/json", "/short", "/etag"].map(async (path) => [path, (await answer(path)).encoding]),
        ),
      ) as unknown;
    const applied = (config: Config) =>
      gateway.apply(moduleOf(config) + mapping("m", { prefix: "/", rewrite: "", service: `127.0.0.1:${server.port}` }));
    try {
      expect(await applied({})).toEqual([]);
      expect(await encodings()).toEqual({
        "/text": undefined,
        "/json": undefined,
        "/short": undefined,
        "/etag": undefined,
      });
      expect(await applied({ gzip: {} })).toEqual([]);
      expect(await encodings()).toEqual({ "/text": "gzip", "/json": "gzip", "/short": undefined, "/etag": "gzip" });
      expect(gunzipSync((await answer("/text")).body).toString()).toBe(text);
      expect((await answer("/text")).accepted).toBe("gzip");
      const all = {
        memory_level: 9,
        min_content_length: 3,
        compression_level: "BEST",
        compression_strategy: "huffman",
        window_bits: 15,
        content_type: ["text/plain"],
        disable_on_etag_header: true,
        remove_accept_encoding_header: true,
      };
      expect(await applied({ gzip: all })).toEqual([]);
      expect(await encodings()).toEqual({ "/text": "gzip", "/json": undefined, "/short": "gzip", "/etag": undefined });
      expect((await answer("/text")).accepted).toBe("");
      const problems = await applied({ gzip: { compression_level: "MOST" } });
      expect(problems.map(({ severity, path, message }) => [severity, path.slice(2), message])).toEqual([
        ["error", ["gzip", "compression_level"], '"MOST" is not one of its values'],
      ]);
    } finally {
      await server.close();
    }
  });
});

describe("buffer", () => {
  // shows: Module.buffer
  it("answers 413 to a request that is larger than it says", async () => {
    const status = async () => (await post("/", Buffer.alloc(2000, "a"), {})).status;
    expect(await apply({ buffer: { max_request_bytes: 1000 } })).toEqual([]);
    expect(await status()).toBe(413);
    expect(await apply({ buffer: { max_request_bytes: 3000 } })).toEqual([]);
    expect(await status()).toBe(200);
    const problems = await apply({ buffer: { max_request_bytes: 1000, max_request_time: "5s" } });
    expect(problems.map(({ code, path }) => [code, path.slice(2)])).toEqual([
      ["IgnoredField", ["buffer", "max_request_time"]],
    ]);
    expect(await status()).toBe(413);
  });
});

describe("ip_allow and ip_deny", () => {
  const far = { headers: { "x-forwarded-for": "203.0.113.7" } };
  const statuses = async () => [(await gateway.request("/")).status, (await gateway.request("/", far)).status];
  // With it the address that x-forwarded-for tells is the client's.
  const behindProxy = { use_remote_address: false };

  // shows: Module.ip_allow
  it("let only those in that ip_allow names, by peer or by what is told of the client", async () => {
    expect(await apply({ ip_allow: [{ peer: "127.0.0.0/8" }] })).toEqual([]);
    expect(await statuses()).toEqual([200, 200]);
    expect(await apply({ ...behindProxy, ip_allow: [{ peer: "::1" }, { remote: "203.0.113.0/24" }] })).toEqual([]);
    expect(await statuses()).toEqual([403, 200]);
  });

  // shows: Module.ip_deny
  it("keep those out that ip_deny names", async () => {
    expect(await apply({ ip_deny: [{ peer: "127.0.0.1" }] })).toEqual([]);
    expect(await statuses()).toEqual([403, 403]);
    expect(await apply({ ...behindProxy, ip_deny: [{ remote: "203.0.113.7" }, { peer: "fd00::/8" }] })).toEqual([]);
    expect(await statuses()).toEqual([200, 403]);
  });

  it("go on as they last were without an error, and with nothing before let nobody in by a typing error", async () => {
    expect(await apply({ ip_deny: [{ peer: "127.0.0.1" }] })).toEqual([]);
    const problems = await apply({ ip_allow: [{ peer: "127.0.0.300" }] });
    expect(problems.map(({ severity, path, message }) => [severity, path.slice(2), message])).toEqual([
      ["error", ["ip_allow", 0, "peer"], '"127.0.0.300" is neither an address nor a range'],
    ]);
    expect(await statuses()).toEqual([403, 403]);
    const fresh = await startGateway();
    try {
      const config = { ip_allow: [{ peer: "127.0.0.300" }] };
      await fresh.apply(moduleOf(config) + mapping("m", { prefix: "/", service: backend.service }));
      expect((await fresh.request("/")).status).toBe(403);
    } finally {
      await fresh.stop();
    }
  });

  it("exclude each other, and take one address in each item", async () => {
    const told = async (config: Config) => (await apply(config)).map(({ path, message }) => [path.slice(2), message]);
    expect(await told({ ip_allow: [{ peer: "10.0.0.1" }], ip_deny: [{ peer: "10.0.0.2" }] })).toEqual([
      [["ip_deny"], "ip_allow and ip_deny are both set, and only one can be"],
    ]);
    expect(await told({ ip_allow: [{}, { peer: "10.0.0.1", remote: "10.0.0.1" }] })).toEqual([
      [["ip_allow", 0], "has neither peer nor remote"],
      [["ip_allow", 1], "has both peer and remote"],
    ]);
  });
});

describe("filters of the Module", () => {
  it("come, change and go on a held connection, and drain none", async () => {
    expect(await apply({})).toEqual([]);
    const draining = () => gateway.envoy.stat("listener_manager.total_filter_chains_draining");
    // What the settings of earlier tests have replaced.
    await eventually("nothing drains", async () => (await draining()) === 0);
    const modified = await gateway.envoy.stat("listener_manager.listener_modified");
    const opened = await gateway.envoy.stat("http.ingress_http.downstream_cx_total");
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const status = async () => (await get(gateway.port, "/", { agent })).status;
    try {
      expect(await status()).toBe(200);
      const lua_scripts = 'function envoy_on_request(handle) handle:respond({[":status"] = "418"}, "") end';
      const steps: [Config, number][] = [
        [{ ip_deny: [{ peer: "127.0.0.1" }] }, 403],
        [{ gzip: {}, buffer: { max_request_bytes: 10 }, enable_grpc_web: true }, 200],
        [{ lua_scripts, gzip: {} }, 418],
        [{ gzip: {}, grpc_stats: {} }, 200],
        [{}, 200],
      ];
      for (const [config, expected] of steps) {
        expect(await apply(config)).toEqual([]);
        await eventually(`status ${expected}`, async () => (await status()) === expected);
        expect(await draining()).toBe(0);
      }
      expect(await gateway.envoy.stat("http.ingress_http.downstream_cx_total")).toBe(opened + 1);
      expect(await gateway.envoy.stat("listener_manager.listener_modified")).toBe(modified);
    } finally {
      agent.destroy();
    }
  });
});
