import { spawn } from "node:child_process";
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { freePort, request } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "../e2e/support/backend.ts";
import { type Bundle, installBundle } from "../e2e/support/bundle.ts";
import { send } from "../e2e/support/client.ts";
import { Gateway } from "../e2e/support/gateway.ts";
import {
  cleartextHost,
  documents,
  endpointSlice,
  listener,
  type Manifest,
  mapping,
  service,
} from "../e2e/support/manifests.ts";
import { eventually } from "../support/eventually.ts";
import { emissaryCrds } from "./emissary.ts";

// The commands are those of docs/migrate-cut-over.md, in its order. What is not there cannot be tested here.

const page = fs.readFileSync("docs/migrate-cut-over.md", "utf8");

/** The commands of a step, block by block; those that need a Pod or a load balancer are other people's. */
function blocksOf(step: number): readonly string[] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${step}. `)) ?? "";
  return [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
}

const runnable = (block: string) => !block.startsWith("nuncio ") && !block.includes("curl ");

let cluster: Cluster;
let bundle: Bundle;
let backend: Backend;
let directory: string;
let port: number;
const gateways: Gateway[] = [];

/** Runs a block as a person would, with kubectl on the PATH. */
async function sh(block: string): Promise<void> {
  const output = await new Promise<string>((done) => {
    const child = spawn("bash", ["-euo", "pipefail", "-c", block], {
      cwd: directory,
      timeout: 60_000,
      env: { PATH: `${directory}:${process.env["PATH"] ?? ""}`, HOME: directory, KUBECONFIG: cluster.kubeconfig },
    });
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    child.once("exit", (code) => done(code === 0 ? "" : `${block}\nended with ${code}: ${text}`));
  });
  expect(output).toBe("");
}

/** Everything that a gateway could write to, by its version. */
async function versions(): Promise<string> {
  const kinds = `${emissaryCrds()
    .map(({ metadata }) => metadata.name)
    .join(",")},services,secrets,configmaps,ingresses,leases.coordination.k8s.io,events,endpointslices,crds`;
  const { stdout } = await cluster.kubectl([
    ...["get", kinds, "-A", "--no-headers"],
    "-o=custom-columns=:.kind,:.metadata.namespace,:.metadata.name,:.metadata.resourceVersion",
  ]);
  // The API server's own, which it renews.
  const lines = stdout.split("\n").filter((line) => !/^Lease .*kube-system|^ConfigMap .*kube-/.test(line));
  return lines.sort().join("\n");
}

const specOf = async (kind: string, name: string) =>
  (await cluster.kubectl(["get", `${kind}.v3alpha1.getambassador.io`, name, "-o=jsonpath={.spec}"])).stdout;

const refused = (to: number) =>
  new Promise<boolean>((done) => {
    const socket = net.connect(to, "127.0.0.1");
    socket.once("connect", () => socket.destroy() && done(false));
    socket.once("error", () => done(true));
  });

async function start(options: {
  kubeconfig: string;
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
}) {
  const gateway = await Gateway.start({ bundle, ...options });
  gateways.push(gateway);
  return gateway;
}

/** A gateway that is no shadow writes its status. */
const ingress = {
  apiVersion: "networking.k8s.io/v1",
  kind: "Ingress",
  metadata: { name: "old", namespace: "default", annotations: { "kubernetes.io/ingress.class": "ambassador" } },
  spec: {
    rules: [
      {
        http: {
          paths: [{ path: "/old/", pathType: "Prefix", backend: { service: { name: "quote", port: { number: 80 } } } }],
        },
      },
    ],
  },
};

const namespace = (name: string): Manifest => ({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
const reader: readonly Manifest[] = [
  { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "reader", namespace: "default" } },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRole",
    metadata: { name: "reader" },
    rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["get", "list", "watch"] }],
  },
  {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: "reader" },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "reader" },
    subjects: [{ kind: "ServiceAccount", name: "reader", namespace: "default" }],
  },
];

(clusterAvailable ? describe : describe.skip)("beside Emissary", () => {
  beforeAll(async () => {
    [cluster, bundle, backend, port] = await Promise.all([
      startCluster(),
      installBundle(),
      startBackend("quote"),
      freePort(),
    ]);
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-cut-over-"));
    fs.writeFileSync(path.join(directory, "kubectl"), `#!/bin/sh\nexec '${cluster.binary}' kubectl "$@"\n`, {
      mode: 0o755,
    });
    fs.symlinkSync(path.resolve("manifests"), path.join(directory, "manifests"));
    await cluster.apply(documents(...emissaryCrds()));
    const wait = ["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"];
    await eventually("the CRDs are established", () => cluster.kubectl(wait), { timeoutMs: 60_000 });
    await cluster.apply(documents(namespace("emissary"), ...reader));
    const selector = { "app.kubernetes.io/name": "emissary-ingress", profile: "main" };
    const front = service("emissary/emissary-ingress", 80);
    await cluster.apply(
      documents(
        { ...front, spec: { type: "LoadBalancer", ports: [{ name: "http", port: 80, targetPort: 8080 }], selector } },
        listener("http", port),
        cleartextHost("www", "*"),
        ...[service("quote", 80, { headless: true }), endpointSlice("quote", backend)],
        mapping("quote", { prefix: "/quote/", service: "quote" }),
        mapping("broken", { prefix: "api/", service: "quote" }),
        ingress,
      ),
    );
    const status = '{"status":{"loadBalancer":{"ingress":[{"ip":"192.0.2.1"}]}}}';
    const patch = ["-n", "emissary", "patch", "service", "emissary-ingress", "--subresource=status", "--type=merge"];
    await cluster.kubectl([...patch, "-p", status]);
  }, 180_000);

  afterAll(async () => {
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await cluster?.stop();
    await backend?.close();
    bundle?.remove();
    if (directory !== undefined) fs.rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  it.each(["without any right to write", "as the administrator"])(
    "a shadow reports problems, opens no Listener's port, writes nothing and ends with 0: %s",
    async (rights) => {
      const kubeconfig = rights.includes("administrator")
        ? cluster.kubeconfig
        : await cluster.kubeconfigFor({ namespace: "default", serviceAccount: "reader" });
      const before = await versions();
      const env = { AMBASSADOR_NAMESPACE: "emissary", NUNCIO_SERVICE: "emissary-ingress" };
      const shadow = await start({ kubeconfig, args: ["--shadow"], env });
      await shadow.logged(/judged 1 Listeners, 1 Hosts, \d+ Mappings: 1 errors/);
      expect(shadow.log).toMatch(/warn .*SHADOW: this serves nothing/);
      expect(shadow.log).toMatch(/error .*Mapping default\/broken: spec\.prefix: "api\/" does not start with a slash/);
      expect(await shadow.metric('nuncio_problems{severity="error"}')).toBe(1);
      expect(await shadow.readyz()).toMatchObject({ status: 503, body: expect.stringContaining("shadow") });
      expect((await request(`http://127.0.0.1:${shadow.adminPort}/healthz`)).status).toBe(200);
      // It goes on watching.
      await cluster.apply(documents(mapping("broken", { prefix: "/api/", service: "quote" })));
      await shadow.logged(/judged .*: 0 errors/);
      const corrected = shadow.mark();
      await cluster.apply(documents(mapping("broken", { prefix: "api/", service: "quote" })));
      await shadow.logged(/judged .*: 1 errors/, corrected);
      expect(await refused(port)).toBe(true);
      expect(shadow.pidOf("envoy")).toBeUndefined();
      expect(fs.readdirSync(shadow.dir)).toEqual([]);
      expect(shadow.log).not.toMatch(/forbidden/i);
      expect(await shadow.end("SIGTERM")).toBe(0);
      const ours = (text: string) => text.replace(/^Mapping .* broken .*$/m, "");
      expect(ours(await versions())).toBe(ours(before));
    },
    60_000,
  );

  it("runs beside it, with its CRDs as they are, on the same objects or on some", async () => {
    const crds = async () => (await cluster.kubectl(["get", "crds", "-o=jsonpath={.items[*].spec}"])).stdout;
    const before = await crds();
    const [install = "", ...more] = blocksOf(2).filter(runnable);
    await sh(install);
    const kubeconfig = await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio" });
    const all = await start({ kubeconfig });
    await all.ready();
    await all.until("the route", async () => (await send(port, "/quote/").catch(() => undefined))?.status === 200);
    await all.stop();
    expect(more.length).toBe(1);
    const some = await start({ kubeconfig, env: { AMBASSADOR_ID: "nuncio" } });
    await some.ready();
    for (const block of more) await sh(block);
    await some.until("the route", async () => (await send(port, "/quote/").catch(() => undefined))?.status === 200);
    expect((await send(port, "/api/")).status).toBe(404);
    const env = ["-n", "nuncio", "get", "deployment", "nuncio", "-o=jsonpath={.spec.template.spec.containers[0].env}"];
    const { stdout } = await cluster.kubectl(env);
    expect(stdout).toContain('{"name":"AMBASSADOR_ID","value":"nuncio"}');
    expect(stdout).not.toContain("NUNCIO_SERVICE");
    expect(await crds()).toBe(before);
    await some.stop();
  }, 120_000);

  it("takes over the Service, and gives it back: nothing of Emissary's is another afterwards", async () => {
    const selector = async () =>
      JSON.parse(
        (
          await cluster.kubectl([
            "-n",
            "emissary",
            "get",
            "service",
            "emissary-ingress",
            "-o=jsonpath={.spec.selector}",
          ])
        ).stdout,
      ) as object;
    const before = await selector();
    for (const block of blocksOf(3).filter(runnable)) await sh(block);
    const pods = ["-n", "emissary", "get", "deployment", "nuncio", "-o=jsonpath={.spec.template.metadata.labels}"];
    expect(await selector()).toEqual(JSON.parse((await cluster.kubectl(pods)).stdout));
    const back = blocksOf(4).filter(runnable);
    expect(back.length).toBe(2);
    for (const block of back) await sh(block);
    expect(await selector()).toEqual(before);
    for (const [kind, name] of [
      ["listeners", "http"],
      ["hosts", "www"],
      ["mappings", "quote"],
    ] as const)
      expect(await specOf(kind, name)).not.toContain("ambassador_id");
    const left = await cluster.kubectl([
      "get",
      "deployment,serviceaccount,clusterrole,clusterrolebinding",
      "-A",
      "-o=name",
    ]);
    expect(left.stdout).not.toMatch(/nuncio/);
  }, 120_000);
});
