import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { parse, stringify } from "yaml";
import { plainNames } from "../../hack/manifests/names.ts";
import { resolved } from "../../hack/manifests/plain.ts";
import { sections } from "../../hack/manifests/sections.ts";
import { defaults, type Values, valuesSchema } from "../../hack/manifests/values.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { chart, helm, installed, keyOf, type KubeObject, objectsOf, rendered, valueSets, valuesFile } from "./helm.ts";

/** Labels that only Helm can know. */
const ofHelm = new Set(["helm.sh/chart", "app.kubernetes.io/managed-by"]);

function byKey(objects: readonly KubeObject[]): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    objects.map((object) => {
      const labels = Object.entries(object.metadata.labels ?? {}).filter(([name]) => !ofHelm.has(name));
      return [keyOf(object), { ...object, metadata: { ...object.metadata, labels: Object.fromEntries(labels) } }];
    }),
  );
}

type Json = Readonly<Record<string, unknown>>;

/** As Helm merges values: maps key by key, all else as a whole. */
function merged(base: unknown, over: unknown): unknown {
  const isMap = (value: unknown): value is Json => typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap(base) || !isMap(over)) return over;
  const both = Object.entries(over).map(([key, value]) => [key, key in base ? merged(base[key], value) : value]);
  return { ...base, ...(Object.fromEntries(both) as Json) };
}

/** In TypeScript, what Helm makes of a set of values. */
function inTypeScript(set: string): readonly KubeObject[] {
  const given: unknown = parse(readFileSync(valuesFile(set), "utf8"));
  const values = valuesSchema.parse(merged(defaults, given)) as Values;
  const names = { ...plainNames, gatewayAccount: values.serviceAccount.name || plainNames.gatewayAccount };
  return JSON.parse(JSON.stringify(resolved([...sections(names).values()].flat(), values))) as readonly KubeObject[];
}

const refusal = async (...args: readonly string[]): Promise<string> => {
  const { code, stderr } = await helm(["template", "nuncio", chart, ...args]);
  expect(code).toBe(1);
  return stderr;
};

