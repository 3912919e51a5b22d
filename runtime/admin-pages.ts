import type http from "node:http";
import type { PageAnswer } from "./diagnostics/diagnostics.ts";
import type { Readiness } from "./readiness.ts";

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Alive: this process answers. Whether Envoy has what it needs is readiness; a restart would not bring that sooner. */
const probes: ReadonlyMap<string, (readiness: Readiness) => Answer> = new Map<string, (readiness: Readiness) => Answer>(
  [
    ["/healthz", () => ok("ok")],
    ["/readyz", (readiness) => (readiness.ready ? ok("ready") : unavailable(`not ready: ${readiness.reason}`))],
    // Emissary's paths and texts: probes and load balancers are configured with them.
    ["/ambassador/v0/check_alive", () => ok("Ambassador is alive and well")],
    [
      "/ambassador/v0/check_ready",
      (readiness) => (readiness.ready ? ok("Ambassador is ready and waiting") : unavailable("Ambassador is not ready")),
    ],
  ],
);

/** The answer to a probe, by its path; undefined for any other path. */
export function probeAt(pathname: string): ((readiness: Readiness) => Answer) | undefined {
  return probes.get(pathname);
}

export function ok(text: string): Answer {
  return { status: 200, text: `${text}\n` };
}

export function unavailable(text: string): Answer {
  return { status: 503, text: `${text}\n` };
}

/** Of what every request of this port is: a GET or HEAD without a body. @returns whether it was refused, and answered so */
export function isRefused(request: http.IncomingMessage, response: http.ServerResponse): boolean {
  if (request.method !== "GET" && request.method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    sendText(request, response, { status: 405, text: "only GET and HEAD\n" });
    return true;
  }
  if (!hasBody(request)) return false;
  sendText(request, response, { status: 413, text: "send no body\n" });
  return true;
}

function hasBody({ headers }: http.IncomingMessage): boolean {
  return (
    headers["transfer-encoding"] !== undefined ||
    (headers["content-length"] !== undefined && headers["content-length"] !== "0")
  );
}

export function sendText(request: http.IncomingMessage, response: http.ServerResponse, { status, text }: Answer): void {
  send(request, response, { status, contentType: "text/plain; charset=utf-8", body: text });
}

export function send(
  request: http.IncomingMessage,
  response: http.ServerResponse,
  { status, contentType, body }: PageAnswer,
): void {
  // What is not read must not be taken for the next request.
  if (hasBody(request)) response.setHeader("connection", "close");
  response.statusCode = status;
  response.setHeader("cache-control", "no-store");
  response.setHeader("x-content-type-options", "nosniff");
  response.setHeader("content-type", contentType);
  // Pages load nothing, and no other site shows them in a frame.
  response.setHeader(
    "content-security-policy",
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
  );
  response.setHeader("content-length", Buffer.byteLength(body));
  response.end(request.method === "HEAD" ? undefined : body);
}
