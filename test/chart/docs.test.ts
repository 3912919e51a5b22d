import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import { ensureHelm } from "../../hack/helm/build.mjs";
import { clusterAvailable } from "../cluster/available.ts";
import { type Cluster, startCluster } from "../cluster/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { foreignCrds } from "./foreign-crds.ts";

// The commands of docs/install.md and docs/upgrade.md. Here are no nodes: what waits for Pods, or for a namespace to be gone, is left out.

jest.setTimeout(300_000);

function blocksOf(page: string): readonly string[] {
  const blocks = [...readFileSync(`docs/${page}`, "utf8").matchAll(/^```sh\n([\s\S]*?)^```$/gm)];
  return blocks.map(([, block = ""]) => block.replaceAll(/^.* rollout status .*\n/gm, ""));
}

(clusterAvailable ? describe : describe.skip)("the pages on installing and upgrading", () => {
  const [install, upgrade] = [blocksOf("install.md"), blocksOf("upgrade.md")];
  const isOfHelm = (block: string): boolean => block.includes("helm ");
  const isRemoval = (block: string): boolean => /uninstall|kubectl delete/.test(block);
  let cluster: Cluster;
  let bin: string;

  async function sh(block: string): Promise<void> {
    const text = block.replace("kubectl delete", "kubectl delete --wait=false");
    const output = await new Promise<string>((done) => {
      const env = { PATH: `${bin}:${process.env["PATH"] ?? ""}`, HOME: bin, KUBECONFIG: cluster.kubeconfig };
      const child = spawn("bash", ["-euo", "pipefail", "-c", text], { env, timeout: 120_000 });
      let said = "";
      for (const stream of [child.stdout, child.stderr])
        stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
      child.once("exit", (code) => done(code === 0 ? "" : `${block}ended with ${code}: ${said}`));
    });
    expect(output).toBe("");
  }

  beforeAll(async () => {
    const [programs, started] = await Promise.all([ensureHelm(), startCluster()]);
    cluster = started;
    bin = mkdtempSync(join(tmpdir(), "nuncio-docs-"));
    writeFileSync(join(bin, "kubectl"), `#!/bin/sh\nexec '${cluster.binary}' kubectl "$@"\n`, { mode: 0o755 });
    writeFileSync(join(bin, "helm"), `#!/bin/sh\nexec '${programs.helm}' "$@"\n`, { mode: 0o755 });
    await cluster.apply(foreignCrds());
    const served = () => cluster.kubectl(["get", "issuers", "-A"]);
    await eventually("the kinds of cert-manager are served", served, { timeoutMs: 60_000 });
  });
  afterAll(async () => {
    await cluster?.stop();
    if (bin !== undefined) rmSync(bin, { recursive: true, force: true });
  });

  it("have commands of helm that work in their order, to the removal", async () => {
    const commands = install.filter(isOfHelm);
    expect(commands.length).toBeGreaterThan(4);
    for (const block of commands.filter((each) => !isRemoval(each))) await sh(block);
    expect(upgrade.length).toBe(4);
    for (const block of upgrade) await sh(block);
    for (const block of commands.filter(isRemoval)) await sh(block);
    expect((await cluster.kubectl(["get", "all", "-n", "nuncio"])).stderr).toContain("No resources found");
  });

  it("have commands of kubectl that work in their order, to the removal", async () => {
    const commands = install.filter((block) => !isOfHelm(block));
    expect(commands.length).toBeGreaterThan(4);
    const gateways = async () =>
      (await cluster.kubectl(["get", "deployment", "nuncio", "-n", "nuncio", "-o=jsonpath={.spec.replicas}"])).stdout;
    const seen: string[] = [];
    for (const block of commands) {
      await sh(block);
      if (block.includes("gitops/kustomize")) seen.push(await gateways());
    }
    expect(seen).toEqual(["3", "3"]);
    const areGone = async () => {
      const { stdout } = await cluster.kubectl(["get", "crds", "-o", "name"]);
      const left = stdout.split("\n").filter((name) => name.endsWith(".getambassador.io"));
      // The API server now and then forgets one for minutes whose storage was just starting; a change reminds it.
      for (const name of left) await cluster.kubectl(["annotate", "--overwrite", name, `asked=${Date.now()}`]);
      return left.length === 0;
    };
    await eventually("the kinds are gone", areGone, { timeoutMs: 120_000, everyMs: 2000 });
  });
});
