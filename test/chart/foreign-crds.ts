import { stringify } from "yaml";

/** Kinds of others, as far as the chart writes them: whatever it misspells is refused. */
export function foreignCrds(): string {
  const text = { type: "string" };
  const texts = { type: "object", additionalProperties: text };
  const object = (properties: object) => ({ type: "object", properties });
  const list = (items: object) => ({ type: "array", items });
  const endpoint = object({ port: text, path: text, interval: text, scrapeTimeout: text });
  const selector = object({ matchLabels: texts });
  const issuerRef = object({ kind: text, name: text, group: text });
  const privateKey = object({ algorithm: text, size: { type: "integer" }, rotationPolicy: text });
  const crd = (group: string, version: string, kind: string, spec: object) => ({
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${kind.toLowerCase()}s.${group}` },
    spec: {
      ...{ group, scope: "Namespaced" },
      names: { kind, plural: `${kind.toLowerCase()}s`, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        { name: version, served: true, storage: true, schema: { openAPIV3Schema: object({ spec: object(spec) }) } },
      ],
    },
  });
  return [
    crd("cert-manager.io", "v1", "Issuer", { selfSigned: { type: "object" }, ca: object({ secretName: text }) }),
    crd("cert-manager.io", "v1", "Certificate", {
      ...{ secretName: text, dnsNames: list(text), privateKey, issuerRef },
      ...{ isCA: { type: "boolean" }, commonName: text, duration: text },
    }),
    crd("monitoring.coreos.com", "v1", "ServiceMonitor", { selector, endpoints: list(endpoint) }),
    crd("monitoring.coreos.com", "v1", "PodMonitor", { selector, podMetricsEndpoints: list(endpoint) }),
  ]
    .map((each) => stringify(each))
    .join("---\n");
}
