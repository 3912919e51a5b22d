import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { loadKubeConfig } from "../../runtime/kubernetes.ts";
import { probeCluster } from "../cluster/available.ts";

function kubeconfig({ server = "https://one:6443", context = "main", namespace = "", extra = "" } = {}): string {
  return `apiVersion: v1
kind: Config
current-context: ${context}
clusters: [{name: c, cluster: {server: "${server}"}}]
users: [{name: u, user: {token: hush-hush}}]
contexts: [{name: main, context: {cluster: c, user: u${namespace === "" ? "" : `, namespace: ${namespace}`}}}${extra}]
`;
}

describe("loadKubeConfig", () => {
  let dir: string;
  const write = (name: string, text: string): string => {
    const path = join(dir, name);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, text);
    return path;
  };
  const serverOf = (options: Parameters<typeof loadKubeConfig>[0]): string | undefined =>
    loadKubeConfig({
      env: {},
      home: dir,
      serviceAccountDir: join(dir, "sa"),
      ...options,
    }).kubeConfig.getCurrentCluster()?.server;

  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "nuncio-kubeconfig-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  it("prefers the named file, then KUBECONFIG, then the Pod, then the home directory", () => {
    const named = write("named", kubeconfig({ server: "https://named:1" }));
    const KUBECONFIG = write("env", kubeconfig({ server: "https://env:2" }));
    write("sa/token", "t");
    write(".kube/config", kubeconfig({ server: "https://home:4" }));
    const pod = { KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" };
    expect(serverOf({ kubeconfigPath: named, env: { KUBECONFIG, ...pod } })).toBe("https://named:1");
    expect(serverOf({ env: { KUBECONFIG, ...pod } })).toBe("https://env:2");
    expect(serverOf({ env: pod })).toBe("https://10.96.0.1:443");
    expect(serverOf({})).toBe("https://home:4");
  });

  it("reads the Pod's namespace and token, and writes an IPv6 address in brackets", async () => {
    write("sa/token", "pod-token");
    write("sa/ca.crt", "");
    write("sa/namespace", "gateways\n");
    const env = { KUBERNETES_SERVICE_HOST: "fd00::1", KUBERNETES_SERVICE_PORT: "6443" };
    const access = loadKubeConfig({ env, home: dir, serviceAccountDir: join(dir, "sa") });
    expect(access.namespace).toBe("gateways");
    expect(access.kubeConfig.getCurrentCluster()?.server).toBe("https://[fd00::1]:6443");
    const options: { headers?: Record<string, string> } = {};
    await access.kubeConfig.applyToHTTPSOptions(options);
    expect(options.headers).toEqual({ Authorization: "Bearer pod-token" });
  });

  it("merges the files of KUBECONFIG as kubectl does: missing ones are left out, the first of a name counts", () => {
    const first = write("first", kubeconfig({ context: '""', namespace: "mine" }));
    const second = write("second", kubeconfig({ server: "https://two:6443" }));
    const KUBECONFIG = [join(dir, "none"), first, second].join(":");
    const access = loadKubeConfig({ env: { KUBECONFIG }, home: dir });
    expect(access.kubeConfig.getCurrentCluster()?.server).toBe("https://one:6443");
    expect(access).toMatchObject({ namespace: "mine", origin: `KUBECONFIG (${KUBECONFIG})` });
  });

  it("names the three ways when there is no cluster", () => {
    const load = () => loadKubeConfig({ env: {}, home: dir, serviceAccountDir: join(dir, "sa") });
    expect(load).toThrow(/set KUBECONFIG.*run in a Pod.*KUBERNETES_SERVICE_HOST is not set.*\.kube\/config/s);
  });

  it("says what is wrong with a kubeconfig, without quoting it", () => {
    const load = (text: string) => () => loadKubeConfig({ kubeconfigPath: write("bad", text), env: {} });
    expect(load("")).toThrow(/bad is no kubeconfig: it is empty or no YAML map/);
    expect(load("users: [{token: hush-hush")).toThrow(/^(?!.*hush).*bad is no kubeconfig: /s);
    expect(load(kubeconfig({ context: '""' }))).toThrow(/names no current-context; choose one .*main/);
    expect(load(kubeconfig({ context: "nope" }))).toThrow(/has no context "nope"/);
    const extra = ", {name: other, context: {cluster: gone, user: u}}";
    expect(load(kubeconfig({ context: "other", extra }))).toThrow(/names cluster "gone", which is not there/);
    const withCa = kubeconfig().replace('6443"}', '6443", certificate-authority: /no/ca.crt}');
    expect(load(withCa)).toThrow(/needs \/no\/ca\.crt, which is not there/);
    expect(() => loadKubeConfig({ kubeconfigPath: join(dir, "none"), env: {} })).toThrow(/no kubeconfig at .*none/);
  });
});

describe("clusterAvailable", () => {
  const goMissing = () => Promise.reject(Object.assign(new Error("Install Go"), { name: "GoMissing" }));

  it("skips in one line where Go is missing, fails in CI and for any other reason", async () => {
    const said: string[] = [];
    const say = (line: string): void => void said.push(line);
    expect(await probeCluster({ ensure: goMissing, ci: false, say })).toBe(false);
    expect(said).toEqual(["SKIPPED: tests that need a Kubernetes API server. Install Go"]);
    await expect(probeCluster({ ensure: goMissing, ci: true, say })).rejects.toThrow("Install Go");
    const broken = () => Promise.reject(new Error("build failed"));
    await expect(probeCluster({ ensure: broken, ci: false, say })).rejects.toThrow("build failed");
    expect(await probeCluster({ ensure: () => Promise.resolve("path"), ci: true, say })).toBe(true);
  });
});
