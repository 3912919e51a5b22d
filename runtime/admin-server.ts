import http from "node:http";
import type { AddressInfo } from "node:net";
import type { Writable } from "node:stream";
import { errorCode, errorText, FatalError } from "./fatal.ts";
import { limitConnections } from "./connection-limit.ts";
import type { DiagnosticsPage, PageAnswer } from "./diagnostics/diagnostics.ts";
import type { Log } from "./log.ts";

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

export interface AdminServerOptions {
  /** 0.0.0.0 in a cluster, for kubelet's probes; 127.0.0.1 standalone. */
  readonly address: string;
  /** 0: any free port, for tests. */
  readonly port: number;
  readonly readiness: () => Readiness;
  /** What /proxies shows, as JSON. */
  readonly report?: () => unknown;
  readonly metrics: { readonly contentType: string; write(to: Writable, signal: AbortSignal): Promise<void> };
  /** Emissary's diagnostics; without it there are none. */
  readonly diagnostics?: Pick<DiagnosticsPage, "answer">;
  readonly log: Log;
}

export interface AdminServer {
  readonly port: number;
  /** Open connections are cut. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

const diagnosticsPath = /^\/ambassador\/v0\/diag\/?$/;

/** The control plane's own port: probes and metrics, nothing secret, nothing that changes anything. A FatalError when the port is taken. */
export async function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  const { address, port, log } = options;
  // Headers of at most 8 KiB, whole requests within 10 s: this port is reachable from outside of the Pod.
  const limits = {
    maxHeaderSize: 8192,
    headersTimeout: 5000,
    requestTimeout: 10_000,
    keepAliveTimeout: 5000,
    connectionsCheckingInterval: 5000,
  };
  const server = http.createServer(limits, (request, response) => {
    answer(request, response, options).catch((error: unknown) => {
      // A reader that went away is its own affair.
      if (!response.destroyed)
        log.warn("a request to the admin port failed", { path: request.url, reason: errorText(error) });
      response.destroy();
    });
  });
  limitConnections(server, 256);
  // A client that does not read what it asked for.
  server.timeout = 30_000;
  await listen(server, address, port);
  server.on("error", (error) => log.warn("admin port", { reason: error.message }));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: http.Server, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) =>
      reject(new FatalError(listenAdvice(errorCode(error), address, port) ?? error.message));
    server.once("error", refuse);
    server.listen({ host: address, port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}

function listenAdvice(code: string | undefined, address: string, port: number): string | undefined {
  const what = `the admin port ${port} (/healthz, /readyz, /metrics)`;
  if (code === "EADDRINUSE")
    return `${what} is held by another process; end that one, or choose another port with --admin-port`;
  if (code === "EACCES") return `${what} may not be bound by this user; choose one from 1024 up with --admin-port`;
  if (code === "EADDRNOTAVAIL")
    return `${what} cannot be bound: ${address} is no address of this machine; see AMBASSADOR_HEALTHCHECK_BIND_ADDRESS`;
  return undefined;
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  options: AdminServerOptions,
): Promise<void> {
  const [pathname = "/", query = ""] = (request.url ?? "/").split("?", 2);
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  const isMetrics = pathname === "/metrics";
  const diagnostics = diagnosticsPath.test(pathname) ? options.diagnostics : undefined;
  const page = isMetrics ? undefined : pageAt(pathname, options);
  if (!isMetrics && page === undefined && diagnostics === undefined)
    return sendText(request, response, { status: 404, text: "not found; try /healthz, /readyz or /metrics\n" });
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    return sendText(request, response, { status: 405, text: "only GET and HEAD\n" });
  }
  if (hasBody(request)) return sendText(request, response, { status: 413, text: "send no body\n" });
  if (page !== undefined) return sendText(request, response, page(options.readiness()));
  if (diagnostics !== undefined) return send(request, response, diagnostics.answer(new URLSearchParams(query)));
  response.setHeader("content-type", options.metrics.contentType);
  if (request.method === "HEAD") return void response.end();
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  await options.metrics.write(response, gone.signal);
  response.end();
}

/** Alive: this process answers. Whether Envoy has what it needs is readiness; a restart would not bring that sooner. */
const pages: ReadonlyMap<string, (readiness: Readiness) => Answer> = new Map<string, (readiness: Readiness) => Answer>([
  ["/healthz", () => ok("ok")],
  ["/readyz", (readiness) => (readiness.ready ? ok("ready") : unavailable(`not ready: ${readiness.reason}`))],
  // Emissary's paths and texts: probes and load balancers are configured with them.
  ["/ambassador/v0/check_alive", () => ok("Ambassador is alive and well")],
  [
    "/ambassador/v0/check_ready",
    (readiness) => (readiness.ready ? ok("Ambassador is ready and waiting") : unavailable("Ambassador is not ready")),
  ],
]);

function pageAt(pathname: string, { report }: AdminServerOptions): ((readiness: Readiness) => Answer) | undefined {
  if (pathname !== "/proxies" || report === undefined) return pages.get(pathname);
  return () => ok(JSON.stringify(report()));
}

function ok(text: string): Answer {
  return { status: 200, text: `${text}\n` };
}

function unavailable(text: string): Answer {
  return { status: 503, text: `${text}\n` };
}

function hasBody({ headers }: http.IncomingMessage): boolean {
  return (
    headers["transfer-encoding"] !== undefined ||
    (headers["content-length"] !== undefined && headers["content-length"] !== "0")
  );
}

function sendText(request: http.IncomingMessage, response: http.ServerResponse, { status, text }: Answer): void {
  send(request, response, { status, contentType: "text/plain; charset=utf-8", body: text });
}

function send(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { status, contentType, body }: PageAnswer,
): void {
  // What is not read must not be taken for the next request.
  if (hasBody(request)) response.setHeader("connection", "close");
  response.statusCode = status;
  response.setHeader("content-type", contentType);
  // Pages load nothing, and no other site shows them in a frame.
  response.setHeader(
    "content-security-policy",
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  );
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(request.method === "HEAD" ? undefined : body);
}
