import { type MethodDefinition, Server, ServerCredentials, type ServerUnaryCall } from "@grpc/grpc-js";
import { readDescriptors } from "../../cli/assets.ts";
import { envoyRegistry, messageJson } from "../../xds/static/registry.ts";
import { localServer } from "./backends.ts";
import { unpack } from "./msgpack.ts";

/** A span, whatever protocol it came by. Ids are in hexadecimal digits. */
export interface ReportedSpan {
  readonly traceId: string;
  readonly id: string;
  /** undefined: it is the first of its trace. */
  readonly parentId: string | undefined;
  /** server or client. */
  readonly kind: string;
  /** Who reports it. */
  readonly service: string;
  readonly tags: Readonly<Record<string, string>>;
}

export interface Report {
  readonly path: string;
  /** The host that the call named. */
  readonly host: string;
  readonly contentType: string;
}

export interface SpanServer {
  readonly port: number;
  /** `127.0.0.1:PORT`, for a TracingService's service. */
  readonly service: string;
  /** Oldest first. */
  readonly spans: readonly ReportedSpan[];
  readonly reports: readonly Report[];
  close(): Promise<void>;
}

type Fields = Readonly<Record<string, unknown>>;

const registry = envoyRegistry(readDescriptors());

const hex = (base64: unknown) =>
  typeof base64 === "string" && base64 !== "" ? Buffer.from(base64, "base64").toString("hex") : undefined;

/** A server for spans by HTTP; `read` makes them of a body. */
async function httpServer(read: (body: Buffer, contentType: string) => readonly ReportedSpan[]): Promise<SpanServer> {
  const spans: ReportedSpan[] = [];
  const reports: Report[] = [];
  const local = await localServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { url: path = "", headers } = request;
      const contentType = headers["content-type"] ?? "";
      reports.push({ path, host: headers.host ?? "", contentType });
      if (chunks.length > 0) spans.push(...read(Buffer.concat(chunks), contentType));
      response.end("{}");
    });
  });
  return { port: local.port, service: `127.0.0.1:${local.port}`, spans, reports, close: () => local.close() };
}

interface ZipkinSpan {
  readonly traceId: string;
  readonly id: string;
  readonly parentId?: string;
  readonly kind?: string;
  readonly localEndpoint?: { readonly serviceName?: string };
  readonly tags?: Readonly<Record<string, string>>;
}

function zipkinSpan(span: ZipkinSpan): ReportedSpan {
  const { traceId, id, parentId, kind = "", localEndpoint, tags = {} } = span;
  return { traceId, id, parentId, kind: kind.toLowerCase(), service: localEndpoint?.serviceName ?? "", tags };
}

function zipkinSpans(body: Buffer, contentType: string): readonly ReportedSpan[] {
  if (contentType === "application/json") return (JSON.parse(body.toString()) as ZipkinSpan[]).map(zipkinSpan);
  const { spans = [] } = messageJson(registry, "zipkin.proto3.ListOfSpans", body) as { spans?: Fields[] };
  return spans.map((span) => {
    const endpoint = span["local_endpoint"] as { service_name?: string } | undefined;
    return {
      traceId: hex(span["trace_id"]) ?? "",
      id: hex(span["id"]) ?? "",
      parentId: hex(span["parent_id"]),
      kind: String(span["kind"]).toLowerCase(),
      service: endpoint?.service_name ?? "",
      tags: (span["tags"] ?? {}) as Record<string, string>,
    };
  });
}

/** Zipkin's second API, JSON and protobuf. */
export function zipkinServer(): Promise<SpanServer> {
  return httpServer(zipkinSpans);
}

function datadogSpans(body: Buffer, contentType: string): readonly ReportedSpan[] {
  if (contentType !== "application/msgpack") return [];
  const traces = unpack(body) as unknown as Fields[][];
  return traces.flat().map((span) => {
    const meta = (span["meta"] ?? {}) as Record<string, string>;
    const id = (key: string) => BigInt(span[key] as number | bigint).toString(16);
    return {
      traceId: id("trace_id"),
      id: id("span_id"),
      parentId: id("parent_id") === "0" ? undefined : id("parent_id"),
      kind: meta["span.kind"] ?? "",
      service: String(span["service"]),
      tags: meta,
    };
  });
}

/** A Datadog agent. */
export function datadogAgent(): Promise<SpanServer> {
  return httpServer(datadogSpans);
}

interface Attribute {
  readonly key: string;
  readonly value?: { readonly string_value?: string };
}

const attributes = (list: unknown) =>
  Object.fromEntries(((list ?? []) as Attribute[]).map(({ key, value }) => [key, value?.string_value ?? ""]));

interface ResourceSpans {
  readonly resource?: { readonly attributes?: Attribute[] };
  readonly scope_spans?: readonly { readonly spans?: readonly Fields[] }[];
}

function otlpSpans(body: Buffer): readonly ReportedSpan[] {
  const request = "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest";
  const { resource_spans = [] } = messageJson(registry, request, body) as unknown as {
    resource_spans?: readonly ResourceSpans[];
  };
  return resource_spans.flatMap(({ resource, scope_spans = [] }) =>
    scope_spans.flatMap(({ spans = [] }) =>
      spans.map((span) => ({
        traceId: hex(span["trace_id"]) ?? "",
        id: hex(span["span_id"]) ?? "",
        parentId: hex(span["parent_span_id"]),
        kind: String(span["kind"]).replace("SPAN_KIND_", "").toLowerCase(),
        service: attributes(resource?.attributes)["service.name"] ?? "",
        tags: attributes(span["attributes"]),
      })),
    ),
  );
}

const bytes = (value: Buffer) => value;

const exportSpans: MethodDefinition<Buffer, Buffer> = {
  path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
  requestStream: false,
  responseStream: false,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
};

/** A collector of OpenTelemetry, OTLP by gRPC. */
export async function otlpCollector(): Promise<SpanServer> {
  const spans: ReportedSpan[] = [];
  const reports: Report[] = [];
  const server = new Server();
  server.addService(
    { exportSpans },
    {
      exportSpans: (call: ServerUnaryCall<Buffer, Buffer>, answer: (error: null, value: Buffer) => void) => {
        reports.push({ path: exportSpans.path, host: call.getHost(), contentType: "application/grpc" });
        spans.push(...otlpSpans(call.request));
        answer(null, Buffer.alloc(0));
      },
    },
  );
  const port = await new Promise<number>((done, fail) => {
    server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, at) =>
      error === null ? done(at) : fail(error),
    );
  });
  const close = () => Promise.resolve(server.forceShutdown());
  return { port, service: `127.0.0.1:${port}`, spans, reports, close };
}
