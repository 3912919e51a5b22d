import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BootstrapOptions, envoyBootstrap } from "../../runtime/bootstrap.ts";
import { envoyPath } from "../../hack/paths.mjs";
import { eventually } from "./eventually.ts";

/** The one that set-up installed. */
export const ENVOY_BINARY = envoyPath;

/** As of a gateway in a container of 1 GiB. */
export const usualLimits: BareEnvoyOptions["limits"] = { maxHeapBytes: 768 * 1024 * 1024, maxConnections: 50_000 };

export interface Reply {
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface BareEnvoy {
  readonly pid: number;
  readonly adminSocket: string;
  admin(path: string, method?: "GET" | "POST"): Promise<Reply>;
  /** A counter or gauge; 0 if Envoy has not created it. */
  stat(name: string): Promise<number>;
  /** Until Envoy says LIVE: clusters and listeners are there. */
  live(): Promise<void>;
  log(): string;
  /** Ends the process and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface BareEnvoyOptions {
  /** The control plane's socket. */
  readonly adsSocket: string;
  /** For the admin socket and the log; made and removed unless given. */
  readonly dir?: string;
  readonly drainTimeSeconds?: number;
  /** Default: none. */
  readonly limits?: BootstrapOptions["limits"];
  readonly logLevel?: string;
}

/** A real Envoy whose clusters and listeners come by delta ADS from `adsSocket`, with nothing else of Nuncio around it. */
export function spawnEnvoy(options: BareEnvoyOptions): BareEnvoy {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), "envoy-"));
  const adminSocket = join(dir, "admin.sock");
  const logPath = join(dir, "envoy.log");
  const bootstrapPath = join(dir, "bootstrap.json");
  const bootstrap = envoyBootstrap({
    nodeId: "test",
    nodeCluster: "test",
    adminSocketPath: adminSocket,
    xdsSocketPath: options.adsSocket,
    stats: "all",
    limits: options.limits,
  });
  writeFileSync(bootstrapPath, JSON.stringify(bootstrap));
  const child = spawn(ENVOY_BINARY, [...envoyArguments(options, bootstrapPath), "--log-path", logPath], {
    stdio: "ignore",
  });
  const exited = new Promise<void>((done) => child.once("exit", () => done()));
  // A test that dies leaves no Envoy behind.
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  child.once("exit", () => process.off("exit", end));
  const admin: BareEnvoy["admin"] = (path, method = "GET") => fetchUnix(adminSocket, path, method);
  return {
    pid: pidOf(child),
    adminSocket,
    admin,
    stat: async (name) => statOf((await admin(`/stats?filter=^${name.replaceAll(".", "\\.")}$`)).body, name),
    live: async () => {
      await eventually("envoy is live", async () => (await admin("/ready")).status === 200);
    },
    log: () => readFileSync(logPath, "utf8"),
    stop: async (signal = "SIGKILL") => {
      child.kill(signal);
      await exited;
      if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
    },
  };
}

function pidOf(child: ChildProcess): number {
  if (child.pid === undefined) throw new Error(`cannot start ${ENVOY_BINARY}; run: npm run setup`);
  return child.pid;
}

function envoyArguments(options: BareEnvoyOptions, bootstrapPath: string): string[] {
  return [
    ...[
      "--config-path",
      bootstrapPath,
      "--concurrency",
      "1",
      "--disable-hot-restart",
      "--ignore-unknown-dynamic-fields",
    ],
    // The access log's files; Envoy's own 10 s would be waited for by every test that reads one.
    ...["--file-flush-interval-msec", "50"],
    ...["--drain-time-s", String(options.drainTimeSeconds ?? 1), "--log-level", options.logLevel ?? "info"],
  ];
}

function fetchUnix(socketPath: string, path: string, method: string): Promise<Reply> {
  return new Promise((done, fail) => {
    const request = httpRequest({ socketPath, path, method, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", fail);
      response.on("end", () =>
        done({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), headers: response.headers }),
      );
    });
    request.on("error", fail);
    request.end();
  });
}

function statOf(body: string, name: string): number {
  const line = body.split("\n").find((text) => text.startsWith(`${name}: `));
  return line === undefined ? 0 : Number(line.slice(name.length + 2));
}

/** A port that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((done, fail) => {
    const server = createServer();
    server.once("error", fail);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        typeof address === "object" && address !== null ? done(address.port) : fail(new Error("no port")),
      );
    });
  });
}