(clusterAvailable ? describe : describe.skip)("the Helm chart", () => {
  it.each(["", ...valueSets])("is clean to helm lint --strict: values %j", async (set) => {
    const { code, stdout, stderr } = await helm([
      "lint",
      "--strict",
      chart,
      ...(set === "" ? [] : ["-f", valuesFile(set)]),
    ]);
    expect(stdout + stderr).toContain("0 chart(s) failed");
    expect(code).toBe(0);
  });

  it("makes with its defaults what install.yaml has, object by object", async () => {
    const apart = new Set(["Namespace", "CustomResourceDefinition"]);
    const wanted = byKey(installed().filter(({ kind }) => !apart.has(kind)));
    expect(Object.keys(wanted).length).toBeGreaterThan(15);
    expect(byKey(objectsOf(await rendered()))).toEqual(wanted);
    const crds = (objects: readonly KubeObject[]) => objects.filter(({ kind }) => kind === "CustomResourceDefinition");
    expect(crds(objectsOf(await rendered(["--include-crds"])))).toEqual(crds(installed()));
  });

  it.each(valueSets)("means by values the same as the code that writes install.yaml: %s", async (set) => {
    expect(byKey(objectsOf(await rendered(["-f", valuesFile(set)])))).toEqual(byKey(inTypeScript(set)));
  });

  it("names everything by the release and its namespace", async () => {
    const args = ["template", "edge", chart, "-n", "outside", "-f", valuesFile("everything")];
    const { stdout } = await helm(args);
    for (const { kind, metadata } of objectsOf(stdout)) {
      if (kind !== "IngressClass" && !kind.endsWith("Resolver") && kind !== "Module") {
        expect(metadata.name).toMatch(/^edge-nuncio/);
      }
      if (metadata.namespace !== undefined) expect(metadata.namespace).toBe("outside");
    }
    expect(stdout).toContain("edge-nuncio-admission.outside.svc");
    expect(stdout).not.toMatch(/namespace: nuncio$/m);
  });

  it("has no object outside of the namespace with scope.singleNamespace, and no right", async () => {
    const objects = objectsOf(await rendered(["-f", valuesFile("single-namespace")]));
    const namespaced = ["Deployment", "Listener", "NetworkPolicy", "PodDisruptionBudget", "Role", "RoleBinding"];
    expect([...new Set(objects.map(({ kind }) => kind))].sort()).toEqual(
      [...namespaced, "Service", "ServiceAccount"].sort(),
    );
    expect(objects.every(({ metadata }) => metadata.namespace === "nuncio")).toBe(true);
  });

  it("has the webhook's certificate signed by an authority that keeps its key, so that renewals leave caBundle alone", async () => {
    const objects = byKey(objectsOf(await rendered(["-f", valuesFile("cert-manager")])));
    const specOf = (kind: string, name: string) =>
      (objects[`${kind} nuncio/${name}`] as KubeObject | undefined)?.["spec"];
    expect(specOf("Certificate", "nuncio-admission")).toMatchObject({
      secretName: "nuncio-admission-tls",
      issuerRef: { kind: "Issuer", name: "nuncio-admission" },
    });
    expect(specOf("Issuer", "nuncio-admission")).toEqual({ ca: { secretName: "nuncio-admission-authority" } });
    expect(specOf("Certificate", "nuncio-admission-authority")).toMatchObject({
      secretName: "nuncio-admission-authority",
      isCA: true,
      privateKey: { rotationPolicy: "Never" },
      issuerRef: { kind: "Issuer", name: "nuncio-admission-authority" },
    });
    expect(specOf("Issuer", "nuncio-admission-authority")).toEqual({ selfSigned: {} });
    const theirs = ["-f", valuesFile("cert-manager"), "--set", "admission.issuerRef.name=corporate"];
    const kinds = objectsOf(await rendered(theirs)).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === "Issuer" || kind === "Certificate")).toEqual(["Certificate"]);
  });

  it.each([
    ["replicaCout=3", "additional properties 'replicaCout' not allowed"],
    ["replicaCount=three", "at '/replicaCount': got string, want integer"],
    ["replicaCount=null", "missing property 'replicaCount'"],
    ["service.type=Loadbalancer", "at '/service/type': value must be one of 'LoadBalancer', 'NodePort', 'ClusterIP'"],
    ["service.ports[0].port=80", "at '/service/ports/0': missing properties 'name', 'targetPort'"],
    ["admission.failurePolicy=fail", "at '/admission/failurePolicy': value must be one of 'Ignore', 'Fail'"],
    ["admission.certificates=helm", "at '/admission/certificates': value must be one of 'own', 'cert-manager'"],
  ])("refuses %s, and says why", async (value, why) => {
    expect(await refusal("--set", value)).toContain(why);
  });

  it.each([
    [
      "admission.conversion=true,admission.certificates=cert-manager",
      "Leave old versions behind first (docs/migrate.md)",
    ],
    ["metrics.serviceMonitor.enabled=true,adminService.create=false", "set adminService.create=true, or take"],
  ])("refuses %s together, and says what to do instead", async (values, advice) => {
    expect(await refusal("--set", values)).toContain(advice);
  });

  it("says of values of Emissary's chart that mean nothing here what to do instead, of all at once", async () => {
    const said = await refusal("--set", "agent.enabled=true,daemonSet=true");
    expect(said).toContain("- agent: nothing is reported to anybody\n- daemonSet: a Deployment is spread over nodes;");
  });

  it.each([
    ["true", true],
    ["false", false],
  ])("can be part of another chart, under a condition that is %s", async (enabled, isThere) => {
    const parent = mkdtempSync(join(tmpdir(), "nuncio-parent-"));
    try {
      const dependency = { name: "nuncio", version: "*", condition: "nuncio.enabled" };
      const about = { apiVersion: "v2", name: "parent", version: "1.0.0", dependencies: [dependency] };
      writeFileSync(join(parent, "Chart.yaml"), stringify(about));
      cpSync(chart, join(parent, "charts/nuncio"), { recursive: true });
      const values = `global.region=x,nuncio.enabled=${enabled}`;
      const { code, stdout } = await helm(["template", "edge", parent, "--set", values]);
      expect([code, stdout.includes("kind: Deployment")]).toEqual([0, isThere]);
    } finally {
      rmSync(parent, { recursive: true, force: true });
    }
  });
});
