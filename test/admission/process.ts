import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as httpsRequest } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type PeerCertificate } from "node:tls";
import { type Answer, freePort, request } from "../cluster/loopback.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";

const root = join(import.meta.dirname, "../..");

export interface AdmissionProcess {
  /** Of the HTTPS port. */
  readonly url: string;
  readonly adminPort: number;
  readonly certificate: Certificate;
  readonly pid: number;
  /** What it has written to standard error. */
  log(): string;
  stdout(): string;
  admin(path: string): Promise<Answer>;
  /** Rewrites the certificate's files. */
  writeCertificate(certificate: Pick<Certificate, "certificatePem" | "keyPem">): void;
  servedSerial(): Promise<string>;
  ready(): Promise<void>;
  /** SIGTERM. @returns the exit code */
  stop(): Promise<number | null>;
}

export interface StartOptions {
  readonly kubeconfig: string;
  readonly env?: Readonly<Record<string, string>>;
  /** The program: the sources, or the bundle. */
  readonly program?: string;
  readonly port?: number;
  /** Further ones, of which those about certificates win. */
  readonly args?: readonly string[];
}

/** `nuncio admission` as a process of its own, as people start it. */
export async function startAdmission(options: StartOptions): Promise<AdmissionProcess> {
  const { kubeconfig, env = {}, program = join(root, "cli/main.ts") } = options;
  const directory = mkdtempSync(join(tmpdir(), "nuncio-admission-"));
  const port = options.port ?? (await freePort());
  const adminPort = await freePort();
  const certFile = join(directory, "tls.crt");
  const keyFile = join(directory, "tls.key");
  const writeCertificate: AdmissionProcess["writeCertificate"] = ({ certificatePem, keyPem }): void => {
    writeFileSync(certFile, certificatePem);
    writeFileSync(keyFile, keyPem, { mode: 0o600 });
  };
  const certificate = await selfSigned({ hosts: ["127.0.0.1", "localhost"] });
  writeCertificate(certificate);

  const flags = [
    "admission",
    "--port",
    `${port}`,
    "--admin-port",
    `${adminPort}`,
    "--cert",
    certFile,
    "--key",
    keyFile,
  ];
  const child: ChildProcess = spawn(
    process.execPath,
    [program, ...flags, "--drain-delay", "0", ...(options.args ?? [])],
    {
      cwd: root,
      env: { ...process.env, KUBECONFIG: kubeconfig, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let log = "";
  let stdout = "";
  child.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));

  const admin = (path: string): Promise<Answer> => request(`http://127.0.0.1:${adminPort}${path}`);
  const stop = async (): Promise<number | null> => {
    child.kill("SIGTERM");
    const code = await ended;
    rmSync(directory, { recursive: true, force: true });
    return code;
  };
  try {
    await eventually(
      "the admission process answers",
      async () => {
        if (child.exitCode !== null) throw new Error(`it ended: ${log}`);
        return (await admin("/healthz")).status === 200 && log.includes("judging changes");
      },
      { timeoutMs: 60_000 },
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `https://127.0.0.1:${port}`,
    adminPort,
    certificate,
    pid: child.pid ?? 0,
    log: () => log,
    stdout: () => stdout,
    admin,
    writeCertificate,
    servedSerial: async () => (await peerCertificate(port)).serialNumber,
    ready: async () => {
      await eventually("/readyz says 200", async () => (await admin("/readyz")).status === 200);
    },
    stop,
  };
}

/** The certificate that a new connection gets. */
export function peerCertificate(port: number): Promise<PeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

export interface PostOptions {
  readonly path?: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface PostAnswer extends Answer {
  /** Of the connection that the request went over. */
  readonly serial: string;
}

/** One HTTPS request on a connection of its own. */
export function post(url: string, body: string | Buffer, options: PostOptions = {}): Promise<PostAnswer> {
  const { path = "/validate", method = "POST", headers = {} } = options;
  return new Promise((resolve, reject) => {
    const settings = { method, agent: false, rejectUnauthorized: false, timeout: 20_000 } as const;
    const sent = httpsRequest(
      url + path,
      { ...settings, headers: { "content-type": "application/json", ...headers } },
      (response) => {
        let text = "";
        const socket = response.socket as unknown as { getPeerCertificate(): PeerCertificate };
        const serial = socket.getPeerCertificate().serialNumber;
        response.on("data", (chunk: Buffer) => (text += chunk.toString()));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text, serial }));
        response.on("error", reject);
      },
    );
    sent.on("timeout", () => sent.destroy(new Error("no answer")));
    sent.on("error", reject);
    sent.end(body);
  });
}
