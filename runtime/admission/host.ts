import type { IncomingMessage, ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { conversionPath as CONVERT } from "../../capabilities/webhook.ts";
import { limitConnections } from "../connection-limit.ts";
import { errorCode, errorText, FatalError } from "../fatal.ts";
import type { Log } from "../log.ts";
import type { KeyPair } from "./key-pair.ts";
import { answerConversion } from "./conversion.ts";
import { type AdmissionRequest, type Answer, readReview, writeReview } from "./review.ts";

export interface HostOptions {
  /** 0: any free port, for tests. */
  readonly port: number;
  readonly pair: Pick<KeyPair, "cert" | "key">;
  /** Undefined: no verdict, by a fault of ours; the webhook's failurePolicy decides. */
  readonly validate: (request: AdmissionRequest) => Promise<Answer | undefined>;
  /** What is to be changed of an object; without it nobody may ask. */
  readonly mutate?: (request: AdmissionRequest) => Promise<Answer>;
  /** Objects that were converted to another version, or 0 and why not. */
  readonly onConverted?: (objects: number, failure: string | undefined) => void;
  readonly log: Log;
  /** Of one review. An object has at most 1.5 MiB (etcd) and a review of an update two of them. Default 8 MiB. */
  readonly maxBodyBytes?: number;
  /** Of one conversion: a whole list, 10,000 objects when the API server fills its watch cache. Default 64 MiB. */
  readonly maxConversionBytes?: number;
  /** Of all reviews that are being read or judged. Default 128 MiB. */
  readonly maxHeldBytes?: number;
}

export interface Host {
  readonly port: number;
  /** New connections get this one. */
  setKeyPair(pair: Pick<KeyPair, "cert" | "key">): void;
  /** Takes no new connections, and resolves when the reviews under way are answered. */
  close(): Promise<void>;
}

const MIB = 1024 * 1024;

/** The API server waits no longer for an answer. */
const CLOSE_WITHIN_MS = 5000;

/** The API server's side of the admission process: POST /validate and /webhooks/crd-convert, GET /healthz, by HTTPS. A FatalError when the port is taken. */
export async function startHost(options: HostOptions): Promise<Host> {
  const { port, pair, validate, log, maxBodyBytes = 8 * MIB, maxHeldBytes = 128 * MIB } = options;
  const { maxConversionBytes = 64 * MIB, onConverted = () => undefined, mutate } = options;
  let heldBytes = 0;

  const server = https.createServer(
    {
      cert: pair.cert,
      key: pair.key,
      minVersion: "TLSv1.2",
      maxHeaderSize: 16_384,
      headersTimeout: 5000,
      requestTimeout: 10_000,
      // Longer than the 90 s after which the API server's client closes idle connections: whoever closes first may lose a request.
      keepAliveTimeout: 120_000,
      connectionsCheckingInterval: 2000,
      handshakeTimeout: 5000,
    },
    (request, response) => {
      answer(request, response).catch((error: unknown) => {
        // A client that went away is its own affair.
        if (!response.destroyed) log.error("answering an admission review failed", { reason: errorText(error) });
        if (response.headersSent) response.destroy();
        else send(request, response, { status: 500, text: "failed; see the log of nuncio admission\n" });
      });
    },
  );
  limitConnections(server, 1024);
  // Scanners and clients that do not trust the certificate.
  server.on("tlsClientError", (error) => log.debug("TLS handshake failed", { reason: error.message }));

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader("cache-control", "no-store");
    const pathname = (request.url ?? "/").replace(/\?.*$/, "");
    const method = methods[pathname];
    if (method === undefined)
      return send(request, response, {
        status: 404,
        text: `not found; POST /validate or ${CONVERT}, or GET /healthz\n`,
      });
    if (!method.includes(request.method ?? "")) {
      response.setHeader("allow", method.join(", "));
      return send(request, response, { status: 405, text: `only ${method.join(" and ")}\n` });
    }
    if (pathname === "/healthz") return send(request, response, { status: 200, text: "ok\n" });
    if (pathname === CONVERT) return conversion(request, response);
    await review(request, response, pathname === "/mutate" ? (mutate ?? unchanged) : validate);
  }

  async function conversion(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request, maxConversionBytes);
    if (body.kind === "refused") return send(request, response, body);
    try {
      const answered = answerConversion(body.text);
      if (!answered.ok) {
        log.warn(`a request to ${CONVERT} is not a conversion review`, { reason: answered.message });
        return send(request, response, { status: 400, text: `${answered.message}\n` });
      }
      const { text, converted, failure } = answered;
      if (failure !== undefined) log.warn(failure);
      onConverted(converted, failure);
      send(request, response, { status: 200, text, type: "application/json" });
    } finally {
      heldBytes -= body.bytes;
    }
  }

  async function review(
    request: IncomingMessage,
    response: ServerResponse,
    judge: HostOptions["validate"],
  ): Promise<void> {
    const body = await readBody(request, maxBodyBytes);
    if (body.kind === "refused") return send(request, response, body);
    try {
      const read = readReview(body.text);
      if (!read.ok) {
        log.warn("a request is not an admission review", { reason: read.message });
        return send(request, response, { status: 400, text: `${read.message}\n` });
      }
      const verdict = await judge(read.request);
      if (verdict === undefined)
        return send(request, response, { status: 500, text: "failed; see the log of nuncio admission\n" });
      const text = writeReview(read.request.uid, verdict);
      send(request, response, { status: 200, text, type: "application/json" });
    } finally {
      heldBytes -= body.bytes;
    }
  }

  /** Counts the bytes of a body that it returns as held. */
  async function readBody(request: IncomingMessage, mostBytes: number): Promise<Body> {
    const tooLarge: Refused = { kind: "refused", status: 413, text: `the body is larger than ${mostBytes} bytes\n` };
    if (Number(request.headers["content-length"] ?? 0) > mostBytes) return tooLarge;
    const chunks: Buffer[] = [];
    let bytes = 0;
    const refuse = (refused: Refused): Refused => {
      heldBytes -= bytes;
      return refused;
    };
    try {
      for await (const chunk of request) {
        const buffer = chunk as Buffer;
        bytes += buffer.length;
        heldBytes += buffer.length;
        if (bytes > mostBytes) return refuse(tooLarge);
        if (heldBytes > maxHeldBytes)
          return refuse({ kind: "refused", status: 503, text: "too many reviews at once\n" });
        chunks.push(buffer);
      }
    } catch (error) {
      refuse(tooLarge);
      throw error; // the client went away, or took too long
    }
    return { kind: "read", text: Buffer.concat(chunks).toString("utf8"), bytes };
  }

  await listen(server, port);
  server.on("error", (error) => log.warn("admission port", { reason: error.message }));
  return {
    port: (server.address() as AddressInfo).port,
    setKeyPair: ({ cert, key }) => server.setSecureContext({ cert, key, minVersion: "TLSv1.2" }),
    close: () =>
      new Promise((resolve) => {
        // A connection that still waits for its answer is closed after it.
        const sweep = setInterval(() => server.closeIdleConnections(), 50);
        const cut = setTimeout(() => server.closeAllConnections(), CLOSE_WITHIN_MS);
        server.close(() => {
          clearInterval(sweep);
          clearTimeout(cut);
          resolve();
        });
      }),
  };
}

