/** A cluster with cert-manager in which the chart is installed, and its webhook as a process of this machine. */
import fs from "node:fs";
import path from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { type Cluster, startCluster } from "../../test/cluster/cluster.ts";
import { freePort, request } from "../../test/cluster/loopback.ts";
import { startServer } from "../../test/cluster/server-process.ts";
import { chart, helm } from "../../test/chart/helm.ts";
import { eventually } from "../../test/support/eventually.ts";
import type { Scope } from "../bench/session.ts";
import { NuncioProcess } from "../demo/process.ts";
import { ensureCertManager } from "./build.mjs";
import type { Case } from "./cases.ts";
import { MountedSecret } from "./mounted-secret.ts";
import { type Relay, startRelay } from "./relay.ts";

export const namespace = "nuncio";
/** Of the Certificate and its Issuer, the Service, the Deployment and the webhook configuration. */
export const name = "nuncio-admission";
export const serverName = `${name}.${namespace}.svc`;
const certificatePath = "/etc/nuncio/certificate";
const certManagerLog = "cert-manager.log";
const withinMs = 60_000;

export interface Secret {
  readonly metadata: { readonly resourceVersion: string };
  readonly data: Readonly<Record<string, string>>;
}

export interface Certificate {
  readonly metadata: { readonly generation: number };
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
}

interface Deployment {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly serviceAccountName: string;
        readonly containers: readonly [
          {
            readonly args: readonly string[];
            readonly env?: readonly { readonly name: string; readonly value: string }[];
          },
        ];
      };
    };
  };
}

export interface Ground {
  readonly cluster: Cluster;
  /** Of the webhook's HTTPS. */
  readonly port: number;
  readonly relay: Relay;
  readonly mounted: MountedSecret;
  readonly admission: NuncioProcess;
  /** What the process has said. */
  readonly log: readonly string[];
  /** From the installation to a Certificate that is ready, in every caBundle. */
  readonly issuedMs: number;
}

/** What the API server has at a path, as its administrator sees it. */
export async function read<T>({ serverUrl, token, certificateAuthority: ca }: Cluster, at: string): Promise<T> {
  const { status, body } = await request(serverUrl + at, { token, ca });
  if (status !== 200) throw new Error(`GET ${at} answered ${status}: ${body}`);
  return JSON.parse(body) as T;
}

export const secretOf = (cluster: Cluster, secret: string): Promise<Secret> =>
  read<Secret>(cluster, `/api/v1/namespaces/${namespace}/secrets/${secret}`);

export const certificateOf = (cluster: Cluster, certificate: string): Promise<Certificate> =>
  read<Certificate>(cluster, `/apis/cert-manager.io/v1/namespaces/${namespace}/certificates/${certificate}`);

export function isReady({ status }: Certificate): boolean {
  const is = (type: string) =>
    status?.conditions?.some((each) => each.type === type && each.status === "True") ?? false;
  return is("Ready") && !is("Issuing");
}

/** What the API server trusts the webhooks by: PEM, the same for each of them, or undefined until all have it. */
export async function caBundle(cluster: Cluster): Promise<string | undefined> {
  const at = `/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/${name}`;
  interface Hooks {
    readonly webhooks: readonly { readonly clientConfig: { readonly caBundle?: string } }[];
  }
  const bundles = (await read<Hooks>(cluster, at)).webhooks.map(({ clientConfig }) => clientConfig.caBundle);
  const [first] = bundles;
  if (first === undefined || bundles.some((each) => each !== first)) return undefined;
  return Buffer.from(first, "base64").toString();
}

export async function prepareGround(scope: Scope, directory: string, which: Case): Promise<Ground> {
  const cluster = await startCluster({ dir: path.join(directory, "cluster") });
  scope.defer(() => cluster.stop());
  await startCertManager(scope, cluster, which);
  await cluster.apply(`apiVersion: v1\nkind: Namespace\nmetadata: { name: ${namespace} }\n`);
  if (which.issuer !== undefined) {
    const metadata = { name: which.issuer.name, namespace };
    await cluster.apply(
      stringify({ apiVersion: "cert-manager.io/v1", kind: "Issuer", metadata, spec: which.issuer.spec }),
    );
  }
  const startedMs = performance.now();
  const rendered = await install(cluster, which);
  await issued(cluster);
  const issuedMs = performance.now() - startedMs;
  const mounted = new MountedSecret(path.join(directory, "certificate"));
  mounted.write((await secretOf(cluster, `${name}-tls`)).data);
  return { cluster, mounted, issuedMs, ...(await startAdmission(scope, cluster, directory, rendered)) };
}

