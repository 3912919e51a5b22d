import { type MethodDefinition, Server, ServerCredentials, type ServerReadableStream } from "@grpc/grpc-js";
import type { HTTPAccessLogEntry, TCPAccessLogEntry } from "../../xds/generated/envoy/data/accesslog/v3/accesslog.ts";
import {
  StreamAccessLogsMessage,
  StreamAccessLogsResponse,
} from "../../xds/generated/envoy/service/accesslog/v3/als.ts";

/** What one sender, by its log name, has told so far; oldest first. */
export interface LoggedEntries {
  readonly http: readonly HTTPAccessLogEntry[];
  readonly tcp: readonly TCPAccessLogEntry[];
}

export interface LogServer {
  readonly port: number;
  /** `127.0.0.1:PORT`, for a LogService's service. */
  readonly service: string;
  entries(logName: string): LoggedEntries;
  /** `:authority` of each stream. */
  readonly authorities: readonly string[];
  close(): void;
}

const streamAccessLogs: MethodDefinition<StreamAccessLogsMessage, StreamAccessLogsResponse> = {
  path: "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs",
  requestStream: true,
  responseStream: false,
  requestSerialize: (message) => Buffer.from(StreamAccessLogsMessage.encode(message).finish()),
  requestDeserialize: (bytes) => StreamAccessLogsMessage.decode(bytes),
  responseSerialize: (message) => Buffer.from(StreamAccessLogsResponse.encode(message).finish()),
  responseDeserialize: (bytes) => StreamAccessLogsResponse.decode(bytes),
};

/** A service of Envoy's access log protocol, envoy.service.accesslog.v3, that remembers what it got. */
export async function logServer(port = 0): Promise<LogServer> {
  const byName = new Map<string, { http: HTTPAccessLogEntry[]; tcp: TCPAccessLogEntry[] }>();
  const authorities: string[] = [];
  const of = (name: string) => {
    const known = byName.get(name) ?? { http: [], tcp: [] };
    byName.set(name, known);
    return known;
  };
  const read = (call: ServerReadableStream<StreamAccessLogsMessage, StreamAccessLogsResponse>) => {
    authorities.push(call.getHost());
    // Only a stream's first message says whose it is.
    let sender = of("");
    call.on("data", ({ identifier, logEntries }: StreamAccessLogsMessage) => {
      if (identifier !== undefined) sender = of(identifier.logName ?? "");
      if (logEntries?.$case === "httpLogs") sender.http.push(...(logEntries.value.logEntry ?? []));
      if (logEntries?.$case === "tcpLogs") sender.tcp.push(...(logEntries.value.logEntry ?? []));
    });
    call.on("error", () => undefined);
  };
  const server = new Server();
  server.addService({ streamAccessLogs }, { streamAccessLogs: read });
  const bound = await new Promise<number>((done, fail) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, at) =>
      error === null ? done(at) : fail(error),
    );
  });
  return {
    port: bound,
    service: `127.0.0.1:${bound}`,
    entries: of,
    authorities,
    close: () => server.forceShutdown(),
  };
}
