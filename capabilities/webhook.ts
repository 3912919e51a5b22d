/** What the admission webhook is called, where it is installed, and what it is asked about. */
import { group } from "../crds/common.ts";
import { rewrittenKinds } from "../crds/versions/modern.ts";
import { webhookRules } from "./rules.ts";

export const installNamespace = "nuncio";
/** Of its Deployment, Service, ServiceAccount and ValidatingWebhookConfiguration. */
export const admissionName = "nuncio-admission";
/** Holds the certificate that it serves, where it does not make its own. */
export const admissionSecretName = "nuncio-admission-tls";
/** Holds the authority of the certificates that it makes. */
export const authoritySecretName = `${admissionName}-ca`;
/** Emissary's path, so that a proxy before it needs no other rule. */
export const conversionPath = "/webhooks/crd-convert";

/** Of the Service that the API server asks, and of the webhook configurations. */
export interface WebhookPlace {
  readonly name: string;
  readonly namespace: string;
}

/** As in manifests/install.yaml. */
const installed: WebhookPlace = { name: admissionName, namespace: installNamespace };
const type = { apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingWebhookConfiguration" } as const;

function namesAt({ name, namespace }: WebhookPlace) {
  const webhookName = `${name}.${namespace}.svc`;
  return {
    judged: webhookName,
    /** Of objects that matter to us only for what stands in their annotation. */
    annotated: `annotated.${webhookName}`,
    /** Of objects that are to go: never refused, and so never waited for long. */
    deleted: `deleted.${webhookName}`,
  };
}

interface Asking {
  readonly place?: WebhookPlace;
  readonly failurePolicy?: unknown;
  /** Of the namespaces whose objects the API server asks about; default: all. */
  readonly namespaceSelector?: unknown;
}

/**
 * Without caBundle: whoever makes the certificate sets it.
 * @param metadata labels and what else it is to have beside its name
 */
export function webhookConfiguration(
  metadata: object,
  { place = installed, failurePolicy = "Ignore", ...where }: Asking = {},
): unknown {
  const names = namesAt(place);
  return {
    ...type,
    metadata: { name: place.name, ...metadata },
    webhooks: [
      webhook(names.judged, place, { rules: webhookRules(), failurePolicy, ...where }),
      webhook(names.annotated, place, {
        rules: webhookRules(({ validated }) => validated === "annotated"),
        matchConditions: [annotated],
        failurePolicy,
        ...where,
      }),
      webhook(names.deleted, place, {
        rules: webhookRules(undefined, ["DELETE"]),
        matchConditions: [byPeople],
        timeoutSeconds: 2,
        ...where,
      }),
    ],
  };
}

/** So that the API server asks about no other Service. */
const annotated = {
  name: "annotated",
  expression: `has(object.metadata.annotations) && "${group}/config" in object.metadata.annotations`,
};

/** Controllers read no warnings: namespaces that go and garbage that is collected cost no question. */
const byPeople = {
  name: "by-people",
  expression: '!request.userInfo.username.startsWith("system:serviceaccount:kube-system:")',
};

function webhook(name: string, place: WebhookPlace, asked: object): object {
  return {
    name,
    clientConfig: { service: { ...place, path: "/validate", port: 443 } },
    failurePolicy: "Ignore",
    matchPolicy: "Equivalent",
    sideEffects: "None",
    timeoutSeconds: 5,
    admissionReviewVersions: ["v1"],
    ...asked,
  };
}

/** Asks for deprecated spellings to be rewritten before an object is stored; not part of an installation unless it is applied. */
export function mutatingConfiguration(
  metadata: object,
  { place = installed, ...where }: Omit<Asking, "failurePolicy"> = {},
): unknown {
  return {
    ...type,
    kind: "MutatingWebhookConfiguration",
    metadata: { name: place.name, ...metadata },
    webhooks: [
      {
        name: namesAt(place).judged,
        clientConfig: { service: { ...place, path: "/mutate", port: 443 } },
        rules: webhookRules(({ kind }) => rewrittenKinds.includes(kind)),
        failurePolicy: "Ignore",
        matchPolicy: "Equivalent",
        sideEffects: "None",
        reinvocationPolicy: "Never",
        timeoutSeconds: 5,
        admissionReviewVersions: ["v1"],
        ...where,
      },
    ],
  };
}

/** Of a CRD with several versions; without caBundle, which the process sets. */
export function conversionWebhook(): unknown {
  const service = { ...installed, path: conversionPath, port: 443 };
  return { strategy: "Webhook", webhook: { clientConfig: { service }, conversionReviewVersions: ["v1"] } };
}

/** Only whom the API server trusts: to be applied on the server's side, to the configuration that is there. */
export function webhookTrust(caBundle: string): unknown {
  const webhooks = Object.values(namesAt(installed)).map((name) => ({ name, clientConfig: { caBundle } }));
  return { ...type, metadata: { name: admissionName }, webhooks };
}

/** Names under which the API server reaches it. */
export function admissionHosts(): readonly string[] {
  const service = `${admissionName}.${installNamespace}`;
  return [`${service}.svc`, `${service}.svc.cluster.local`, service];
}
