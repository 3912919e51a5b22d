import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { RequestOptions } from "node:https";
import type { ConsulService } from "../discovery/consul.ts";
import { type ConsulAddress, fillVariables, parseConsulAddress } from "../ir/consul-address.ts";
import type { ConsulSettings } from "./consul-settings.ts";
import { errorText } from "./fatal.ts";
import type { Environment } from "./settings.ts";

export interface ConsulAnswer {
  /** The header X-Consul-Index. */
  readonly index: string | undefined;
  /** What stands in the JSON. */
  readonly body: unknown;
}

export interface ConsulClient {
  /** The healthy instances: at once with index 0, otherwise when something newer is known or some time has passed. Rejects with what went wrong. */
  health(service: ConsulService, index: number, signal: AbortSignal): Promise<ConsulAnswer>;
}

const DEFAULT_ADDRESS = "127.0.0.1:8500";
/** How long Consul may hold an answer back; it adds up to a sixteenth. Short enough to notice one that is gone without a word. */
const WAIT_SECONDS = 60;
const ANSWER_MS = 10_000;
const HELD_MS = WAIT_SECONDS * 1000 * (1 + 1 / 16) + ANSWER_MS;
const TCP_KEEP_ALIVE_MS = 10_000;
/** Longer answers are not Consul's. */
const MAX_BYTES = 64 * 1024 * 1024;

export function consulClient(settings: ConsulSettings, env: Environment): ConsulClient {
  return {
    async health(service, index, signal) {
      const address = addressOf(service.address ?? settings.address ?? DEFAULT_ADDRESS, env);
      const query = new URLSearchParams({ passing: "1", dc: service.datacenter });
      if (index > 0) {
        query.set("index", String(index));
        query.set("wait", `${WAIT_SECONDS}s`);
      }
      if (settings.namespace !== undefined) query.set("ns", settings.namespace);
      if (settings.partition !== undefined) query.set("partition", settings.partition);
      const path = `/v1/health/service/${encodeURIComponent(service.service)}?${query.toString()}`;
      const isTls = address.kind === "tcp" && (address.tls ?? settings.tls);
      const options: RequestOptions = {
        path,
        signal,
        // A connection for each query, which Consul holds for long anyway.
        agent: false,
        headers: headersOf(settings),
        ...(address.kind === "unix"
          ? { socketPath: address.path }
          : { host: address.host, port: portOf(address, isTls) }),
        ...(isTls ? tlsOf(settings) : {}),
      };
      const response = await send(isTls, options, index > 0 ? HELD_MS : ANSWER_MS);
      const text = await textOf(response);
      const { statusCode = 0 } = response;
      if (statusCode !== 200) throw new Error(`it answered ${statusCode}: ${firstLine(text)}`);
      const header = response.headers["x-consul-index"];
      try {
        return { index: Array.isArray(header) ? header[0] : header, body: JSON.parse(text) as unknown };
      } catch {
        throw new Error("its answer is not JSON");
      }
    },
  };
}

function addressOf(written: string, env: Environment): ConsulAddress {
  const filled = fillVariables(written, env);
  if ("missing" in filled)
    throw new Error(
      `its address ${JSON.stringify(written)} has variables that are not set: ${filled.missing.join(", ")}`,
    );
  const address = parseConsulAddress(filled.text);
  if (address === undefined) throw new Error(`${JSON.stringify(filled.text)} is not an address`);
  return address;
}

/** CONSUL_HTTP_SSL moves the port of an address that names none. */
function portOf(address: Extract<ConsulAddress, { kind: "tcp" }>, isTls: boolean): number {
  return isTls && address.tls === undefined && address.port === 80 ? 443 : address.port;
}

function reveal(secret: { reveal(): Uint8Array }): string {
  return Buffer.from(secret.reveal()).toString();
}

function headersOf({ token, tokenFile, basicAuth }: ConsulSettings): Record<string, string> {
  const fromFile = tokenFile === undefined ? "" : readFileSync(tokenFile, "utf8").trim();
  const value = fromFile !== "" ? fromFile : token === undefined ? undefined : reveal(token);
  return {
    accept: "application/json",
    "user-agent": "nuncio",
    ...(value === undefined ? {} : { "x-consul-token": value }),
    ...(basicAuth === undefined
      ? {}
      : { authorization: `Basic ${Buffer.from(basicAuth.reveal()).toString("base64")}` }),
  };
}

/** Each time anew: certificates are renewed while we run. */
function tlsOf({ verify, serverName, caFile, certificateFile, keyFile }: ConsulSettings): RequestOptions {
  return {
    rejectUnauthorized: verify,
    ...(serverName === undefined ? {} : { servername: serverName }),
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certificateFile === undefined ? {} : { cert: readFileSync(certificateFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
  };
}

function send(isTls: boolean, options: RequestOptions, withinMs: number): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const sent = (isTls ? httpsRequest : httpRequest)(options, resolve);
    sent.setTimeout(withinMs, () => sent.destroy(new Error(`no answer within ${Math.round(withinMs / 1000)} s`)));
    sent.on("socket", (socket) => socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS));
    sent.on("error", (error: NodeJS.ErrnoException & { errors?: readonly unknown[] }) => {
      // Of several addresses Node tells only that all failed.
      const [first] = error.errors ?? [];
      reject(error.message === "" && first !== undefined ? new Error(errorText(first)) : error);
    });
    sent.end();
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) {
      response.destroy();
      throw new Error("its answer is longer than any of Consul's");
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function firstLine(text: string): string {
  const line = text.trim().split("\n", 1)[0] ?? "";
  return line === "" ? "(nothing more)" : line.slice(0, 200);
}
