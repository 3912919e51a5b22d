import { Client, credentials } from "@grpc/grpc-js";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Problem } from "../../ir/problem.ts";
import type { HTTPAccessLogEntry } from "../../xds/generated/envoy/data/accesslog/v3/accesslog.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { type GrpcBackend, grpcBackend } from "../support/grpc-backend.ts";
import { logServer, type LogServer } from "../support/log-server.ts";
import { logServiceOf, tcpMappingOf } from "../support/manifests.ts";
import { connect, reached, type TcpBackend, tcpBackend } from "../support/tcp.ts";

type Spec = Readonly<Record<string, unknown>>;

let gateway: Gateway;
let backend: EchoBackend;
let grpc: GrpcBackend;
let tcp: TcpBackend;
let logs: LogServer;

beforeAll(async () => {
  [gateway, backend, grpc, tcp, logs] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    grpcBackend(),
    tcpBackend("tcp"),
    logServer(),
  ]);
});

afterAll(async () => {
  logs.close();
  await Promise.all([gateway.stop(), backend.close(), grpc.close(), tcp.close()]);
});

/** Sends what it has at once. */
const atOnce = { flush_interval_byte_size: 0 };

let names = 0;
const nextName = () => `log-${names++}`;

const logService = (name: string, spec: Spec = {}) =>
  logServiceOf(name, { service: logs.service, driver: "http", ...atOnce, ...spec });

const apply = (...services: readonly string[]) =>
  gateway.apply(
    services.join("") +
      mapping("m", { prefix: "/", service: backend.service, rewrite: "" }) +
      mapping("grpc", { prefix: "/test.Echo/", service: grpc.service, grpc: true, rewrite: "" }),
  );

const entriesOf = (name: string, count = 1, server = logs) =>
  eventually(`${count} entries of ${name}`, () => {
    const { http } = server.entries(name);
    return http.length >= count && http;
  });

const firstOf = async (name: string) => (await entriesOf(name))[0] as HTTPAccessLogEntry;

const view = (problems: readonly Problem[]) =>
  problems.map(({ severity, code, path, message }) => [severity, code, path.slice(1).join("."), message]);

describe("a LogService with driver http", () => {
  // shows: LogService.service LogService.driver
  it("gets an entry for each request, under its own name", async () => {
    const name = nextName();
    expect(await apply(logService(name))).toEqual([]);
    await gateway.request("/logged?a=b", { headers: { "user-agent": "tester" } });
    expect(await firstOf(name)).toMatchObject({
      request: { path: "/logged?a=b", authority: "example.com", userAgent: "tester" },
      response: { responseCode: 200 },
    });
    expect(logs.authorities.at(-1)).toBe(logs.service);
    expect(logs.entries(name).tcp).toEqual([]);
  });

  it("gets one too where no route matches", async () => {
    const name = nextName();
    await gateway.apply(logService(name));
    expect((await gateway.request("/nowhere")).status).toBe(404);
    expect((await firstOf(name)).response?.responseCode).toBe(404);
  });

  // shows: LogService.driver_config
  it("gets the additional headers, of the request, the response and its trailers", async () => {
    const name = nextName();
    const additional_log_headers = [
      { header_name: "X-Everywhere" },
      { header_name: "x-request-only", during_response: false, during_trailer: false },
      { header_name: "content-type", during_request: false, during_trailer: false },
      { header_name: "grpc-status", during_request: false, during_response: false },
    ];
    expect(await apply(logService(name, { driver_config: { additional_log_headers } }))).toEqual([]);
    await gateway.request("/", {
      headers: { "x-everywhere": "e", "x-request-only": "r", "content-type": "text/plain" },
    });
    const { request, response } = await firstOf(name);
    expect(request?.requestHeaders).toEqual({ "x-everywhere": "e", "x-request-only": "r" });
    expect(response?.responseHeaders).toEqual({ "content-type": "application/json" });

    const client = new Client(`127.0.0.1:${gateway.port}`, credentials.createInsecure());
    const bytes = (value: Buffer) => value;
    await new Promise<void>((done, fail) => {
      const answered = (error: Error | null) => (error === null ? done() : fail(error));
      client.makeUnaryRequest("/test.Echo/Say", bytes, bytes, Buffer.from("hello"), answered);
    });
    client.close();
    const [, called] = await entriesOf(name, 2);
    expect(called?.response?.responseTrailers).toEqual({ "grpc-status": "0" });
    expect(called?.request?.requestHeaders).toEqual({});
  });

  // shows: LogService.flush_interval_time LogService.flush_interval_byte_size
  it("gets entries once they are old or large enough", async () => {
    const [never, old, large] = [nextName(), nextName(), nextName()];
    const most = { flush_interval_time: 4_294_967_295, flush_interval_byte_size: 4_294_967_295 };
    expect(
      await apply(
        logService(never, most),
        logService(old, { ...most, flush_interval_time: 1 }),
        logService(large, { ...most, flush_interval_byte_size: 1 }),
      ),
    ).toEqual([]);
    await gateway.request("/");
    await entriesOf(large);
    await entriesOf(old);
    expect(logs.entries(never).http).toEqual([]);
  });

  it("gets entries after a second where it does not say when", async () => {
    const name = nextName();
    const defaults = { flush_interval_byte_size: undefined };
    expect(await apply(logService(name, defaults))).toEqual([]);
    await gateway.request("/");
    await entriesOf(name);
  });

  it("stands beside others, each with its own settings and service", async () => {
    const [one, two] = [nextName(), nextName()];
    const other = await logServer();
    const headers = { additional_log_headers: [{ header_name: "x-a", during_response: false }] };
    await apply(logService(one, { driver_config: headers }), logService(two, { service: other.service }));
    await gateway.request("/", { headers: { "x-a": "1" } });
    expect((await firstOf(one)).request?.requestHeaders).toEqual({ "x-a": "1" });
    const [entry] = await entriesOf(two, 1, other);
    expect(entry?.request?.requestHeaders).toEqual({});
    expect([other.entries(one).http, logs.entries(two).http]).toEqual([[], []]);
    other.close();
  });

  // shows: LogService.stats_name
  it("is named in Envoy's statistics by stats_name", async () => {
    await apply(logService(nextName(), { stats_name: "my_logs" }));
    await gateway.request("/");
    await eventually("it is counted", async () => (await gateway.envoy.stat("cluster.my_logs.upstream_rq_total")) > 0);
  });

  // shows: LogService.ambassador_id
  it("is for the gateways of its ambassador_id", async () => {
    const [ours, theirs] = [nextName(), nextName()];
    await apply(logService(ours, { ambassador_id: ["default"] }), logService(theirs, { ambassador_id: ["other"] }));
    await gateway.request("/");
    await entriesOf(ours);
    expect(logs.entries(theirs).http).toEqual([]);
  });
});

