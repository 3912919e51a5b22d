import type http from "node:http";
import type { Writable } from "node:stream";
import { isRefused, ok, probeAt, send, sendText } from "./admin-pages.ts";
import { type AdminPlace, type AdminServer, openAdminPort } from "./admin-port.ts";
import type { DiagnosticsPage } from "./diagnostics/diagnostics.ts";
import type { Log } from "./log.ts";
import type { Readiness } from "./readiness.ts";

export interface AdminServerOptions {
  readonly at: AdminPlace;
  readonly readiness: () => Readiness;
  /** What /proxies shows, as JSON. */
  readonly report?: () => unknown;
  readonly metrics: { readonly contentType: string; write(to: Writable, signal: AbortSignal): Promise<void> };
  /** Emissary's diagnostics; without it there are none. */
  readonly diagnostics?: Pick<DiagnosticsPage, "answer">;
  readonly log: Log;
}

const diagnosticsPath = /^\/ambassador\/v0\/diag\/?$/;

/** Probes, metrics and reports: nothing secret, nothing that changes anything. A FatalError when the port is taken. */
export function startAdminServer(options: AdminServerOptions): Promise<AdminServer> {
  return openAdminPort(options.at, (request, response) => answer(request, response, options), options.log);
}

async function answer(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  options: AdminServerOptions,
): Promise<void> {
  const [pathname = "/", query = ""] = (request.url ?? "/").split("?", 2);
  const page = pageAt(pathname, query, options);
  if (page === undefined)
    return sendText(request, response, { status: 404, text: "not found; try /healthz, /readyz or /metrics\n" });
  if (isRefused(request, response)) return;
  await page(request, response);
}

type Page = (request: http.IncomingMessage, response: http.ServerResponse) => void | Promise<void>;

function pageAt(pathname: string, query: string, options: AdminServerOptions): Page | undefined {
  const { readiness, report, diagnostics, metrics } = options;
  const probe = probeAt(pathname);
  if (probe !== undefined) return (...exchange) => sendText(...exchange, probe(readiness()));
  if (pathname === "/proxies" && report !== undefined)
    return (...exchange) => sendText(...exchange, ok(JSON.stringify(report())));
  if (diagnostics !== undefined && diagnosticsPath.test(pathname))
    return (...exchange) => send(...exchange, diagnostics.answer(new URLSearchParams(query)));
  return pathname === "/metrics" ? (...exchange) => writeMetrics(...exchange, metrics) : undefined;
}

async function writeMetrics(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  metrics: AdminServerOptions["metrics"],
): Promise<void> {
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("content-type", metrics.contentType);
  if (request.method === "HEAD") return void response.end();
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  await metrics.write(response, gone.signal);
  response.end();
}
