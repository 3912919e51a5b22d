/** Kinds that are not read, by what a person should hear about them. */
import { group } from "./common.ts";

/** Groups of Kubernetes' own and of its tools, whose objects stand beside ours in a directory. */
const silentGroups = new Set([
  "apps",
  "batch",
  "policy",
  "autoscaling",
  "extensions",
  "discovery.k8s.io",
  "rbac.authorization.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "apiregistration.k8s.io",
  "certificates.k8s.io",
  "coordination.k8s.io",
  "events.k8s.io",
  "flowcontrol.apiserver.k8s.io",
  "node.k8s.io",
  "resource.k8s.io",
  "scheduling.k8s.io",
  "storage.k8s.io",
  "kustomize.config.k8s.io",
]);

const silentCoreKinds = new Set([
  "Binding",
  "ComponentStatus",
  "ConfigMap",
  "Endpoints",
  "Event",
  "LimitRange",
  "Node",
  "PersistentVolume",
  "PersistentVolumeClaim",
  "Pod",
  "PodTemplate",
  "ReplicationController",
  "ResourceQuota",
  "ServiceAccount",
]);

/** Well known and none of a gateway's business: skipped without a word. */
export function isSilent(ofGroup: string, kind: string): boolean {
  if (ofGroup === "") return silentCoreKinds.has(kind);
  if (isOldIngress(ofGroup, kind)) return false;
  return silentGroups.has(ofGroup) || (ofGroup === "networking.k8s.io" && kind === "NetworkPolicy");
}

/** Of a version that Kubernetes has given up: somebody means it to be served. */
export function isOldIngress(ofGroup: string, kind: string): boolean {
  const isIngress = kind === "Ingress" || kind === "IngressClass";
  return isIngress && (ofGroup === "extensions" || ofGroup === "networking.k8s.io");
}

/** Kinds of our group that Edge Stack has. Without them a gateway does less than asked: an error, not a warning. */
const futureKinds = new Set(["Filter", "FilterPolicy", "RateLimit"]);

export function isFutureKind(ofGroup: string, kind: string): boolean {
  return ofGroup === group && futureKinds.has(kind);
}