const methods: Readonly<Record<string, readonly string[] | undefined>> = {
  "/validate": ["POST"],
  "/mutate": ["POST"],
  [CONVERT]: ["POST"],
  "/healthz": ["GET", "HEAD"],
};

/** Of a process without --mutate, whose MutatingWebhookConfiguration is there all the same. */
function unchanged(): Promise<Answer> {
  return Promise.resolve({ allowed: true });
}

interface Refused {
  readonly kind: "refused";
  readonly status: number;
  readonly text: string;
}

type Body = Refused | { readonly kind: "read"; readonly text: string; readonly bytes: number };

interface Reply {
  readonly status: number;
  readonly text: string;
  readonly type?: string;
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  { status, text, type = "text/plain; charset=utf-8" }: Reply,
): void {
  // What was not read must not be taken for the next request.
  if (!request.complete) response.setHeader("connection", "close");
  response.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(text) });
  response.end(request.method === "HEAD" ? undefined : text);
}

function listen(server: https.Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: Error) => reject(new FatalError(listenAdvice(errorCode(error), port) ?? error.message));
    server.once("error", refuse);
    // Without an address: IPv6 and IPv4.
    server.listen({ port }, () => {
      server.off("error", refuse);
      resolve();
    });
  });
}

function listenAdvice(code: string | undefined, port: number): string | undefined {
  if (code === "EADDRINUSE")
    return `the admission port ${port} is held by another process; end that one, or choose another port with --port`;
  if (code === "EACCES")
    return `the admission port ${port} may not be bound by this user; choose one from 1024 up with --port`;
  return undefined;
}
