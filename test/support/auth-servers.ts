import type { IncomingHttpHeaders } from "node:http";
import type { Call } from "./grpc-server.ts";
import { CheckRequest, CheckResponse } from "../../xds/generated/envoy/service/auth/v3/external_auth.ts";
import { localServer, type LocalServerOptions } from "./backends.ts";
import { grpcServer, unary } from "./grpc-server.ts";

/** What an authorization service was asked. */
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Verdict {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string;
}

export interface HttpAuthServer {
  readonly port: number;
  /** Oldest first. */
  readonly asked: Asked[];
  /** What it answers from now on; by default everything is allowed. */
  verdict: (asked: Asked) => Verdict | Promise<Verdict>;
  close(): Promise<void>;
}

/** An authorization service by HTTP: 200 allows, anything else goes to the client. */
export async function httpAuthServer(options: LocalServerOptions = {}): Promise<HttpAuthServer> {
  const asked: Asked[] = [];
  const local = await localServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const question: Asked = { method, url, headers, body: Buffer.concat(chunks).toString() };
      asked.push(question);
      void Promise.resolve(server.verdict(question)).then(({ status, headers: answer = {}, body = "" }) => {
        response.writeHead(status, answer).end(body);
      });
    });
  }, options);
  const server: HttpAuthServer = {
    port: local.port,
    asked,
    verdict: () => ({ status: 200 }),
    close: () => local.close(),
  };
  return server;
}

export interface GrpcAuthServer {
  readonly port: number;
  readonly asked: CheckRequest[];
  /** `:authority` and metadata of each call. */
  readonly metadata: Readonly<Record<string, unknown>>[];
  verdict: (asked: CheckRequest) => CheckResponse;
  close(): void;
}

export const allowed: CheckResponse = { status: { code: 0 } };

const check = unary("/envoy.service.auth.v3.Authorization/Check", CheckRequest, CheckResponse);

/** An authorization service by gRPC, envoy.service.auth.v3. */
export async function grpcAuthServer(): Promise<GrpcAuthServer> {
  const asked: CheckRequest[] = [];
  const metadata: Readonly<Record<string, unknown>>[] = [];
  const { port, close } = await grpcServer(check, (call: Call<CheckRequest>) => {
    asked.push(call.request);
    metadata.push({ ...call.metadata.getMap(), ":authority": call.getHost() });
    return server.verdict(call.request);
  });
  const server: GrpcAuthServer = { port, asked, metadata, verdict: () => allowed, close };
  return server;
}
