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

/** A template that writes nothing, and fails where one of them is set. */
export function refusalTemplate(): string {
  const entries = Object.entries(refusedValues).map(
    ([name, advice]) => `  ${JSON.stringify(name)} ${JSON.stringify(advice)}`,
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
`;
}
