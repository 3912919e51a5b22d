/** What the table of kinds means for a cluster: who may read what, and what the webhook is asked about. */
import { type CustomKind, type Kind, kinds } from "./kinds.ts";

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

export interface WebhookRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly operations: readonly ("CREATE" | "UPDATE" | "DELETE")[];
  readonly resources: readonly string[];
  readonly scope: CustomKind["scope"];
}

/**
 * The gateway: everything that is watched, and the status of what it writes one of. It keeps the Secrets that something names, and
 * gets one by one what is named later.
 * @param scope `Namespaced`: what a Role in one namespace can give
 */
export function gatewayRules(scope?: "Namespaced"): PolicyRule[] {
  const written = kinds.filter((row) => row.source === "crd" || "statusWritten" in row);
  return [
    ...readRules(
      kinds.filter((row) => row.watched && (scope === undefined || row.scope === scope)),
      ["get", "list", "watch"],
    ),
    ...[...new Set(written.map(({ group }) => group))].map((group) => ({
      apiGroups: [group],
      resources: written.filter((row) => row.group === group).map(({ plural }) => `${plural}/status`),
      verbs: ["patch"],
    })),
    // What becomes of an object is told where the object is.
    { apiGroups: ["events.k8s.io"], resources: ["events"], verbs: ["create"] },
  ];
}

/** In the gateway's own namespace: the last good forms of objects in quarantine. Names cannot limit `create`, nor names that are made later the rest. */
export function lastGoodRules(): PolicyRule[] {
  return [{ apiGroups: [""], resources: ["secrets"], verbs: ["create", "patch", "delete"] }];
}

/** In the gateway's own namespace: replicas report on Leases, and elect the one of them that writes status. */
export function replicaRules(): PolicyRule[] {
  const verbs = ["get", "list", "watch", "create", "patch", "delete"];
  return [{ apiGroups: ["coordination.k8s.io"], resources: ["leases"], verbs }];
}

/** The admission process: what compile reads. It keeps all Secrets that it is told of, and asks for none. */
export function admissionRules(): PolicyRule[] {
  return readRules(
    kinds.filter(({ watched, compiled }) => watched && compiled),
    ["list", "watch"],
  );
}

/** Knative's Ingresses, for gateways that are to serve them. */
export function knativeRules(): PolicyRule[] {
  return kinds
    .filter(({ kind }) => kind === "KnativeIngress")
    .flatMap(({ group, plural }) => [
      { apiGroups: [group], resources: [plural], verbs: ["get", "list", "watch"] },
      { apiGroups: [group], resources: [`${plural}/status`], verbs: ["patch"] },
    ]);
}

/** With certificates of its own: the Secret that holds their authority, in the process's namespace. Names cannot limit `create`. */
export function authorityRules(secretName: string): PolicyRule[] {
  const secrets = { apiGroups: [""], resources: ["secrets"] };
  return [
    { ...secrets, verbs: ["create"] },
    { ...secrets, resourceNames: [secretName], verbs: ["get", "update"] },
  ];
}

/** To have the API server trust them: caBundle of one webhook configuration. */
export function trustRules(plural: string, name: string): PolicyRule[] {
  const apiGroups = ["admissionregistration.k8s.io"];
  return [{ apiGroups, resources: [plural], resourceNames: [name], verbs: ["get", "patch"] }];
}

/** To point the CRDs of our kinds to the conversion webhook. */
export function conversionRules(): PolicyRule[] {
  const crds = { apiGroups: ["apiextensions.k8s.io"], resources: ["customresourcedefinitions"] };
  const ours = kinds.filter(({ source }) => source === "crd");
  return [
    // For their metadata alone: it tells which one has changed.
    { ...crds, verbs: ["list"] },
    { ...crds, resourceNames: ours.map(({ plural, group }) => `${plural}.${group}`), verbs: ["get", "patch"] },
  ];
}

/** A rule for each group, and Secrets apart. */
function readRules(some: readonly Kind[], secretVerbs: readonly string[]): PolicyRule[] {
  const rules = new Map<string, { apiGroups: string[]; resources: string[]; verbs: readonly string[] }>();
  for (const { kind, group, plural } of some) {
    const isSecret = kind === "Secret";
    const key = `${group} ${isSecret}`;
    const verbs = isSecret ? secretVerbs : ["get", "list", "watch"];
    const rule = rules.get(key) ?? { apiGroups: [group], resources: [], verbs };
    rule.resources.push(plural);
    rules.set(key, rule);
  }
  return [...rules.values()];
}

/** What the API server asks about before it does it. */
export function webhookRules(
  isAsked: (kind: Kind) => boolean = ({ validated }) => validated === true,
  operations: WebhookRule["operations"] = ["CREATE", "UPDATE"],
): WebhookRule[] {
  const rules = new Map<string, WebhookRule & { resources: string[] }>();
  for (const row of kinds) {
    const { group, version, plural, scope } = row;
    if (!isAsked(row)) continue;
    const key = `${group}/${version} ${scope}`;
    const rule = rules.get(key) ?? {
      apiGroups: [group],
      apiVersions: [version],
      operations,
      resources: [],
      scope,
    };
    rule.resources.push(plural);
    rules.set(key, rule);
  }
  return [...rules.values()];
}
