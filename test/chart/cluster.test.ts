import { afterAll, beforeAll, describe, expect, it, jest } from "@jest/globals";
import {
  admissionRules,
  authorityRules,
  conversionRules,
  gatewayRules,
  knativeRules,
  lastGoodRules,
  type PolicyRule,
  replicaRules,
  trustRules,
} from "../../capabilities/rules.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { type Cluster, type KubectlResult, startCluster } from "../cluster/cluster.ts";
import { eventually } from "../support/eventually.ts";
import { foreignCrds } from "./foreign-crds.ts";
import { chart, helm, type HelmResult, keyOf, type KubeObject, valueSets, valuesFile } from "./helm.ts";

// An API server alone: what it takes, and what it lets accounts do. test/e2e and test/admission run the processes with these accounts.

jest.setTimeout(300_000);

/** One for each thing that is allowed, as kubectl writes resources: `patch hosts.getambassador.io/status`. */
function grants(rules: readonly PolicyRule[]): readonly string[] {
  const all = rules.flatMap(({ apiGroups, resources, resourceNames = [""], verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        resourceNames.flatMap((name) =>
          verbs.map((verb) => {
            const [plural, subresource] = resource.split("/");
            const of = `${plural}${group === "" ? "" : `.${group}`}${subresource === undefined ? "" : `/${subresource}`}`;
            return `${verb} ${of} ${name}`.trim();
          }),
        ),
      ),
    ),
  );
  return [...new Set(all)].sort();
}

