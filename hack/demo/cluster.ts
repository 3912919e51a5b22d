import fs from "node:fs";
import path from "node:path";
import { type Cluster, startCluster } from "../../test/cluster/cluster.ts";
import { hostAddress } from "../../test/cluster/host-address.ts";
import { applyCrds, applyInstalled, applyWebhook, type WebhookPlace } from "../../test/cluster/install.ts";
import { selfSigned } from "../../test/support/certificates.ts";
import { eventually } from "../../test/support/eventually.ts";
import { type Backend, samples, startBackend } from "./backends.ts";
import { buildTestcluster } from "./build.ts";
import { badMapping, serviceManifests } from "./cluster-manifests.ts";
import { clusterPage } from "./cluster-page.ts";
import { type Demo, DemoError, makeDirectory, say, step } from "./demo.ts";
import { admissionLines, logLines } from "./log-lines.ts";
import { copyManifests, freePort } from "./manifests.ts";
import { NuncioProcess, probeUserAgent, type ProcessOptions } from "./process.ts";
import { killRemains } from "./remains.ts";
import { writeShell } from "./shell.ts";
import { examplePort, examples, firstPaths } from "./standalone.ts";

/** What is wanted of manifests/install.yaml: here its Deployments are processes, and nobody would run their Pods. */
const rights: ReadonlySet<string> = new Set([
  ...["Namespace", "ServiceAccount"],
  ...["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
]);

interface GatewayPlace {
  readonly kubeconfig: string;
  readonly adminPort: number;
  readonly bindAddress: string;
}

/** The examples as objects of a Kubernetes API server: etcd, kube-apiserver, the gateway and its admission webhook as processes of this
 *  machine, each with the rights that the installation gives it. */
export class ClusterDemo implements Demo {
  readonly #directory = makeDirectory();
  readonly #manifests = path.join(this.#directory, "manifests");
  readonly #runDir = path.join(this.#directory, "run");
  readonly #lines = logLines();
  readonly #admissionLines = admissionLines();
  readonly #backends: Backend[] = [];
  readonly #processes: NuncioProcess[] = [];
  readonly #stopping = new AbortController();
  #starting: Promise<void> = Promise.resolve();
  #cluster: Cluster | undefined;
  #setEnded: (how: string) => void = () => undefined;
  readonly ended = new Promise<string>((resolve) => (this.#setEnded = resolve));
  #isReady = false;

  start(bindAddress: string): Promise<void> {
    this.#starting = this.#start(bindAddress).catch((error: unknown) => {
      // Of kubectl, or of a server that did not start: the message says all of it.
      throw error instanceof Error && error.constructor === Error ? new DemoError(error.message) : error;
    });
    return this.#starting;
  }

  async #start(bindAddress: string): Promise<void> {
    const { signal } = this.#stopping;
    step(`files: ${this.#directory}, removed at the end`);
    await buildTestcluster({ directory: this.#directory, signal });
    const startedMs = Date.now();
    signal.throwIfAborted();
    step("cluster: starting etcd and kube-apiserver ...");
    const cluster = await startCluster({ dir: path.join(this.#directory, "cluster"), signal });
    this.#cluster = cluster;
    await applyCrds(cluster);
    await applyInstalled(cluster, ({ kind }) => rights.has(kind));
    signal.throwIfAborted();
    step("cluster: manifests/crds.yaml applied, and the accounts and rights of manifests/install.yaml");
    await this.#admit(cluster);
    const port = await this.#applyExamples(cluster, bindAddress);
    const adminPort = await freePort(8877, "127.0.0.1");
    signal.throwIfAborted();
    step("gateway: starting Envoy and its control plane, as ServiceAccount nuncio/nuncio ...");
    const asGateway = await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio" });
    signal.throwIfAborted();
    const gateway = this.#startGateway({ kubeconfig: asGateway, adminPort, bindAddress });
    const host = bindAddress === "0.0.0.0" ? "127.0.0.1" : bindAddress;
    await gateway.answers([
      `http://127.0.0.1:${adminPort}/readyz`,
      ...firstPaths.map((each) => `http://${host}:${port}${each}`),
    ]);
    const bad = path.join(this.#directory, "bad-mapping.yaml");
    fs.writeFileSync(bad, badMapping);
    const [url, adminUrl] = [`http://${host}:${port}`, `http://127.0.0.1:${adminPort}`];
    const shell = writeShell(this.#directory, cluster, { url, adminUrl });
    signal.throwIfAborted();
    step(`everything is ready after ${((Date.now() - startedMs) / 1000).toFixed(1)} s`);
    say(clusterPage({ directory: this.#manifests, ...shell, badMapping: bad, url, adminUrl }));
    this.#isReady = true;
  }

  /** The webhook: its process, and the API server's knowledge of it. */
  async #admit(cluster: Cluster): Promise<void> {
    const kubeconfig = await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio-admission" });
    const [port, adminPort] = [await freePort(9443, "127.0.0.1"), await freePort(8878, "127.0.0.1")];
    const { certificatePem, keyPem } = await selfSigned({ hosts: ["127.0.0.1"] });
    const [cert, key] = [path.join(this.#directory, "tls.crt"), path.join(this.#directory, "tls.key")];
    fs.writeFileSync(cert, certificatePem);
    fs.writeFileSync(key, keyPem, { mode: 0o600 });
    this.#stopping.signal.throwIfAborted();
    step(`admission: starting the webhook on port ${port}, as ServiceAccount nuncio/nuncio-admission ...`);
    const admission = this.#run("admission webhook", {
      args: [
        "admission",
        "--port",
        `${port}`,
        "--admin-port",
        `${adminPort}`,
        "--cert",
        cert,
        "--key",
        key,
        "--drain-delay",
        "0",
      ],
      env: { KUBECONFIG: kubeconfig, AMBASSADOR_HEALTHCHECK_BIND_ADDRESS: "127.0.0.1" },
      onOutput: () => undefined,
      onLog: (line) => this.#show(this.#admissionLines.log(line)),
    });
    await admission.answers([`http://127.0.0.1:${adminPort}/readyz`]);
    await this.#hook(cluster, { url: `https://127.0.0.1:${port}`, certificatePem });
  }

  /** Whether the API server asks is known by its answer alone. */
  async #hook(cluster: Cluster, place: WebhookPlace): Promise<void> {
    await applyWebhook(cluster, place);
    const probe = async (): Promise<boolean> => {
      this.#stopping.signal.throwIfAborted();
      const asked = ["apply", "--dry-run=server", "-f", "-"];
      const { stderr } = await cluster.kubectl(asked, { input: badMapping, allowFail: true });
      return stderr.includes("denied the request");
    };
    await eventually("the API server asks the webhook", probe, { timeoutMs: 30_000 });
  }

  /** Applies the examples, with the Services that their Mappings name. @returns the port of the first Listener */
  async #applyExamples(cluster: Cluster, bindAddress: string): Promise<number> {
    const address = usableAddress();
    for (const sample of samples) this.#backends.push(await startBackend({ ...sample, address }));
    step(`sample services: ${this.#backends.map(({ name, port }) => `${name} on ${address}:${port}`).join(", ")}`);
    fs.mkdirSync(this.#manifests);
    const services = this.#backends.map(({ name, port }) => ({ name, address, port }));
    fs.writeFileSync(path.join(this.#manifests, "services.yaml"), serviceManifests(services));
    const { listeners, moved } = await copyManifests({
      from: examples,
      to: this.#manifests,
      bindAddress,
      backends: new Map(samples.map(({ name, port }) => [port, name])),
    });
    for (const { file, what, from, to } of moved)
      step(`${from} is taken on this machine: ${what} in ${file} is now ${to}`);
    // What the others build on goes first, or the webhook warns that it is not there.
    const first = ["services.yaml", "quote.yaml"].flatMap((name) => ["-f", path.join(this.#manifests, name)]);
    const { stderr } = await cluster.kubectl(["apply", ...first, "-f", this.#manifests]);
    if (stderr !== "") say(stderr.trimEnd());
    step(`cluster: kubectl apply -f ${this.#manifests}, a copy of examples/ with Services and EndpointSlices`);
    return listeners.get(examplePort) ?? examplePort;
  }

  #startGateway(place: GatewayPlace): NuncioProcess {
    const { kubeconfig, adminPort, bindAddress } = place;
    const runDir = this.#runDir;
    const options = {
      args: ["run", "--admin-port", `${adminPort}`, "--log-level", "debug", "--run-dir", runDir],
      env: {
        KUBECONFIG: kubeconfig,
        AMBASSADOR_NAMESPACE: "nuncio",
        AMBASSADOR_ENVOY_BIND_ADDRESS: bindAddress,
        AMBASSADOR_HEALTHCHECK_BIND_ADDRESS: "127.0.0.1",
      },
      onOutput: (line: string) => {
        if (this.#isReady && !line.includes(`"${probeUserAgent}"`)) say(this.#lines.access(line));
      },
      onLog: (line: string) => this.#show(this.#lines.log(line)),
    };
    const gateway = this.#run("gateway", options, (how) => {
      if (!this.#isReady || this.#stopping.signal.aborted || !/killed|code 0$/.test(how)) return false;
      killRemains(this.#runDir);
      step(`gateway: it ${how}, and is started again, as its Deployment would do`);
      this.#startGateway(place);
      return true;
    });
    fs.writeFileSync(path.join(this.#directory, "gateway.pid"), `${gateway.pid}\n`);
    return gateway;
  }

  /** Its end is the demo's, unless `goesOn` says that it is not. */
  #run(title: string, options: Omit<ProcessOptions, "title">, goesOn: (how: string) => boolean = () => false) {
    const process = new NuncioProcess({ title, ...options });
    this.#processes.push(process);
    void process.ended.then((how) => {
      if (!goesOn(how)) this.#setEnded(`the ${title} ${how}`);
    });
    return process;
  }

  #show(shown: ReturnType<ReturnType<typeof logLines>["log"]>): void {
    if (shown !== undefined && (this.#isReady || shown.isAlarm)) say(shown.text);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(this.#processes.map((process) => process.stop()));
    // Nothing may be started by it after this.
    await this.#starting.catch(() => undefined);
    await Promise.all(this.#processes.map((process) => process.stop()));
    killRemains(this.#runDir);
    await this.#cluster?.stop();
    for (const backend of this.#backends) await backend.close();
    this.removeDirectory();
  }

  hurry(): void {
    for (const process of this.#processes) process.interrupt();
  }

  removeDirectory(): void {
    fs.rmSync(this.#directory, { recursive: true, force: true });
  }
}

function usableAddress(): string {
  try {
    return hostAddress();
  } catch (error) {
    throw new DemoError((error as Error).message);
  }
}
