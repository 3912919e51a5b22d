import http from "node:http";
import { pipeline } from "node:stream/promises";
import { isRefused, probeAt, sendText, unavailable } from "./admin-pages.ts";
import { type AdminPlace, type AdminServer, openAdminPort } from "./admin-port.ts";
import type { Log } from "./log.ts";
import type { Readiness } from "./readiness.ts";

export interface AdminFrontOptions {
  readonly at: AdminPlace;
  readonly readiness: () => Readiness;
  /** Where the control plane answers everything but probes. */
  readonly controlSocketPath: string;
  readonly log: Log;
}

/** As long as the control plane may take for all of its answer: /metrics waits for Envoy's statistics. */
const answerTimeoutMs = 30_000;

/** The admin port of a gateway. It outlives the control plane: probes that failed with it would have Kubernetes take a Pod out of
 *  its Service, and then end it, whose Envoy serves as before. Whatever needs the control plane is passed on to it. */
export function startAdminFront({ at, readiness, controlSocketPath, log }: AdminFrontOptions): Promise<AdminServer> {
  return openAdminPort(
    at,
    async (request, response) => {
      const probe = probeAt((request.url ?? "/").split("?", 1)[0] ?? "/");
      if (isRefused(request, response)) return;
      if (probe !== undefined) return sendText(request, response, probe(readiness()));
      await passOn(request, response, controlSocketPath);
    },
    log,
  );
}

async function passOn(request: http.IncomingMessage, response: http.ServerResponse, socketPath: string): Promise<void> {
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const answer = await ask(request, socketPath, AbortSignal.any([gone.signal, AbortSignal.timeout(answerTimeoutMs)]));
  if (answer === undefined)
    return sendText(request, response, unavailable("the control plane does not answer; it may be starting: try again"));
  const { connection: _hop, "keep-alive": _pace, "transfer-encoding": _framing, ...headers } = answer.headers;
  response.writeHead(answer.statusCode ?? 502, headers);
  await pipeline(answer, response);
}

/** undefined: nobody answers. */
function ask(
  { method, url, headers }: http.IncomingMessage,
  socketPath: string,
  signal: AbortSignal,
): Promise<http.IncomingMessage | undefined> {
  return new Promise((resolve) => {
    const options = { socketPath, method, path: url, headers: { host: headers.host ?? "" }, agent: false, signal };
    http
      .request(options)
      .on("response", resolve)
      .on("error", () => resolve(undefined))
      .end();
  });
}