(clusterAvailable ? describe : describe.skip)("an installation", () => {
  let cluster: Cluster;

  const kubectl = (args: readonly string[], input?: string): Promise<KubectlResult> =>
    cluster.kubectl(args, { allowFail: true, ...(input === undefined ? {} : { input }) });
  const withHelm = async (...args: readonly string[]): Promise<HelmResult> => {
    const result = await helm(args, cluster.kubeconfig);
    expect(result).toMatchObject({ code: 0 });
    return result;
  };

  /** All that an account may do in a namespace, but for what everybody may. */
  async function allowed(account: string, namespace: string): Promise<readonly string[]> {
    const [theirs, anybodys] = await Promise.all(
      [account, "nobody:nobody"].map(async (name) => {
        const as = `--as=system:serviceaccount:${name}`;
        const { stdout } = await cluster.kubectl(["auth", "can-i", "--list", "-n", namespace, as, "--no-headers"]);
        return stdout.split("\n").flatMap((line) => {
          const found = /^(\S+) +\[(.*?)\] +\[(.*?)\] +\[(.*?)\]$/.exec(line.trim());
          const [, resource = "", , names = "", verbs = ""] = found ?? [];
          const each = names === "" ? [""] : names.split(" ");
          return verbs.split(" ").flatMap((verb) => each.map((of) => `${verb} ${resource} ${of}`.trim()));
        });
      }),
    );
    return [...new Set(theirs)].filter((each) => !anybodys?.includes(each)).sort();
  }

  beforeAll(async () => {
    cluster = await startCluster();
    await cluster.apply(foreignCrds());
    await eventually(
      "their kinds are served",
      async () => (await kubectl(["get", "podmonitors,issuers", "-A"])).code === 0,
    );
  });
  afterAll(() => cluster?.stop());

  it("is made by one kubectl apply of install.yaml, and a second one changes nothing", async () => {
    const first = await kubectl(["apply", "-f", "manifests/install.yaml"]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    // The API server brings the status of CRDs up to date on its own.
    const versions = async () => {
      const { items } = JSON.parse(
        (await cluster.kubectl(["get", "-f", "manifests/install.yaml", "-o", "json"])).stdout,
      );
      const others = (items as KubeObject[]).filter(({ kind }) => kind !== "CustomResourceDefinition");
      return others.map((each) => [keyOf(each), (each.metadata as { resourceVersion?: string }).resourceVersion]);
    };
    const before = await versions();
    expect(before.length).toBeGreaterThan(20);
    const second = await kubectl(["apply", "-f", "manifests/install.yaml"]);
    expect(second.stdout.match(/^customresource.* unchanged$/gm)).toHaveLength(14);
    expect(await versions()).toEqual(before);
  });

  it("gives each account what its process needs, and nothing else", async () => {
    const own = [...replicaRules(), ...lastGoodRules()];
    const admission = [...admissionRules(), ...trustRules("validatingwebhookconfigurations", "nuncio-admission")];
    expect(await allowed("nuncio:nuncio", "default")).toEqual(grants(gatewayRules()));
    expect(await allowed("nuncio:nuncio", "nuncio")).toEqual(grants([...gatewayRules(), ...own]));
    expect(await allowed("nuncio:nuncio-admission", "default")).toEqual(grants(admission));
    expect(await allowed("nuncio:nuncio-admission", "nuncio")).toEqual(
      grants([...admission, ...authorityRules("nuncio-admission-ca")]),
    );
    expect(grants([...gatewayRules(), ...own, ...admission]).join("\n")).not.toContain("*");
  });

  it.each([
    ["yes", "nuncio", "watch mappings.getambassador.io -A"],
    ["yes", "nuncio", "patch hosts.getambassador.io --subresource=status -n default"],
    ["no", "nuncio", "patch hosts.getambassador.io -n default"],
    ["no", "nuncio", "create mappings.getambassador.io -n nuncio"],
    ["no", "nuncio", "create secrets -n default"],
    ["no", "nuncio", "get pods -n nuncio"],
    ["no", "nuncio", "create leases.coordination.k8s.io -n default"],
    ["yes", "nuncio-admission", "patch validatingwebhookconfigurations.admissionregistration.k8s.io/nuncio-admission"],
    ["no", "nuncio-admission", "patch validatingwebhookconfigurations.admissionregistration.k8s.io/another"],
    ["no", "nuncio-admission", "get secrets/another -n nuncio"],
    ["no", "nuncio-admission", "patch customresourcedefinitions.apiextensions.k8s.io/mappings.getambassador.io"],
    ["no", "nuncio-admission", "patch mappings.getambassador.io --subresource=status -n default"],
  ])("kubectl auth can-i says %s to %s: %s", async (answer, account, asked) => {
    const as = `--as=system:serviceaccount:nuncio:${account}`;
    expect((await kubectl(["auth", "can-i", ...asked.split(" "), as])).stdout.trim()).toBe(answer);
  });

  it.each(["", ...valueSets])(
    "is taken by the API server as the chart makes it, field by field: values %j",
    async (set) => {
      await cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: { name: checked }");
      const values = ["--set", "ingressClassResource.name=checked", ...(set === "" ? [] : ["-f", valuesFile(set)])];
      const { stdout: text } = await helm(["template", "checked", chart, "-n", "checked", ...values]);
      expect(text).toContain("kind: Deployment");
      const checked = ["apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", "-"];
      expect(await kubectl(checked, text)).toMatchObject({ code: 0, stderr: "" });
    },
  );

  it("of one namespace has rights there alone", async () => {
    await cluster.apply("apiVersion: v1\nkind: Namespace\nmetadata: { name: team }");
    const release = ["template", "edge", chart, "-n", "team", "-f", valuesFile("single-namespace")];
    const text = await helm(release);
    expect(await kubectl(["apply", "-f", "-"], text.stdout)).toMatchObject({ code: 0, stderr: "" });
    const rules = [...replicaRules(), ...lastGoodRules(), ...gatewayRules("Namespaced"), ...knativeRules()];
    expect(await allowed("team:edge-nuncio", "team")).toEqual(grants(rules));
    for (const other of ["default", "nuncio"]) expect(await allowed("team:edge-nuncio", other)).toEqual([]);
    expect(grants(rules).join("\n")).not.toContain("ingressclasses");
    const without = await helm([...release, "--set", "rbac.lastGoodSecrets=false"]);
    expect(await kubectl(["apply", "-f", "-"], without.stdout)).toMatchObject({ code: 0, stderr: "" });
    const fewer = [...replicaRules(), ...gatewayRules("Namespaced"), ...knativeRules()];
    expect(grants(fewer).length).toBe(grants(rules).length - 3);
    await eventually("the rights are taken", async () => {
      expect(await allowed("team:edge-nuncio", "team")).toEqual(grants(fewer));
      return true;
    });
  });

  it("by helm is installed, upgraded, rolled back, given an autoscaler and removed; its kinds and their objects stay", async () => {
    const release = ["edge", chart, "-n", "edge"];
    const switched = ["--set", "ingressClassResource.name=edge", "--set", "createDefaultListeners=true"];
    await withHelm("install", ...release, "--create-namespace", ...switched);
    const replicas = async () =>
      (await cluster.kubectl(["get", "deployment", "edge-nuncio", "-n", "edge", "-o=jsonpath={.spec.replicas}"]))
        .stdout;
    await withHelm(
      "upgrade",
      ...release,
      "--reuse-values",
      "-f",
      valuesFile("cert-manager"),
      "--set",
      "replicaCount=4",
    );
    expect(await replicas()).toBe("4");
    const hook = [
      "get",
      "validatingwebhookconfiguration",
      "edge-nuncio-admission",
      "-o=jsonpath={.metadata.annotations}",
    ];
    expect((await cluster.kubectl(hook)).stdout).toContain(
      '"cert-manager.io/inject-ca-from":"edge/edge-nuncio-admission"',
    );
    await withHelm("rollback", "edge", "-n", "edge");
    expect(await replicas()).toBe("2");
    expect((await cluster.kubectl(["get", "certificates,issuers", "-n", "edge"])).stderr).toContain(
      "No resources found",
    );
    const rules = [...admissionRules(), ...trustRules("validatingwebhookconfigurations", "edge-nuncio-admission")];
    expect(await allowed("edge:edge-nuncio-admission", "default")).toEqual(grants(rules));
    await withHelm("upgrade", ...release, "--reuse-values", "--set", "admission.conversion=true,admission.mutate=true");
    expect(await allowed("edge:edge-nuncio-admission", "default")).toEqual(
      grants([...rules, ...trustRules("mutatingwebhookconfigurations", "edge-nuncio-admission"), ...conversionRules()]),
    );
    await cluster.kubectl(["scale", "deployment", "edge-nuncio", "-n", "edge", "--replicas=5"]);
    await withHelm("upgrade", ...release, "--reuse-values", "--set", "autoscaling.enabled=true");
    expect(await replicas()).toBe("5");
    const next = ["--reuse-values", "--dry-run=server", "--set", "admission.failurePolicy=Fail"];
    const { stdout } = await withHelm("upgrade", ...release, ...next);
    expect(stdout).toMatch(/^ {2}replicas:\s+5$/m);
    expect(stdout).toContain("and of every Ingress of the cluster, whichever controller serves it.");
    // Switched, and then changed: the number stays what it is. Back to the switch: what it was then.
    await withHelm("upgrade", ...release, "--reuse-values", "--set", "podLabels.a=b");
    expect(await replicas()).toBe("5");
    await withHelm("uninstall", "edge", "-n", "edge");
    await withHelm("install", ...release, ...switched, "--set", "autoscaling.enabled=true");
    await cluster.kubectl(["scale", "deployment", "edge-nuncio", "-n", "edge", "--replicas=5"]);
    await withHelm("upgrade", ...release, "--reuse-values", "--set", "podLabels.a=b");
    expect(await replicas()).toBe("5");
    await withHelm("rollback", "edge", "1", "-n", "edge");
    expect(await replicas()).toBe("5");
    await withHelm("uninstall", "edge", "-n", "edge");
    expect((await cluster.kubectl(["get", "all,roles,listeners,secrets", "-n", "edge"])).stderr).toContain(
      "No resources",
    );
    expect((await cluster.kubectl(["get", "listeners", "-n", "team"])).stdout).toContain("edge-nuncio-http");
  });
});
