import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf, tracingServiceOf } from "../support/manifests.ts";
import { datadogAgent, otlpCollector, type SpanServer, zipkinServer } from "../support/span-servers.ts";
import { traced } from "../support/traced.ts";

type Spec = Readonly<Record<string, unknown>>;

let gateway: Gateway;
let backend: EchoBackend;
let zipkin: SpanServer;
let datadog: SpanServer;
let otlp: SpanServer;

beforeAll(async () => {
  [gateway, backend, zipkin, datadog, otlp] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    zipkinServer(),
    datadogAgent(),
    otlpCollector(),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close(), zipkin.close(), datadog.close(), otlp.close()]);
});

const apply = (driver: string, { service }: SpanServer, spec: Spec = {}, more = "") =>
  gateway.apply(
    tracingServiceOf("tracing", { driver, service, ...spec }) +
      more +
      mapping("m", { prefix: "/", service: backend.service, rewrite: "" }),
  );

const b3 = (traceId: string, spanId: string) => ({
  "x-b3-traceid": traceId,
  "x-b3-spanid": spanId,
  "x-b3-sampled": "1",
});

describe("a TracingService with driver zipkin", () => {
  // shows: TracingService.driver TracingService.service
  it("gets a span of each request and one of what the service was asked, which sees the second", async () => {
    expect(await apply("zipkin", zipkin)).toEqual([]);
    const { headers, asked, called } = await traced(gateway, zipkin);
    expect([asked.kind, asked.parentId, called.kind, called.traceId]).toEqual([
      "server",
      undefined,
      "client",
      asked.traceId,
    ]);
    expect(headers).toMatchObject({ ...b3(called.traceId, called.id), "x-b3-parentspanid": asked.id });
    expect(asked.tags).toMatchObject({ "http.method": "GET", "http.status_code": "200" });
    expect(asked.traceId).toMatch(/^[0-9a-f]{32}$/);
    // Of the node, as in Emissary: AMBASSADOR_ID and the namespace.
    expect(asked.service).toBe("test");
    const contentType = "application/json";
    expect(zipkin.reports.at(-1)).toEqual({ path: "/api/v2/spans", host: zipkin.service, contentType });
  });

  // shows: TracingService.config
  it("gets them as its config says", async () => {
    const config = {
      collector_endpoint: "/my/spans",
      collector_endpoint_version: "HTTP_PROTO",
      collector_hostname: "zipkin.example.com",
      trace_id_128bit: false,
    };
    expect(await apply("zipkin", zipkin, { config })).toEqual([]);
    const { asked, called } = await traced(gateway, zipkin);
    expect([asked.kind, asked.traceId, called.traceId]).toEqual([
      "server",
      expect.stringMatching(/^[0-9a-f]{16}$/),
      asked.traceId,
    ]);
    const contentType = "application/x-protobuf";
    expect(zipkin.reports.at(-1)).toEqual({ path: "/my/spans", host: "zipkin.example.com", contentType });
  });

  it("goes on with the client's trace, in its span unless shared_span_context is false", async () => {
    const [traceId, spanId] = ["463ac35c9f6413ad48485a3953bb6124", "a2fb4a1d1a96d312"];
    await apply("zipkin", zipkin);
    const shared = await traced(gateway, zipkin, b3(traceId, spanId));
    expect(shared.asked).toMatchObject({ traceId, id: spanId });
    expect(shared.headers).toMatchObject({ "x-b3-traceid": traceId, "x-b3-parentspanid": spanId });

    expect(await apply("zipkin", zipkin, { config: { shared_span_context: false } })).toEqual([]);
    const apart = await traced(gateway, zipkin, b3(traceId, spanId));
    expect(apart.asked).toMatchObject({ traceId, parentId: spanId });
    expect(apart.asked.id).not.toBe(spanId);
  });

  // shows: TracingService.stats_name
  it("is named in Envoy's statistics by stats_name", async () => {
    expect(await apply("zipkin", zipkin, { stats_name: "my_spans" })).toEqual([]);
    await traced(gateway, zipkin);
    await eventually("it is counted", async () => (await gateway.envoy.stat("cluster.my_spans.upstream_rq_total")) > 0);
  });
});

describe("a TracingService with driver opentelemetry", () => {
  it("gets both spans by gRPC, and the service a traceparent", async () => {
    expect(await apply("opentelemetry", otlp)).toEqual([]);
    const { headers, asked, called } = await traced(gateway, otlp);
    expect([asked.kind, asked.parentId, called.kind, called.traceId]).toEqual([
      "server",
      undefined,
      "client",
      asked.traceId,
    ]);
    expect(headers["traceparent"]).toBe(`00-${called.traceId}-${called.id}-01`);
    expect([asked.service, otlp.reports.at(-1)?.host]).toEqual(["ambassador", otlp.service]);
  });

  it("goes on with the client's trace, under the gateway's service_name", async () => {
    const config = { service_name: "my-gateway", collector_hostname: "collector.example.com" };
    expect(await apply("opentelemetry", otlp, { config })).toEqual([]);
    const [traceId, spanId] = ["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"];
    const { asked } = await traced(gateway, otlp, { traceparent: `00-${traceId}-${spanId}-01` });
    expect(asked).toMatchObject({ traceId, parentId: spanId, service: "my-gateway" });
    expect(otlp.reports.at(-1)?.host).toBe("collector.example.com");
  });
});

describe("a TracingService with driver datadog", () => {
  it("gets both spans by msgpack, and the service Datadog's headers", async () => {
    expect(await apply("datadog", datadog)).toEqual([]);
    const { headers, asked, called } = await traced(gateway, datadog);
    expect([asked.parentId, called.traceId, asked.service]).toEqual([undefined, asked.traceId, "ambassador"]);
    expect(headers).toMatchObject({
      "x-datadog-trace-id": BigInt(`0x${called.traceId}`).toString(),
      "x-datadog-parent-id": BigInt(`0x${called.id}`).toString(),
    });
    const report = { path: "/v0.4/traces", host: datadog.service, contentType: "application/msgpack" };
    expect(datadog.reports).toContainEqual(report);
  });

  it("has the gateway's service_name and the ids in the access log's JSON", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-"));
    const envoy_log_path = path.join(directory, "access.log");
    const log = moduleOf({ envoy_log_path, envoy_log_type: "json" });
    const config = { service_name: "my-gateway", collector_hostname: "agent.example.com" };
    expect(await apply("datadog", datadog, { config }, log)).toEqual([]);
    const { headers, asked } = await traced(gateway, datadog);
    expect([asked.service, datadog.reports.at(-1)?.host]).toEqual(["my-gateway", "agent.example.com"]);
    const text = await eventually(
      "a line",
      () => fs.existsSync(envoy_log_path) && fs.readFileSync(envoy_log_path, "utf8"),
    );
    expect(JSON.parse(text.split("\n")[0] ?? "")).toMatchObject({
      method: "GET",
      "dd.trace_id": headers["x-datadog-trace-id"],
      "dd.span_id": headers["x-datadog-parent-id"],
    });
    fs.rmSync(directory, { recursive: true });
  });
});
