/** What the admission webhook is called, where it is installed, and what it is asked about. */
import { group } from "../crds/common.ts";
import { webhookRules } from "./rules.ts";

export const installNamespace = "nuncio";
/** Of its Deployment, Service, ServiceAccount and ValidatingWebhookConfiguration. */
export const admissionName = "nuncio-admission";
/** Holds the certificate that it serves. */
export const admissionSecretName = "nuncio-admission-tls";

const webhookName = `${admissionName}.${installNamespace}.svc`;
/** Of objects that matter to us only for what stands in their annotation. */
const annotatedName = `annotated.${webhookName}`;
const type = { apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingWebhookConfiguration" } as const;

/** Without caBundle: whoever makes the certificate sets it. */
export function webhookConfiguration(labels: Readonly<Record<string, string>>): unknown {
  return {
    ...type,
    metadata: { name: admissionName, labels },
    webhooks: [
      webhook(webhookName, { rules: webhookRules(true) }),
      webhook(annotatedName, { rules: webhookRules("annotated"), matchConditions: [annotated] }),
    ],
  };
}

/** So that the API server asks about no other Service. */
const annotated = {
  name: "annotated",
  expression: `has(object.metadata.annotations) && "${group}/config" in object.metadata.annotations`,
};

function webhook(name: string, asked: object): object {
  return {
    name,
    clientConfig: { service: { name: admissionName, namespace: installNamespace, path: "/validate", port: 443 } },
    ...asked,
    failurePolicy: "Ignore",
    matchPolicy: "Equivalent",
    sideEffects: "None",
    timeoutSeconds: 5,
    admissionReviewVersions: ["v1"],
  };
}

/** Only whom the API server trusts: to be applied on the server's side, to the configuration that is there. */
export function webhookTrust(caBundle: string): unknown {
  const webhooks = [webhookName, annotatedName].map((name) => ({ name, clientConfig: { caBundle } }));
  return { ...type, metadata: { name: admissionName }, webhooks };
}

/** Names under which the API server reaches it. */
export function admissionHosts(): readonly string[] {
  const service = `${admissionName}.${installNamespace}`;
  return [`${service}.svc`, `${service}.svc.cluster.local`, service];
}
