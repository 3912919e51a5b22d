import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parse } from "yaml";
import { ensureHelm } from "../../hack/helm/build.mjs";
import { ensureTestcluster } from "../../hack/testcluster/build.mjs";
import { verdictsOf } from "../../status/conditions.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { type KubeObject, objectsOf, rendered } from "./helm.ts";

type Judged = Parameters<typeof verdictsOf>[0];

function run(program: string, args: readonly string[], input = ""): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(program, args, { env: { PATH: process.env["PATH"] } }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(stderr)),
    );
    child.stdin?.end(input);
  });
}

(clusterAvailable ? describe : describe.skip)("the health script for Argo CD", () => {
  let directory: string;

  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "nuncio-argo-"));
    const { data } = parse(readFileSync("gitops/argocd/argocd-cm.yaml", "utf8")) as { data: Record<string, string> };
    const customizations = parse(data["resource.customizations"] ?? "") as Record<string, Record<string, string>>;
    writeFileSync(join(directory, "health.lua"), customizations["getambassador.io/*"]?.["health.lua"] ?? "");
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  const health = async (status: unknown, generation = 3): Promise<unknown> => {
    const object = { metadata: { name: "quote", generation }, ...(status === undefined ? {} : { status }) };
    return JSON.parse(
      await run((await ensureHelm()).argoHealth, [join(directory, "health.lua")], JSON.stringify(object)),
    );
  };

  /** As the gateway writes it. */
  const judged = (given: Partial<Judged>, observedGeneration = 3) => ({
    state: "Running",
    conditions: verdictsOf({ problems: [], isKept: false, progress: progress(2), ...given }).map((verdict) => ({
      ...verdict,
      observedGeneration,
    })),
  });
  const progress = (having: number): Judged["progress"] => ({
    ...{ having, total: 2, waitingFor: having < 2 ? ["nuncio-1"] : [] },
    ...{ refusedBy: 0, refusal: undefined },
  });
  const problem = (code: "InvalidRegex" | "SecretNotFound"): Judged["problems"][number] => ({
    code,
    severity: "error",
    object: { kind: "Mapping", namespace: "default", name: "quote" },
    path: ["spec", "prefix"],
    message: "it is wrong",
    advice: "write it right",
  });

  it.each([
    ["nothing of it is known", undefined, "Progressing", /no gateway/],
    ["only others have written its status", { state: "Running" }, "Progressing", /no gateway/],
    ["every proxy has it", judged({}), "Healthy", /^2\/2 proxies/],
    ["some proxies have it", judged({ progress: progress(1) }), "Progressing", /^1\/2 proxies/],
    ["an older generation was judged", judged({}, 2), "Progressing", /not been judged/],
    ["it has an error", judged({ problems: [problem("InvalidRegex")] }), "Degraded", /^InvalidRegex: .*it is wrong/],
    [
      "what it names is missing",
      judged({ problems: [problem("SecretNotFound")] }),
      "Degraded",
      /^SecretNotFound: .*it is wrong/,
    ],
    [
      "an Envoy refuses it",
      judged({ progress: { ...progress(1), refusedBy: 1, refusal: "no such filter" } }),
      "Degraded",
      /^RejectedByProxy: /,
    ],
  ])("where %s", async (_, status, wanted, message) => {
    expect(await health(status)).toEqual({ status: wanted, message: expect.stringMatching(message) });
  });
});

(clusterAvailable ? describe : describe.skip)("the overlay for kustomize", () => {
  it("changes image, replicas, environment and Service, and leaves the rest as it is", async () => {
    const objects = objectsOf(await run(await ensureTestcluster(), ["kubectl", "kustomize", "gitops/kustomize"]));
    const base = objectsOf(readFileSync("manifests/install.yaml", "utf8"));
    expect(objects).toHaveLength(base.length);
    const find = (kind: string, name = "nuncio") =>
      objects.find((each) => each.kind === kind && each.metadata.name === name);
    const gateway = { name: "gateway", image: "registry.example.com/nuncio:0.1.0" };
    expect(find("Deployment")?.["spec"]).toMatchObject({
      replicas: 3,
      template: {
        spec: {
          containers: [
            { ...gateway, env: expect.arrayContaining([{ name: "AMBASSADOR_JSON_LOGGING", value: "true" }]) },
          ],
        },
      },
    });
    const admission = find("Deployment", "nuncio-admission")?.["spec"];
    expect(admission).toMatchObject({ replicas: 2, template: { spec: { containers: [{ image: gateway.image }] } } });
    expect(find("Service")?.["spec"]).toMatchObject({ externalTrafficPolicy: "Local", type: "LoadBalancer" });
  });

  it("leaves the number of gateways to an autoscaler, which is the chart's", async () => {
    const objects = objectsOf(
      await run(await ensureTestcluster(), ["kubectl", "kustomize", "gitops/kustomize/autoscaled"]),
    );
    const find = (some: readonly KubeObject[], kind: string) =>
      some.find((each) => each.kind === kind && each.metadata.name === "nuncio")?.["spec"];
    expect(find(objects, "Deployment")).not.toHaveProperty("replicas");
    const made = objectsOf(await rendered(["--set", "autoscaling.enabled=true"]));
    expect(find(objects, "HorizontalPodAutoscaler")).toEqual(find(made, "HorizontalPodAutoscaler"));
  });
});
