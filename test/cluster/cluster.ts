import { execFile } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureTestcluster } from "../../hack/testcluster/build.mjs";
import { writeKubeconfig } from "./kubeconfig.ts";
import { freePort, request } from "./loopback.ts";
import { startServer } from "./server-process.ts";
import type { ServerProcess } from "./server-process.ts";

// A ready cluster takes 3 s on an idle machine; a busy one must not fail the tests.
const readyWithinMs = 60_000;

export interface ClusterOptions {
  /** Where all its files go; absent or empty before. Default: a new folder under the system's temporary one. */
  readonly dir?: string;
  /** A folder that `save` has filled: the cluster begins with what was in that one. Default: a bare one. */
  readonly from?: string;
  /** An abort before it is ready ends the start, and leaves nothing. */
  readonly signal?: AbortSignal;
}

export interface KubectlOptions {
  readonly input?: string;
  /** Resolve on a non-zero exit code too, instead of rejecting. */
  readonly allowFail?: boolean;
  /** Path of a kubeconfig. Default: the cluster administrator's. */
  readonly kubeconfig?: string;
  /** After this kubectl is killed and counts as failed. Default: 60 s. */
  readonly timeoutMs?: number;
}

export interface KubectlResult {
  readonly stdout: string;
  readonly stderr: string;
  /** -1 when kubectl was killed by a signal. */
  readonly code: number;
}

/** A real etcd and kube-apiserver, with RBAC, and without the controllers of a whole Kubernetes: nothing makes Pods,
 *  EndpointSlices or default ServiceAccounts, the aggregated ClusterRoles (admin, edit, view) are empty, deleted namespaces
 *  stay Terminating, and an owner's deletion deletes nothing else. */
export interface Cluster {
  /** Of the program whose first argument is etcd, kube-apiserver or kubectl. */
  readonly binary: string;
  /** Holds etcd.log and kube-apiserver.log. */
  readonly dir: string;
  readonly serverUrl: string;
  /** Of the administrator, group system:masters. */
  readonly token: string;
  /** PEM of what signed the API server's certificate. */
  readonly certificateAuthority: string;
  /** Path of the administrator's kubeconfig. */
  readonly kubeconfig: string;
  readonly kubectl: (args: readonly string[], options?: KubectlOptions) => Promise<KubectlResult>;
  /** `kubectl apply --server-side` (client-side apply cannot hold CRDs of more than 256 KiB in its annotation). */
  readonly apply: (yamlText: string) => Promise<void>;
  /** Path of a kubeconfig with a token, good for a day, of a ServiceAccount that exists. */
  readonly kubeconfigFor: (account: { readonly namespace: string; readonly serviceAccount: string }) => Promise<string>;
  /** SIGKILL: watches break without a word. Does nothing when it is down already. */
  readonly killApiServer: () => Promise<void>;
  /** Same port, same data; resolves when it is ready again. Does nothing when it is up. */
  readonly startApiServer: () => Promise<void>;
  /** SIGKILL and a start on the same data; resolves when it answers again. The API server keeps running. */
  readonly restartEtcd: () => Promise<void>;
  /** From now on a watch from any resourceVersion seen before is answered 410 Gone, and so is a list's old `continue`.
   *  Restarts the API server if it is up; if it is down, its next start has the same effect. */
  readonly compact: () => Promise<void>;
  /** Ends both servers, and copies their data into a folder, for `from`. */
  readonly save: (folder: string) => Promise<void>;
  /** Ends both processes and removes `dir`, unless the environment variable KEEP is set. May be called again. */
  readonly stop: () => Promise<void>;
}

