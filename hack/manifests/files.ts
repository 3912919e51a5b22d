/** What is applied to a cluster, and the Helm chart: text by path. */
import { stringify } from "yaml";
import { customKinds, type CustomKind } from "../../capabilities/kinds.ts";
import { conversionRules, knativeRules, trustRules } from "../../capabilities/rules.ts";
import { admissionName, conversionWebhook, mutatingConfiguration } from "../../capabilities/webhook.ts";
import { yamlOptions } from "../../crds/documents.ts";
import { crdOf } from "../../crds/structural.ts";
import { versionedKinds } from "../../crds/versions/kinds.ts";
import { chartFiles } from "./chart-files.ts";
import {
  crdsHeader,
  installHeader,
  knativeHeader,
  kustomizationHeader,
  legacyHeader,
  mutateHeader,
} from "./headers.ts";
import { labels } from "./labels.ts";
import { plainNames as names } from "./names.ts";
import { resolved } from "./plain.ts";
import { addedAccess } from "./rbac.ts";
import { sections } from "./sections.ts";
import { defaults } from "./values.ts";

/** Text by path from the repository's root. */
export function manifestFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["manifests/crds.yaml", crdsHeader + documents(crds())],
    ["manifests/crds-legacy.yaml", legacyHeader + documents([...customKinds.map(legacyCrd), ...conversionAccess()])],
    ["manifests/install.yaml", installHeader + documents(installed())],
    ["manifests/knative.yaml", knativeHeader + documents(knativeAccess())],
    ["manifests/mutate.yaml", mutateHeader + documents(mutation())],
    ["manifests/kustomization.yaml", kustomizationHeader + stringify(kustomization)],
    ...chartFiles(documents(crds())),
  ]);
}

function documents(objects: readonly unknown[]): string {
  const options = { ...yamlOptions, lineWidth: 0, aliasDuplicateObjects: false } as const;
  return resolved(objects, defaults)
    .map((object) => `---\n${stringify(object, options)}`)
    .join("");
}

function crds(): readonly unknown[] {
  return customKinds.map((row) => crdOf(row));
}

/** In an order in which one `kubectl apply` is enough. */
function installed(): readonly unknown[] {
  const policy = { "pod-security.kubernetes.io/enforce": "restricted" };
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: names.namespace, labels: policy } };
  return [namespace, ...crds(), ...[...sections(names).values()].flat()];
}

/** A base for overlays. */
const kustomization = {
  apiVersion: "kustomize.config.k8s.io/v1beta1",
  kind: "Kustomization",
  resources: ["install.yaml"],
};

function legacyCrd(row: CustomKind): unknown {
  const versions = [...(versionedKinds.get(row.kind)?.older ?? [])].reverse();
  return crdOf(row, { versions, conversion: conversionWebhook() });
}

const admission = { component: "admission", account: names.admissionAccount } as const;

function conversionAccess(): readonly unknown[] {
  return addedAccess(names, { ...admission, name: "nuncio-conversion", rules: conversionRules() });
}

function knativeAccess(): readonly unknown[] {
  const gateway = { component: "gateway", account: names.gatewayAccount } as const;
  return addedAccess(names, { ...gateway, name: "nuncio-knative", rules: knativeRules() });
}

function mutation(): readonly unknown[] {
  const rules = trustRules("mutatingwebhookconfigurations", admissionName);
  return [
    ...addedAccess(names, { ...admission, name: "nuncio-mutation", rules }),
    mutatingConfiguration({ labels: labels(names, "admission") }),
  ];
}
