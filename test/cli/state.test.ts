import fs from "node:fs";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import { saveBundle } from "../../cli/bundle/save.ts";
import { compileState } from "../../cli/state/compiled.ts";
import { loadState } from "../../cli/state/load-state.ts";
import { formatProblem } from "../../ir/problem.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { applyCrds } from "../cluster/install.ts";
import { freePort } from "../cluster/loopback.ts";
import { directoryWith, listener, mapping } from "./nuncio.ts";

const made: string[] = [];

function manifests(files: Readonly<Record<string, string>>): string {
  const directory = directoryWith(files);
  made.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
});

/** Of a cluster that answers nothing on that port. */
function kubeconfigOf(port: number): string {
  const cluster = `{ name: away, cluster: { server: "http://127.0.0.1:${port}" } }`;
  const context = "{ name: away, context: { cluster: away, user: me } }";
  const user = "{ name: me, user: { token: x } }";
  const head = "apiVersion: v1\nkind: Config\ncurrent-context: away\n";
  const text = `${head}clusters: [${cluster}]\ncontexts: [${context}]\nusers: [${user}]\n`;
  return path.join(manifests({ kubeconfig: text }), "kubeconfig");
}

describe("the state that a command looks at", () => {
  it("is of a directory or a file that is named, with the settings of a gateway that serves it", async () => {
    const directory = manifests({ "a.yaml": listener, "b.yaml": mapping("quote", "prefix: /q/", "service: quote") });
    const { resources, settings, problems, from } = await loadState({ from: directory }, { AMBASSADOR_ID: "edge" });
    expect(resources.mappings.map(({ name }) => name)).toEqual(["quote"]);
    expect([settings.ambassadorId, settings.inCluster, problems, from]).toEqual(["edge", false, [], directory]);
  });

  it("says what to write where there is neither a cluster nor a path", async () => {
    const nowhere = path.join(manifests({}), "none");
    await expect(loadState({}, { KUBECONFIG: nowhere })).rejects.toMatchObject({ exitCode: 2 });
    await expect(loadState({ from: "/nowhere" }, {})).rejects.toMatchObject({
      exitCode: 2,
      message: "there is no file or directory /nowhere",
    });
  });

  it("ends with 3 when the cluster cannot be reached, and says which", async () => {
    const port = await freePort();
    const KUBECONFIG = kubeconfigOf(port);
    await expect(loadState({}, { KUBECONFIG })).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(
        new RegExp(`^cluster away \\(KUBECONFIG .*\\): the API server http://127.0.0.1:${port} cannot be reached: .*`),
      ),
    });
    await expect(loadState({ context: "other" }, { KUBECONFIG })).rejects.toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('has no context "other"; choose one'),
    });
  });
});

(clusterAvailable ? describe : describe.skip)("the state of a cluster", () => {
  let cluster: Cluster;

  beforeAll(async () => {
    cluster = await startCluster();
    await applyCrds(cluster);
  }, 120_000);
  afterAll(() => cluster.stop());

  it("is what a gateway there would compile, without the Secrets that none reads", async () => {
    const mine = mapping("mine", "prefix: /mine/", "service: quote").replace(
      "name: mine",
      "name: mine, namespace: shop",
    );
    const secret = (name: string, type: string) =>
      `apiVersion: v1\nkind: Secret\nmetadata: { name: ${name} }\ntype: ${type}\ndata: { a: Yg== }\n`;
    const namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n";
    const yours = mapping("yours", "prefix: /yours/", "service: nowhere");
    const secrets = [secret("helm", "helm.sh/release.v1"), secret("mine", "Opaque")];
    await cluster.apply([namespace, listener, mine, yours, ...secrets].join("---\n"));
    const env = { KUBECONFIG: cluster.kubeconfig };
    const state = await loadState({}, env);
    expect(state.resources.mappings.map(({ namespace, name }) => `${namespace}/${name}`)).toEqual([
      "default/yours",
      "shop/mine",
    ]);
    expect(state.resources.secrets.map(({ name }) => name)).toEqual(["mine"]);
    expect(state.settings.inCluster).toBe(true);
    expect(compileState(state).problems.map(formatProblem)).toContainEqual(
      expect.stringContaining("Mapping default/yours: spec.service"),
    );
    const shop = await loadState({ namespace: "shop" }, env);
    expect(shop.resources.mappings.map(({ name }) => name)).toEqual(["mine"]);
  });

  it("is saved by nuncio bundle, without what nobody named", async () => {
    const file = path.join(manifests({}), "bundle.json");
    const env = { KUBECONFIG: cluster.kubeconfig };
    expect(await saveBundle({ output: file }, env, new Date(), () => undefined)).toBe(0);
    const [saved, now] = await Promise.all([loadState({ from: file }, {}), loadState({}, env)]);
    expect(saved.settings).toEqual(now.settings);
    expect(saved.resources.secrets).toEqual([]);
    expect({ ...saved.resources, secrets: [] }).toEqual({ ...now.resources, secrets: [] });
  });

  it("ends with 3 when it may not be read, and says which right is missing", async () => {
    const account = "apiVersion: v1\nkind: ServiceAccount\nmetadata: { name: nobody, namespace: default }\n";
    await cluster.apply(account);
    const KUBECONFIG = await cluster.kubeconfigFor({ namespace: "default", serviceAccount: "nobody" });
    await expect(loadState({}, { KUBECONFIG })).rejects.toMatchObject({
      exitCode: 3,
      message: expect.stringMatching(/cannot be read: .*is forbidden: User .*nobody.* cannot list resource/),
    });
  });
});
