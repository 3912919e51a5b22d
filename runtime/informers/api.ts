/** Requests to the API server with the identity of a KubeConfig. */

import { createHash } from "node:crypto";
import { request as httpRequest, Agent as HttpAgent } from "node:http";
import type { ClientRequest, IncomingMessage } from "node:http";
import { request as httpsRequest, Agent as HttpsAgent } from "node:https";
import type { AgentOptions, RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";
import { errorCode, errorText } from "../fatal.ts";
import { LineSplitter } from "./lines.ts";

export const mergePatch = "application/merge-patch+json";

export interface Api {
  /** Base URL of the API server, for messages. */
  readonly server: string;
  /** Resolves when the headers are there, whatever the status. Rejects with an Error when nothing came within `answerWithinMs`, or
   *  when as long a silence follows before the end of the body (a watch switches that off). */
  get(
    path: string,
    options: { readonly signal: AbortSignal; readonly answerWithinMs: number },
  ): Promise<IncomingMessage>;
  /** A JSON merge patch. As `get`. */
  patch(
    path: string,
    body: unknown,
    options: { readonly signal: AbortSignal; readonly answerWithinMs: number },
  ): Promise<IncomingMessage>;
  /** Any other request. As `get`; it may be sent twice where an idle connection was closed meanwhile. */
  send(
    request: ApiRequest,
    options: { readonly signal: AbortSignal; readonly answerWithinMs: number },
  ): Promise<IncomingMessage>;
  /** Closes the idle connections too. */
  close(): void;
}

export interface ApiRequest {
  readonly method: "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** Of the body. Default: application/json. */
  readonly contentType?: string;
  readonly body?: unknown;
}

/** A peer that vanished without a word (a node lost, a NAT that forgot us) is noticed by TCP itself: Node probes each second after
 *  this time and gives up after ten. */
const tcpKeepAliveMs = 10_000;

export function createApi(kubeConfig: KubeConfig): Api {
  const server = (kubeConfig.getCurrentCluster()?.server ?? "").replace(/\/+$/, "");
  const secure = server.startsWith("https:");
  /** The newest first. One before it stays for the watches that still run on it: Agent.destroy ends them. */
  let agents: readonly { readonly identity: string; readonly agent: HttpAgent }[] = [];

  // KubeConfig makes a new Agent per call, without keep-alive: a TLS handshake for each page of a list. Ours is kept as long as the
  // certificates are the same (their files may be renewed while we run); a proxy's agent is left as it is.
  function agentFor(options: RequestOptions): RequestOptions["agent"] {
    if (kubeConfig.getCurrentCluster()?.proxyUrl) return options.agent;
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const tls = { ca, cert, key, servername, rejectUnauthorized };
    const identity = createHash("sha256")
      .update(JSON.stringify([String(ca), String(cert), String(key), servername, rejectUnauthorized]))
      .digest("hex");
    const known = agents[0];
    if (known?.identity === identity) return known.agent;
    const keepAlive = { keepAlive: true, keepAliveMsecs: tcpKeepAliveMs, maxFreeSockets: 4 };
    const agent = secure ? new HttpsAgent({ ...withoutUndefined(tls), ...keepAlive }) : new HttpAgent(keepAlive);
    for (const { agent: old } of agents.slice(1)) old.destroy();
    agents = [{ identity, agent }, ...agents.slice(0, 1)];
    return agent;
  }

  async function requestOptions(): Promise<RequestOptions> {
    const options: RequestOptions = { headers: { accept: "application/json", "user-agent": "nuncio" } };
    try {
      // Each time: tokens expire and are renewed by a file, a command or OIDC.
      await kubeConfig.applyToHTTPSOptions(options);
      return { ...options, agent: agentFor(options) };
    } catch (error) {
      throw new Error(`the credentials of the kubeconfig cannot be had: ${errorText(error)}`);
    }
  }

  function send(
    url: URL,
    options: RequestOptions,
    signal: AbortSignal,
    answerWithinMs: number,
    body?: string,
  ): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const sent: ClientRequest = (secure ? httpsRequest : httpRequest)(url, { ...options, signal });
      sent.setTimeout(answerWithinMs, () => sent.destroy(new Error(`no answer within ${answerWithinMs / 1000} s`)));
      sent.on("socket", (socket) => socket.setKeepAlive(true, tcpKeepAliveMs));
      sent.on("response", resolve);
      sent.on("error", (error) => {
        // The server closed an idle connection at the moment we took it: nothing was done, so ask again on another.
        const closed = sent.reusedSocket && ["ECONNRESET", "EPIPE"].includes(errorCode(error) ?? "");
        if (closed && !signal.aborted) send(url, options, signal, answerWithinMs, body).then(resolve, reject);
        else reject(error);
      });
      sent.end(body);
    });
  }

  const write: Api["send"] = async (request, { signal, answerWithinMs }) => {
    const { method, path, contentType = "application/json", body } = request;
    const options = await requestOptions();
    const headers = { ...options.headers, "content-type": contentType };
    const text = body === undefined ? undefined : JSON.stringify(body);
    return send(new URL(server + path), { ...options, method, headers }, signal, answerWithinMs, text);
  };

  return {
    server,
    get: async (path, { signal, answerWithinMs }) =>
      send(new URL(server + path), await requestOptions(), signal, answerWithinMs),
    patch: (path, body, options) => write({ method: "PATCH", path, contentType: mergePatch, body }, options),
    send: write,
    close: () => agents.forEach(({ agent }) => agent.destroy()),
  };
}

/** Agents take a property that is there, even if undefined, over the global default (NODE_TLS_REJECT_UNAUTHORIZED). */
function withoutUndefined(options: AgentOptions): AgentOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** closed: the server ended it. lost: the connection broke. quiet: nothing came for a while. silent: it stayed open beyond the time
 *  that it was asked for. */
export type StreamEnd = "closed" | "lost" | "quiet" | "silent";

/** Hands over line by line, in order, and resolves with how it ended or with the first thing that `onLine` returned or gave to `stop`. */
export function readLines<Stop>(
  response: IncomingMessage,
  {
    onLine,
    setTimer,
    quietMs,
    endWithinMs,
  }: {
    readonly onLine: (line: string, stop: (end: Stop) => void) => Stop | undefined;
    readonly setTimer: (delayMs: number, action: () => void) => () => void;
    readonly quietMs: number;
    readonly endWithinMs: number;
  },
): Promise<StreamEnd | Stop> {
  return new Promise((resolve) => {
    const lines = new LineSplitter();
    let over = false;
    const finish = (end: StreamEnd | Stop): void => {
      if (over) return;
      over = true;
      cancelGuard();
      cancelQuiet();
      resolve(end);
      if (end !== "closed") response.destroy();
    };
    const cancelGuard = setTimer(endWithinMs, () => finish("silent"));
    const listen = () => setTimer(quietMs, () => finish("quiet"));
    let cancelQuiet = listen();
    response.on("error", () => finish("lost"));
    response.on("end", () => finish("closed"));
    response.on("close", () => finish("lost"));
    response.on("data", (chunk: Buffer) => {
      if (over) return;
      cancelQuiet();
      cancelQuiet = listen();
      for (const line of lines.push(chunk)) {
        if (over) return;
        const stop = onLine(line, finish);
        if (stop !== undefined) return finish(stop);
      }
    });
  });
}
