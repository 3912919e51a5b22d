import { all, type Condition, not, on } from "./parts.ts";
import { hasAdmission, ownCertificates } from "./rbac.ts";

/** Values of Emissary's chart that have no meaning here: the schema knows them, so that a template can say what to do instead. */
export const refusedValues: Readonly<Record<string, string>> = {
  agent: "nothing is reported to anybody",
  ambassadorConfig: "apply the objects, or write an annotation; files beside a cluster are not read",
  barePod: "a Deployment is what runs; set replicaCount",
  canary: "install a second release, with a Service of its own or the labels of this one",
  containerNameOverride: "the container is called gateway",
  crds: "Helm installs the chart's crds/ unless --skip-crds says no, and never changes or deletes them",
  createNamespace: "use helm install --create-namespace",
  daemonSet: "a Deployment is spread over nodes; set replicaCount or autoscaling, and hostNetwork where it is wanted",
  deploymentNameOverride: "use fullnameOverride",
  deploymentTool: "no object depends on the tool",
  docker: "use image and imagePullSecrets",
  namespace: "use helm --namespace, or namespaceOverride",
  prometheusExporter: "metrics are on the admin port; see metrics",
  restartPolicy: "Pods of a Deployment are always restarted",
  securityContext: "use security.podSecurityContext",
  test: "there is no test Pod; helm install --wait tells whether the gateway is ready",
  volumeMountsRaw: "use volumeMounts",
  volumesRaw: "use volumes",
  waitForApiext: "nothing has to be waited for",
};

/** Values that cannot work together, and what to do instead. */
const refusedTogether: readonly { readonly condition: Condition; readonly advice: string }[] = [
  {
    condition: all(hasAdmission, on("admission.conversion"), not(ownCertificates)),
    advice:
      "admission.conversion needs admission.certificates=own: cert-manager would not tell the CRDs of crds-legacy.yaml whom to trust, " +
      "and no object of an old version could be read. Leave old versions behind first (docs/migrate.md), or stay with own",
  },
  {
    condition: all(on("metrics.serviceMonitor.enabled"), not(on("adminService.create"))),
    advice:
      "metrics.serviceMonitor goes by the admin Service: set adminService.create=true, or take metrics.podMonitor",
  },
];

/** A template that writes nothing, and fails where one of them is set. */
export function refusalTemplate(): string {
  const entries = Object.entries(refusedValues).map(
    ([name, advice]) => `  ${JSON.stringify(name)} ${JSON.stringify(advice)}`,
  );
  const together = refusedTogether.map(
    ({ condition, advice }) =>
      `{{- if ${condition.chart} }}\n{{- fail ${JSON.stringify(`\n${advice}`)} }}\n{{- end }}\n`,
  );
  return `{{- $advice := dict
${entries.join("\n")}
}}
{{- $found := list }}
{{- range $name, $text := $advice }}
{{- if hasKey $.Values $name }}
{{- $found = append $found (printf "%s: %s" $name $text) }}
{{- end }}
{{- end }}
{{- with $found }}
{{- fail (printf "\\nvalues of Emissary's chart without a meaning here; take them out:\\n- %s" (join "\\n- " .)) }}
{{- end }}
${together.join("")}`;
}