/** Starts a cluster of its own on free loopback ports: ready in about 4 s, after a build of minutes the first time ever.
 *  It ends with this process at the latest. Rejects with an Error named `GoMissing` if there is no Go to build it with. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  // Between the choice of a port and its use somebody else may take it.
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options);
    } catch (error) {
      if (attempt === 3 || !/address already in use/.test(String(error))) throw error;
    }
  }
}

async function startOnce(options: ClusterOptions): Promise<Cluster> {
  const { signal } = options;
  const binary = await ensureTestcluster();
  const dir = makeDir(options.dir);
  const keep = (process.env["KEEP"] ?? "") !== "";
  const token = randomBytes(16).toString("hex");
  const [clientPort, peerPort, apiPort] = [await freePort(), await freePort(), await freePort()];
  const etcdUrl = `http://127.0.0.1:${clientPort}`;
  const serverUrl = `https://127.0.0.1:${apiPort}`;
  let etcd: ServerProcess | undefined;
  let apiServer: ServerProcess | undefined;

  async function killServers(): Promise<void> {
    // The API server first, or its log fills with complaints about etcd.
    await apiServer?.kill();
    await etcd?.kill();
  }

  async function stop(): Promise<void> {
    await killServers();
    if (keep) console.error(`KEEP is set: the test cluster's files stay in ${dir}`);
    else rmSync(dir, { recursive: true, force: true });
  }

  async function startApiServer(): Promise<void> {
    if (apiServer?.running()) return;
    apiServer = await startServer({
      binary,
      args: apiServerArgs(dir, etcdUrl, apiPort),
      logFile: join(dir, "kube-apiserver.log"),
      isReady: () => isApiServerReady(serverUrl, token),
      readyWithinMs,
      signal,
    });
  }

  async function startEtcd(): Promise<void> {
    etcd = await startServer({
      binary,
      args: etcdArgs(dir, etcdUrl, `http://127.0.0.1:${peerPort}`),
      logFile: join(dir, "etcd.log"),
      isReady: async () => (await request(`${etcdUrl}/readyz`)).status === 200,
      readyWithinMs,
      signal,
      ...(keep ? {} : { removeWhenOrphaned: dir }),
    });
  }

  async function killApiServer(): Promise<void> {
    await apiServer?.kill();
  }

  try {
    writeCredentials(dir, token);
    if (options.from !== undefined) copyData(options.from, dir);
    await startEtcd();
    await startApiServer();
  } catch (error) {
    await stop();
    throw error;
  }

  // The self-signed certificate that the API server made in its first start, followed by what signed it.
  const certificateAuthority = readFileSync(join(dir, "certs", "apiserver.crt"), "utf8");
  const kubeconfigOf = (user: string, namespace: string, userToken: string): string =>
    writeKubeconfig(join(dir, `${user.replaceAll(":", "_")}.kubeconfig`), {
      serverUrl,
      certificateAuthority,
      token: userToken,
      user,
      namespace,
    });
  const kubeconfig = kubeconfigOf("admin", "default", token);
  const kubectl: Cluster["kubectl"] = (args, given = {}) => runKubectl(binary, dir, args, { kubeconfig, ...given });

  return {
    binary,
    dir,
    serverUrl,
    token,
    certificateAuthority,
    kubeconfig,
    kubectl,
    apply: async (yamlText) => {
      await kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], { input: yamlText });
    },
    kubeconfigFor: async ({ namespace, serviceAccount }) => {
      const { stdout } = await kubectl(["create", "token", serviceAccount, "-n", namespace, "--duration=24h"]);
      return kubeconfigOf(`system:serviceaccount:${namespace}:${serviceAccount}`, namespace, stdout.trim());
    },
    killApiServer,
    startApiServer,
    restartEtcd: async () => {
      await etcd?.kill();
      await startEtcd();
    },
    compact: async () => {
      const restart = apiServer?.running() ?? false;
      await killApiServer();
      await compactEtcd(etcdUrl);
      if (restart) await startApiServer();
    },
    save: async (folder) => {
      await killServers();
      copyData(dir, folder);
    },
    stop,
  };
}

// The API server's certificate is among it: its names are the same everywhere, and to make one takes most of a second. What signs
// tokens is each cluster's own.
function copyData(from: string, to: string): void {
  for (const part of ["etcd", "certs"]) cpSync(join(from, part), join(to, part), { recursive: true });
}

// A folder of the caller's is removed in the end, so it must not hold anything else.
function makeDir(dir: string | undefined): string {
  if (dir === undefined) return mkdtempSync(join(tmpdir(), "nuncio-cluster-"));
  if (existsSync(dir) && readdirSync(dir).length > 0)
    throw new Error(`${dir} is not empty: a test cluster needs its own`);
  mkdirSync(dir, { recursive: true });
  return dir;
}

function writeCredentials(dir: string, token: string): void {
  // ServiceAccount tokens are signed with it. EC, because an RSA key takes up to a second to make.
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(join(dir, "sa.key"), privateKey.export({ type: "sec1", format: "pem" }), { mode: 0o600 });
  writeFileSync(join(dir, "sa.pub"), publicKey.export({ type: "spki", format: "pem" }));
  writeFileSync(join(dir, "tokens.csv"), `${token},admin,admin,system:masters\n`, { mode: 0o600 });
}

function etcdArgs(dir: string, clientUrl: string, peerUrl: string): readonly string[] {
  return [
    "etcd",
    `--data-dir=${join(dir, "etcd")}`,
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    "--unsafe-no-fsync",
  ];
}

function apiServerArgs(dir: string, etcdUrl: string, port: number): readonly string[] {
  return [
    "kube-apiserver",
    `--etcd-servers=${etcdUrl}`,
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    `--cert-dir=${join(dir, "certs")}`,
    // Loopback is no endpoint, and without an advertised address the server wants a default route.
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
    "--authorization-mode=RBAC",
    `--token-auth-file=${join(dir, "tokens.csv")}`,
    "--service-account-issuer=https://kubernetes.default.svc",
    `--service-account-key-file=${join(dir, "sa.pub")}`,
    `--service-account-signing-key-file=${join(dir, "sa.key")}`,
    "--service-cluster-ip-range=10.96.0.0/16",
    // It waits for default ServiceAccounts, which a controller would make.
    "--disable-admission-plugins=ServiceAccount",
  ];
}

// The namespace default comes a moment after /readyz says yes.
async function isApiServerReady(serverUrl: string, token: string): Promise<boolean> {
  for (const path of ["/readyz", "/api/v1/namespaces/default"]) {
    if ((await request(serverUrl + path, { token })).status !== 200) return false;
  }
  return true;
}

// The API server answers 410 for what is older than its watch cache, so compacting etcd alone changes nothing for watches.
// The cache starts anew at etcd's revision of the moment: a restart forgets every old version, once etcd has moved on (by
// a write of our own; a version equal to the newest would still be good). The compaction is for what bypasses the cache:
// continued lists and reads of an exact old version.
async function compactEtcd(etcdUrl: string): Promise<void> {
  const text = (plain: string): string => Buffer.from(plain).toString("base64");
  const put = await post(`${etcdUrl}/v3/kv/put`, { key: text("/nuncio-test/compact"), value: text("") });
  const { header } = JSON.parse(put) as { header: { revision: string } };
  await post(`${etcdUrl}/v3/kv/compaction`, { revision: header.revision, physical: true });
}

async function post(url: string, body: unknown): Promise<string> {
  const answer = await request(url, { body });
  if (answer.status !== 200) throw new Error(`POST ${url} answered ${answer.status}: ${answer.body}`);
  return answer.body;
}

function runKubectl(
  binary: string,
  dir: string,
  args: readonly string[],
  options: KubectlOptions & { readonly kubeconfig: string },
): Promise<KubectlResult> {
  const { kubeconfig, input, allowFail = false, timeoutMs = 60_000 } = options;
  // HOME, because kubectl keeps a cache per server and reads preferences there.
  const env = { ...process.env, KUBECONFIG: kubeconfig, HOME: dir };
  const settings = { env, timeout: timeoutMs, killSignal: "SIGKILL", maxBuffer: 256 * 1024 * 1024 } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(binary, ["kubectl", ...args], settings, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      if (code === 0 || allowFail) return resolve({ stdout, stderr, code });
      const ended = error?.killed ? `was killed after ${timeoutMs} ms` : `failed with code ${code}`;
      reject(new Error(`kubectl ${args.join(" ")} ${ended}:\n${`${stderr}${stdout}`.trim()}`));
    });
    child.stdin?.on("error", () => undefined); // kubectl may end without reading it all
    child.stdin?.end(input ?? "");
  });
}
