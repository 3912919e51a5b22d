import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import { root } from "../../hack/paths.mjs";
import { eventually } from "../support/eventually.ts";
import type { Cluster } from "./cluster.ts";

export interface InstalledManifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly webhooks?: readonly object[];
  readonly spec?: { readonly template?: { readonly metadata: object; readonly spec: object } };
}

/** A webhook that is a process of this machine. */
export interface WebhookPlace {
  /** `https://127.0.0.1:PORT` */
  readonly url: string;
  /** PEM of what the API server trusts there. */
  readonly certificatePem: string;
}

/** The objects of manifests/install.yaml, in its order; without the kinds, which `applyCrds` has and some tests go without. */
export function installed(): readonly InstalledManifest[] {
  const text = readFileSync(join(root, "manifests/install.yaml"), "utf8");
  const all = parseAllDocuments(text).map((each) => each.toJS() as InstalledManifest);
  return all.filter(({ kind }) => kind !== "CustomResourceDefinition");
}

/** Applies manifests/crds.yaml; resolves when the API server serves the kinds. */
export async function applyCrds({ apply, kubectl }: Cluster): Promise<void> {
  await apply(readFileSync(join(root, "manifests/crds.yaml"), "utf8"));
  // Not one call: kubectl gives up on a CRD that has no conditions yet ("accessor error: <nil>").
  const wait = ["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"];
  await eventually("the CRDs are established", () => kubectl(wait), { timeoutMs: 60_000 });
}

/** Applies the objects of manifests/install.yaml that are wanted. Never the webhook: nobody runs its Pods in a test cluster, and each
 *  request would wait for them. */
export async function applyInstalled(
  { apply }: Cluster,
  wanted: (manifest: InstalledManifest) => boolean = () => true,
): Promise<void> {
  const manifests = installed().filter((each) => each.kind !== "ValidatingWebhookConfiguration" && wanted(each));
  await apply(documents(manifests));
}

/** The shipped configuration of the webhook, but for where it is. */
export async function applyWebhook({ apply }: Cluster, { url, certificatePem }: WebhookPlace): Promise<void> {
  const clientConfig = { url: `${url}/validate`, caBundle: Buffer.from(certificatePem).toString("base64") };
  const hooks = installed().filter(({ kind }) => kind === "ValidatingWebhookConfiguration");
  await apply(
    documents(
      hooks.map((hook) => ({ ...hook, webhooks: hook.webhooks?.map((each) => ({ ...each, clientConfig })) ?? [] })),
    ),
  );
}

function documents(manifests: readonly object[]): string {
  return manifests.map((each) => stringify(each)).join("---\n");
}