async function startCertManager(scope: Scope, cluster: Cluster, which: Case): Promise<void> {
  const { program, crds } = await ensureCertManager();
  await cluster.kubectl(["apply", "--server-side", ...yamlFiles(crds).flatMap((file) => ["-f", file])]);
  const served = ["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"];
  await eventually("the kinds of cert-manager are served", () => cluster.kubectl(served), { timeoutMs: withinMs });
  const gates = which.replaces ? ["--feature-gates=CAInjectorMerging=false"] : [];
  const server = await startServer({
    binary: program,
    args: [`--kubeconfig=${cluster.kubeconfig}`, ...gates],
    logFile: path.join(cluster.dir, certManagerLog),
    isReady: () => Promise.resolve(true), // what it makes is waited for
    readyWithinMs: withinMs,
  });
  scope.defer(() => server.kill());
}

async function issued(cluster: Cluster): Promise<void> {
  const within = { timeoutMs: withinMs, everyMs: 50 };
  try {
    await eventually("the Certificate is ready", async () => isReady(await certificateOf(cluster, name)), within);
    await eventually("caBundle is set", () => caBundle(cluster), within);
  } catch (cause) {
    const said = fs.readFileSync(path.join(cluster.dir, certManagerLog), "utf8").trimEnd().split("\n").slice(-10);
    throw new Error(`${said.join("\n")}\nThis is the end of cert-manager's log`, { cause });
  }
}

function yamlFiles(folder: string): readonly string[] {
  return fs
    .readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => path.join(folder, file));
}

/** @returns what helm has rendered */
async function install(cluster: Cluster, which: Case): Promise<string> {
  // Fail: what the webhook has not judged is refused, with the reason that the API server gives.
  const values = ["admission.certificates=cert-manager", "admission.failurePolicy=Fail"];
  if (which.issuer !== undefined)
    values.push("admission.issuerRef.kind=Issuer", `admission.issuerRef.name=${which.issuer.name}`);
  const set = values.flatMap((each) => ["--set", each]);
  const { code, stderr } = await helm(["install", "nuncio", chart, "-n", namespace, ...set], cluster.kubeconfig);
  if (code !== 0) throw new Error(`helm install: ${stderr}`);
  const manifest = await helm(["get", "manifest", "nuncio", "-n", namespace], cluster.kubeconfig);
  return manifest.stdout;
}

/** The process of the Deployment: its arguments, variables and account. Other than in a Pod are the two ports, the directory of the
 *  certificate, and what a Pod has from its ServiceAccount: kubeconfig and namespace. */
async function startAdmission(
  scope: Scope,
  cluster: Cluster,
  directory: string,
  rendered: string,
): Promise<Pick<Ground, "port" | "relay" | "admission" | "log">> {
  const objects = parseAllDocuments(rendered).map((each) => each.toJS() as Deployment);
  const deployment = objects.find(({ kind, metadata }) => kind === "Deployment" && metadata.name === name);
  if (deployment === undefined) throw new Error(`helm has rendered no Deployment ${name}`);
  const { serviceAccountName: serviceAccount, containers } = deployment.spec.template.spec;
  const [{ args, env = [] }] = containers;
  const [port, adminPort] = [await freePort(), await freePort()];
  const log: string[] = [];
  const admission = new NuncioProcess({
    title: "admission webhook",
    args: args.map((arg) =>
      arg
        .replace(/^--port=.*/, `--port=${port}`)
        .replace(/^--admin-port=.*/, `--admin-port=${adminPort}`)
        .replace(certificatePath, path.join(directory, "certificate")),
    ),
    env: {
      ...Object.fromEntries(env.map((each) => [each.name, each.value])),
      KUBECONFIG: await cluster.kubeconfigFor({ namespace, serviceAccount }),
      AMBASSADOR_NAMESPACE: namespace,
    },
    onOutput: () => undefined,
    onLog: (line) => log.push(line),
  });
  scope.defer(() => admission.stop());
  await admission.answers([`http://127.0.0.1:${adminPort}/readyz`]);
  const relay = await startRelay(scope, port);
  await leadTo(cluster, relay.port);
  return { port, relay, admission, log };
}

/** Here is no kube-proxy. The API server follows a Service of the type ExternalName itself, at the port that the webhook names; the
 *  name that it asks the certificate for stays the Service's, and caBundle is not touched. Source: kube-aggregator's
 *  pkg/apiserver/resolvers.go, apiserver's pkg/util/webhook/client.go. */
async function leadTo(cluster: Cluster, port: number): Promise<void> {
  const patch = (kind: string, type: string, change: unknown) =>
    cluster.kubectl(["patch", kind, name, "-n", namespace, `--type=${type}`, "-p", JSON.stringify(change)]);
  await patch("service", "merge", { spec: { type: "ExternalName", externalName: "127.0.0.1" } });
  const { stdout } = await cluster.kubectl(["get", "validatingwebhookconfiguration", name, "-o", "json"]);
  const { webhooks } = JSON.parse(stdout) as { readonly webhooks: readonly unknown[] };
  const ports = webhooks.map((_, index) => ({
    op: "replace",
    path: `/webhooks/${index}/clientConfig/service/port`,
    value: port,
  }));
  await patch("validatingwebhookconfiguration", "json", ports);
}