describe("a LogService with driver tcp", () => {
  it("gets an entry for each connection of a TCPMapping, and for each request", async () => {
    const name = nextName();
    const port = await freePort();
    const services = logService(name, { driver: "tcp" }) + tcpMappingOf("t", { port, service: tcp.service });
    expect(await apply(services)).toEqual([]);
    await eventually("connections lead to tcp", async () => (await reached({ port })) === "tcp");
    const before = logs.entries(name).tcp.length;
    const session = await connect({ port });
    await session.ask("four");
    session.socket.destroy();
    const [entry] = await eventually("an entry", () => {
      const more = logs.entries(name).tcp.slice(before);
      return more.some(({ connectionProperties }) => connectionProperties?.receivedBytes === 5) && more.slice(-1);
    });
    expect(entry?.connectionProperties).toEqual({ receivedBytes: 5, sentBytes: "tcp\nfour\n".length });
    expect(entry?.commonProperties?.upstreamCluster?.startsWith(`${tcp.service}/`)).toBe(true);

    const soFar = logs.entries(name).tcp.length;
    await gateway.request("/");
    await eventually("an entry of the request", () => logs.entries(name).tcp.length > soFar);
    expect(logs.entries(name).http).toEqual([]);
  });
});

describe("a LogService that is wrong", () => {
  // shows: LogService.protocol_version LogService.grpc
  it("is told, and requests go on", async () => {
    const told = async (spec: Spec) => view(await apply(logService(nextName(), spec)));
    expect(await told({ service: undefined, driver: undefined })).toEqual([
      ["error", "InvalidField", "driver", "is required and missing, so that nothing is logged"],
      ["error", "InvalidField", "service", "is required and missing, so that nothing is logged"],
    ]);
    expect(await told({ protocol_version: "v3", grpc: true })).toEqual([]);
    expect(await told({ protocol_version: "v2" })).toEqual([
      ["error", "InvalidField", "protocol_version", "v2 is spoken by no Envoy any more"],
    ]);
    expect(await told({ grpc: false })).toEqual([
      ["warning", "IgnoredField", "grpc", "entries go by gRPC, whatever it says"],
    ]);
    expect(await told({ flush_interval_time: 0 })).toMatchObject([
      ["error", "InvalidField", "flush_interval_time", expect.any(String)],
    ]);
    expect(await told({ service: "bad service" })).toMatchObject([
      ["error", "InvalidService", "service", expect.any(String)],
    ]);
    const driver_config = { additional_log_headers: [{ header_name: "x-a" }] };
    expect(await told({ driver: "tcp", driver_config })).toEqual([
      ["warning", "IgnoredField", "driver_config.additional_log_headers", "entries of driver: tcp have no headers"],
    ]);
    expect((await gateway.request("/")).status).toBe(200);
  });

  it("logs on without a header whose name is none", async () => {
    const name = nextName();
    const additional_log_headers = [{ header_name: "x a" }, { header_name: "" }, { header_name: "x-b" }];
    expect(view(await apply(logService(name, { driver_config: { additional_log_headers } })))).toEqual([
      [
        "error",
        "InvalidField",
        "driver_config.additional_log_headers.0.header_name",
        '"x a" is not the name of a header',
      ],
      ["error", "InvalidField", "driver_config.additional_log_headers.1.header_name", "it is empty"],
    ]);
    await gateway.request("/", { headers: { "x-b": "b" } });
    expect((await firstOf(name)).request?.requestHeaders).toEqual({ "x-b": "b" });
  });
});
