/**
 * A stand-in for the agent of a web application firewall. It speaks what such agents speak, Envoy's ext_authz and its access log service,
 * and decides by one simple rule. Not for production: `WAF_LISTEN=127.0.0.1:9999 node integrations/waf/agent.ts`.
 * Each line that it prints is JSON: what it judged, and what it was told.
 */
import { randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";
import {
  type MethodDefinition,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerReadableStream,
  type ServerUnaryCall,
} from "@grpc/grpc-js";
import { CheckRequest, CheckResponse } from "../../xds/generated/envoy/service/auth/v3/external_auth.ts";
import {
  StreamAccessLogsMessage,
  StreamAccessLogsResponse,
} from "../../xds/generated/envoy/service/accesslog/v3/als.ts";
import { StatusCode } from "../../xds/generated/envoy/type/v3/http_status.ts";

export type AgentLine =
  | { readonly listening: string }
  | { readonly judged: string; readonly blocked: boolean; readonly path: string }
  /** What came of the request that it judged by that id; "" of one that it did not see. */
  | { readonly logged: string; readonly status: number; readonly path: string };

const requestIdHeader = "x-waf-request-id";
const permissionDenied = 7;
const injection = /\bunion\b.{1,40}\bselect\b|'\s*or\s+'?1'?\s*=\s*'?1/i;

/** A form's or a query's text, as far as it can be read. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

function judge(asked: CheckRequest, say: (line: AgentLine) => void): CheckResponse {
  const { path = "", body = "" } = asked.attributes?.request?.http ?? {};
  const id = randomUUID();
  const blocked = injection.test(decoded(path)) || injection.test(decoded(body));
  say({ judged: id, blocked, path });
  const header = { header: { key: requestIdHeader, value: id }, append: false };
  if (!blocked) {
    // It replaces one that a client has made up.
    return { status: { code: 0 }, httpResponse: { $case: "okResponse", value: { headers: [header] } } };
  }
  const value = { status: { code: StatusCode.NotAcceptable }, body: "blocked\n", headers: [header] };
  return { status: { code: permissionDenied }, httpResponse: { $case: "deniedResponse", value } };
}

function tell({ logEntries }: StreamAccessLogsMessage, say: (line: AgentLine) => void): void {
  if (logEntries?.$case !== "httpLogs") return;
  for (const { request, response } of logEntries.value.logEntry ?? []) {
    const id = request?.requestHeaders?.[requestIdHeader] ?? "";
    // A Mapping may rewrite the path; what the client asked for is what was judged.
    const path = request?.originalPath || request?.path || "";
    say({ logged: id, status: response?.responseCode ?? 0, path });
  }
}

interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
}

function method<Request, Response>(
  path: string,
  requestStream: boolean,
  request: Codec<Request>,
  response: Codec<Response>,
): MethodDefinition<Request, Response> {
  return {
    path,
    requestStream,
    responseStream: false,
    requestSerialize: (message) => Buffer.from(request.encode(message).finish()),
    requestDeserialize: (bytes) => request.decode(bytes),
    responseSerialize: (message) => Buffer.from(response.encode(message).finish()),
    responseDeserialize: (bytes) => response.decode(bytes),
  };
}

/** Resolves once it listens. */
async function startAgent(address: string, say: (line: AgentLine) => void): Promise<Server> {
  const server = new Server();
  const authorization = "/envoy.service.auth.v3.Authorization/Check";
  const logs = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs";
  server.addService(
    { check: method(authorization, false, CheckRequest, CheckResponse) },
    {
      check: (call: ServerUnaryCall<CheckRequest, CheckResponse>, done: sendUnaryData<CheckResponse>) =>
        done(null, judge(call.request, say)),
    },
  );
  server.addService(
    { stream: method(logs, true, StreamAccessLogsMessage, StreamAccessLogsResponse) },
    {
      stream: (call: ServerReadableStream<StreamAccessLogsMessage, StreamAccessLogsResponse>) => {
        call.on("data", (message: StreamAccessLogsMessage) => tell(message, say));
        call.on("error", () => undefined);
      },
    },
  );
  await new Promise<void>((done, fail) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error) => (error === null ? done() : fail(error)));
  });
  say({ listening: address });
  return server;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const server = await startAgent(process.env["WAF_LISTEN"] ?? "127.0.0.1:9999", (line) => {
    process.stdout.write(`${JSON.stringify(line)}\n`);
  });
  process.on("SIGTERM", () => server.tryShutdown(() => process.exit(0)));
}
