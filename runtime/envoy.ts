import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import http from "node:http";
import readline from "node:readline";
import { sleep } from "./clock.ts";
import type { Clock } from "./clock.ts";
import { envoyLogFormat } from "./envoy-log.ts";
import type { EnvoyLogReader } from "./envoy-log.ts";
import type { EnvoyLogLevel } from "./settings.ts";

export interface EnvoyOptions {
  readonly envoyPath: string;
  readonly bootstrapPath: string;
  readonly logLevel: EnvoyLogLevel;
  /** How long removed listeners and, in a drain, all connections live on. */
  readonly drainTimeMs: number;
  readonly concurrency: number | undefined;
}

export function envoyArguments({ bootstrapPath, logLevel, drainTimeMs, concurrency }: EnvoyOptions): readonly string[] {
  const drainSeconds = Math.ceil(drainTimeMs / 1000);
  return [
    ...["-c", bootstrapPath],
    // With a base id a second Envoy cannot start for as long as an orphan lives.
    "--disable-hot-restart",
    // Measured: 40 % less CPU per route in a change. We encode from this Envoy's own descriptors.
    "--ignore-unknown-dynamic-fields",
    ...["--drain-time-s", String(drainSeconds)],
    // The access log is written at least this often; Envoy's 10 s leave a person at the terminal wondering.
    ...["--file-flush-interval-msec", "1000"],
    ...["-l", logLevel],
    ...["--log-format", envoyLogFormat],
    ...(concurrency === undefined ? [] : ["--concurrency", String(concurrency)]),
  ];
}

/** Envoy, in a session of its own: a Ctrl-C at the terminal goes to the supervisor alone, which drains. Standard output is ours, so that
 *  the access log is the gateway's output. */
export function spawnEnvoy(options: EnvoyOptions, reader: EnvoyLogReader): ChildProcess {
  const child = spawn(options.envoyPath, envoyArguments(options), {
    stdio: ["ignore", "inherit", "pipe"],
    detached: true,
  });
  if (child.stderr !== null) readline.createInterface({ input: child.stderr }).on("line", (line) => reader.line(line));
  return child;
}

export interface AdminRequest {
  readonly method: "GET" | "POST";
  /** With query, such as `/stats?format=json`. */
  readonly path: string;
  /** Until the whole answer is there. Default 5 s. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface AdminResponse {
  readonly status: number;
  readonly body: string;
}

const maxAdminAnswerBytes = 64 * 1024 * 1024;

/** One request to Envoy's admin interface, whole answer. Rejects when Envoy is not there, is too slow or says too much. */
export function adminRequest(socketPath: string, request: AdminRequest): Promise<AdminResponse> {
  return new Promise((resolve, reject) => {
    openAdminStream(socketPath, request).then((response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        chunks.push(chunk);
        if (bytes > maxAdminAnswerBytes)
          response.destroy(new Error(`Envoy's answer to ${request.path} is over ${maxAdminAnswerBytes} bytes`));
      });
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString("utf8") }),
      );
    }, reject);
  });
}

/** The answer as it comes; the caller reads or destroys it. Rejects when Envoy does not answer; an end by time or signal is an `error` event. */
export function openAdminStream(socketPath: string, request: AdminRequest): Promise<http.IncomingMessage> {
  const { method, path, timeoutMs = 5000, signal } = request;
  return new Promise((resolve, reject) => {
    const limits = [AbortSignal.timeout(timeoutMs), ...(signal === undefined ? [] : [signal])];
    const outgoing = http.request({
      socketPath,
      method,
      path,
      agent: false,
      host: "envoy",
      signal: AbortSignal.any(limits),
    });
    outgoing.on("response", resolve);
    outgoing.on("error", reject);
    outgoing.end();
  });
}

export interface WaitOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Whether Envoy came to serve in time: it has its first clusters and listeners, and its workers run. */
export function waitLive(socketPath: string, options: WaitOptions): Promise<boolean> {
  return waitFor((status, body) => status === 200 && body.startsWith("LIVE"), socketPath, options);
}

/** Whether Envoy's admin interface came to answer in time: it has started, with or without a configuration. */
export function waitAnswering(socketPath: string, options: WaitOptions): Promise<boolean> {
  return waitFor(() => true, socketPath, options);
}

async function waitFor(
  accept: (status: number, body: string) => boolean,
  socketPath: string,
  { clock, timeoutMs, signal }: WaitOptions,
): Promise<boolean> {
  const until = clock.now() + timeoutMs;
  while (clock.now() < until && signal?.aborted !== true) {
    try {
      const { status, body } = await adminRequest(socketPath, {
        method: "GET",
        path: "/ready",
        timeoutMs: 1000,
        ...(signal && { signal }),
      });
      if (accept(status, body)) return true;
    } catch {
      // not there yet
    }
    await sleep(clock, 10, signal);
  }
  return false;
}
