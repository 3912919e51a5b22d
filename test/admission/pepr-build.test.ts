import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { kinds } from "../../capabilities/kinds.ts";
import { manifestFiles } from "../../hack/manifests/files.ts";

const root = join(import.meta.dirname, "../..");

interface Rule {
  readonly apiGroups: readonly string[];
  readonly apiVersions?: readonly string[];
  readonly operations?: readonly string[];
  readonly resources: readonly string[];
  readonly verbs?: readonly string[];
}

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly Rule[];
  readonly webhooks?: readonly {
    readonly rules: readonly Rule[];
    readonly failurePolicy: string;
    readonly timeoutSeconds: number;
  }[];
}

const documents = (text: string): Manifest[] =>
  parseAllDocuments(text)
    .map((each) => each.toJS() as Manifest)
    .filter((each) => each !== null);

/** `getambassador.io/v3alpha1 mappings CREATE`, one for each combination. */
function webhookCalls(manifests: readonly Manifest[]): string[] {
  const rules = manifests
    .filter(({ kind }) => kind === "ValidatingWebhookConfiguration")
    .flatMap(({ webhooks }) => webhooks ?? [])
    .flatMap((each) => each.rules);
  return rules
    .flatMap(({ apiGroups, apiVersions = [], operations = [], resources }) =>
      apiGroups.flatMap((group) =>
        apiVersions.flatMap((version) =>
          resources.flatMap((resource) =>
            operations.map((operation) => `${group}/${version} ${resource} ${operation}`),
          ),
        ),
      ),
    )
    .sort();
}

/** Verbs by `group/resource` of a ClusterRole. */
function rights(manifests: readonly Manifest[], name: string): ReadonlyMap<string, readonly string[]> {
  const role = manifests.find((each) => each.kind === "ClusterRole" && each.metadata.name === name);
  return new Map(
    (role?.rules ?? []).flatMap(({ apiGroups, resources, verbs = [] }) =>
      apiGroups.flatMap((group) => resources.map((resource) => [`${group}/${resource}`, verbs] as const)),
    ),
  );
}

describe("npx pepr build -M scoped", () => {
  let directory: string;
  let output: string;
  let built: Manifest[];
  const shipped = documents(manifestFiles().get("manifests/install.yaml") ?? "");

  beforeAll(async () => {
    // Below the repository: the module that it writes is run from there, and finds pepr by going up.
    mkdirSync(join(root, ".cache"), { recursive: true });
    directory = mkdtempSync(join(root, ".cache/pepr-build-"));
    output = await new Promise((resolve) => {
      const args = [join(root, "node_modules/pepr/dist/cli.js"), "build", "-M", "scoped", "-o", directory];
      // No cluster to be found, whoever runs the tests.
      const env = { ...process.env, KUBECONFIG: join(directory, "none"), HOME: directory, NODE_OPTIONS: "" };
      // Its exit code says nothing: it is 0 when the module cannot be loaded.
      execFile(process.execPath, args, { cwd: root, env, timeout: 290_000 }, (_error, stdout, stderr) =>
        resolve(stdout + stderr),
      );
    });
    const file = join(directory, "pepr-module-nuncio.yaml");
    try {
      built = documents(readFileSync(file, "utf8"));
    } catch {
      throw new Error(`pepr build wrote no manifest:\n${output.slice(-4000)}`);
    }
  }, 300_000);
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it("loads pepr.ts without a cluster and lists every capability", () => {
    const listed = [...output.matchAll(/Registered Pepr Capability "([^"]+)"/g)].map(([, name]) => name);
    expect(listed).toEqual(
      kinds.filter(({ watched, validated }) => watched || validated).map(({ kind }) => kind.toLowerCase()),
    );
  });

  it("asks the webhook about exactly what we ship", () => {
    const writes = 2 * kinds.filter(({ validated }) => validated).length;
    const deletions = kinds.filter(({ validated }) => validated === true).length;
    expect(webhookCalls(built)).toHaveLength(writes + deletions);
    expect(webhookCalls(shipped)).toEqual(webhookCalls(built));
    const hookOf = (manifests: readonly Manifest[]) =>
      manifests
        .flatMap(({ webhooks }) => webhooks ?? [])
        .map(({ failurePolicy, timeoutSeconds }) => ({ failurePolicy, timeoutSeconds }));
    // Three of ours: those for annotated objects and for deletions have conditions, which Pepr cannot write.
    expect(hookOf(shipped)).toEqual([
      ...hookOf(built),
      ...hookOf(built),
      { failurePolicy: "Ignore", timeoutSeconds: 2 },
    ]);
    expect(hookOf(built)).toEqual([{ failurePolicy: "Ignore", timeoutSeconds: 5 }]);
  });

  it("needs rights on exactly what ours may read", () => {
    // Of its own: its store, which we do without.
    const needed = [...rights(built, "pepr-nuncio").keys()].filter(
      (key) => !/^(pepr\.dev|apiextensions\.k8s\.io)\//.test(key),
    );
    // Written by the gateway, which is no capability of Pepr's.
    const isWritten = (key: string) => key.endsWith("/status") || key === "events.k8s.io/events";
    const all = [...rights(shipped, "nuncio")];
    for (const [key, verbs] of all.filter(([key]) => key.endsWith("/status")))
      expect([key, verbs]).toEqual([key, ["patch"]]);
    const ours = new Map(all.filter(([key]) => !isWritten(key)));
    expect([...ours.keys()].sort()).toEqual(needed.sort());
    for (const verbs of ours.values()) {
      expect(verbs).toEqual(expect.arrayContaining(["list", "watch"])); // Pepr forgets list: KFC lists first
      expect(["get", "list", "watch"]).toEqual(expect.arrayContaining([...verbs]));
    }
    const admission = rights(shipped, "nuncio-admission");
    expect(admission.get("/secrets")).toEqual(["list", "watch"]);
    // For the trust in its certificates, which Pepr's controller makes at build.
    const trust = "admissionregistration.k8s.io/validatingwebhookconfigurations";
    expect(admission.get(trust)).toEqual(["get", "patch"]);
    expect([...admission.keys()].filter((key) => key !== trust).sort()).toEqual(
      needed.filter((key) => key !== "discovery.k8s.io/endpointslices").sort(),
    );
  });
});
