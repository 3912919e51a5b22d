import { describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { chart, helm, objectsOf, rendered, valuesFile } from "./helm.ts";

// What single values of the chart do; render.test.ts compares whole sets of them with the code that writes install.yaml.

/** Paths of everything that is no text: `Service spec.ports.0.port`. */
function numbersOf(text: string): readonly string[] {
  const found = (node: unknown, path: string): readonly string[] => {
    if (typeof node === "object" && node !== null)
      return Object.entries(node).flatMap(([key, child]) => found(child, `${path}.${key}`));
    return typeof node === "string" ? [] : [path];
  };
  return objectsOf(text)
    .flatMap((object, index) => found(object, `${object.kind} ${index}`))
    .sort();
}

interface Container {
  readonly name: string;
  readonly ports: readonly object[];
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}

interface PodSpec {
  readonly dnsPolicy: string;
  readonly securityContext: object;
  readonly automountServiceAccountToken: boolean;
  readonly initContainers?: readonly Container[];
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string; readonly projected?: { readonly sources: readonly object[] } }[];
}

interface Deployment {
  readonly strategy: object;
  readonly template: { readonly spec: PodSpec };
}

async function gateway(...values: readonly string[]): Promise<Deployment> {
  const [found] = objectsOf(await rendered([...values, "-s", "templates/deployment.yaml"]));
  return found?.["spec"] as Deployment;
}

const gatewayPod = async (...values: readonly string[]): Promise<PodSpec> => (await gateway(...values)).template.spec;

(clusterAvailable ? describe : describe.skip)("a value of the chart", () => {
  it("stays text where YAML would read a number, a boolean or a date", async () => {
    const given = [
      "resolvers.endpoint.create=true",
      "admission.certificates=cert-manager",
      "metrics.podMonitor.enabled=true",
    ];
    const names = [
      "fullnameOverride=2024-01-01",
      "nameOverride=1e3",
      "rbac.nameOverride=true",
      "serviceAccount.name=0x1",
    ];
    const others = ["service.nameOverride=12", "resolvers.endpoint.name=5"];
    const named = ["--set", given.join(","), "--set-string", [...names, ...others].join(",")];
    const { stdout } = await helm(["template", "2024", chart, "-n", "1234567", ...named]);
    expect(numbersOf(stdout)).toEqual(numbersOf(await rendered(["--set", given.join(",")])));
  });

  it("opens a port that several ports of the Service lead to once, and its node's port with it", async () => {
    const ports = [
      { name: "http", port: 80, targetPort: 8080 },
      { name: "https", port: 443, targetPort: 8080, hostPort: 8000 },
      { name: "http3", port: 443, targetPort: 8080, protocol: "UDP" },
      { name: "diagnostics", port: 8877, targetPort: 8877 },
    ];
    const { containers } = await gatewayPod("--set-json", `service.ports=${JSON.stringify(ports)}`);
    expect(containers[0]?.ports).toEqual([
      { name: "admin", containerPort: 8877 },
      { name: "http", containerPort: 8080, hostPort: 8000 },
      { name: "http3", containerPort: 8080, protocol: "UDP" },
    ]);
    const twice = ports.map((port) => ({ ...port, hostPort: port.port }));
    const { code, stderr } = await helm([
      "template",
      "nuncio",
      chart,
      "--set-json",
      `service.ports=${JSON.stringify(twice)}`,
    ]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("targetPort 8080/TCP has two values of hostPort")]);
  });

  it.each([
    [[], 1, 0, "ClusterFirst"],
    [["--set", "hostNetwork=true"], 0, 1, "ClusterFirstWithHostNet"],
    [["--set", "service.ports[0].hostPort=80"], 0, 1, "ClusterFirst"],
    [["--set", "hostNetwork=true,deploymentStrategy.type=Recreate,dnsPolicy=Default"], undefined, undefined, "Default"],
  ])(
    "that takes ports of the node lets a gateway go before its successor comes: %j",
    async (values, maxSurge, maxUnavailable, dns) => {
      const ports = [{ name: "http", port: 80, targetPort: 8080 }];
      const { strategy, template } = await gateway("--set-json", `service.ports=${JSON.stringify(ports)}`, ...values);
      const { rollingUpdate } = strategy as { rollingUpdate?: object };
      expect(rollingUpdate).toEqual(maxSurge === undefined ? undefined : { maxSurge, maxUnavailable });
      expect(template.spec.dnsPolicy).toBe(dns);
    },
  );

  it("says of which namespaces the API server asks, all webhooks alike", async () => {
    const selector = { matchLabels: { edge: "yes" } };
    const given = [
      "--set",
      "admission.mutate=true",
      "--set-json",
      `admission.namespaceSelector=${JSON.stringify(selector)}`,
    ];
    const selectors = async (...values: readonly string[]) =>
      objectsOf(await rendered([...values, "-s", "templates/admission-webhooks.yaml"])).flatMap(({ webhooks }) =>
        (webhooks as { namespaceSelector?: object }[]).map(({ namespaceSelector }) => namespaceSelector),
      );
    expect(await selectors(...given)).toEqual([selector, selector, selector, selector]);
    expect(await selectors()).toEqual([undefined, undefined, undefined]);
  });

  it("such as a sidecar or an init container gets no token of the API server, which ours has where Kubernetes would put it", async () => {
    const files = ["deployment", "admission-deployment"].flatMap((name) => ["-s", `templates/${name}.yaml`]);
    const pods = objectsOf(await rendered(["-f", valuesFile("everything"), ...files])).map(
      ({ spec }) => (spec as Deployment).template.spec,
    );
    const mounting = pods.map((pod) => {
      const volume = pod.volumes.find(({ projected }) => projected !== undefined);
      const sources = volume?.projected?.sources.flatMap((source) => Object.keys(source));
      expect(sources).toEqual(["serviceAccountToken", "configMap", "downwardAPI"]);
      return [...(pod.initContainers ?? []), ...pod.containers].flatMap((container) =>
        (container.volumeMounts ?? [])
          .filter(({ name }) => name === volume?.name)
          .map(({ mountPath }) => `${container.name}: ${mountPath}`),
      );
    });
    const path = "/var/run/secrets/kubernetes.io/serviceaccount";
    expect(mounting).toEqual([[`gateway: ${path}`], [`admission: ${path}`]]);
    expect(pods.map((pod) => pod.automountServiceAccountToken)).toEqual([false, false]);
    expect(pods[0]?.containers.map(({ name }) => name)).toEqual(["gateway", "agent"]);
  });

  it.each([
    [[], { maxUnavailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow" }],
    [["minAvailable=1"], { minAvailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow" }],
    [
      ["minAvailable=1", "unhealthyPodEvictionPolicy=IfHealthyBudget"],
      { minAvailable: 1, unhealthyPodEvictionPolicy: "IfHealthyBudget" },
    ],
  ])("lets a Pod that is not ready go with its node: podDisruptionBudget %j", async (given, wanted) => {
    const values = given.flatMap((each) => ["--set", `podDisruptionBudget.${each}`]);
    const budgets = objectsOf(await rendered([...values, "-s", "templates/pdb.yaml"])).map(({ spec }) => spec);
    const admission = { maxUnavailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow" };
    expect(budgets).toMatchObject([wanted, admission]);
  });

  it("is taken out by null, so that OpenShift chooses the user", async () => {
    const ids = ["runAsUser", "runAsGroup"].map((each) => `security.podSecurityContext.${each}=null`);
    const { securityContext } = await gatewayPod("--set", ids.join(","));
    expect(securityContext).toEqual({ runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } });
  });
});
