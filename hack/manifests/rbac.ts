/** Accounts, and rights that follow from the table of kinds. */
import {
  admissionRules,
  authorityRules,
  conversionRules,
  gatewayRules,
  knativeRules,
  lastGoodRules,
  type PolicyRule,
  replicaRules,
  trustRules,
} from "../../capabilities/rules.ts";
import { clusterMetadata, metadata } from "./labels.ts";
import type { Component, Names } from "./names.ts";
import { all, block, type Condition, is, not, on, type Part, when } from "./parts.ts";

export const singleNamespace = on("scope.singleNamespace");
export const hasAdmission = all(on("admission.enabled"), not(singleNamespace));
export const ownCertificates = is("admission.certificates", "own");

const rbac = "rbac.authorization.k8s.io";
type Rules = readonly (PolicyRule | Part)[];

interface Grant {
  readonly component: Component;
  readonly account: string;
  /** Of the role and its binding. */
  readonly name: string;
  readonly rules: Rules;
}

export function accounts(names: Names): readonly unknown[] {
  const annotations = { annotations: block("serviceAccount.annotations") };
  const admission = { annotations: block("admission.serviceAccount.annotations") };
  return [
    when(on("serviceAccount.create"), account(names, "gateway", names.gatewayAccount, annotations)),
    when(
      all(hasAdmission, on("admission.serviceAccount.create")),
      account(names, "admission", names.admissionAccount, admission),
    ),
  ];
}

function account(names: Names, component: Component, name: string, more: object): object {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...metadata(names, component, name), ...more } };
}

export function gatewayAccess(names: Names): readonly unknown[] {
  const { role: name, gatewayAccount } = names;
  const gateway = { component: "gateway", account: gatewayAccount } as const;
  const own = [...replicaRules(), when(on("rbac.lastGoodSecrets"), lastGoodRules())];
  const everywhere = all(on("rbac.create"), not(singleNamespace));
  const knative = when(on("knative.enabled"), knativeRules());
  return [
    ...clusterAccess(names, everywhere, { ...gateway, name, rules: [...gatewayRules(), knative] }),
    // Of one namespace: the same there, and nothing elsewhere.
    ...ownAccess(names, on("rbac.create"), {
      ...gateway,
      name,
      rules: [...own, when(singleNamespace, [...gatewayRules("Namespaced"), knative])],
    }),
  ];
}

export function admissionAccess(names: Names): readonly unknown[] {
  const { admission: name, admissionRole, admissionAccount } = names;
  const admission = { component: "admission", account: admissionAccount } as const;
  const isMade = all(on("rbac.create"), hasAdmission);
  const rules = [
    ...admissionRules(),
    when(ownCertificates, [
      ...trustRules("validatingwebhookconfigurations", name),
      when(on("admission.mutate"), trustRules("mutatingwebhookconfigurations", name)),
      when(on("admission.conversion"), conversionRules()),
    ]),
  ];
  return [
    ...clusterAccess(names, isMade, { ...admission, name: admissionRole, rules }),
    ...ownAccess(names, all(isMade, ownCertificates), { ...admission, name, rules: authorityRules(`${name}-ca`) }),
  ];
}

/** For what is applied beside install.yaml: rights that not every installation needs. */
export function addedAccess(names: Names, grant: Grant): readonly unknown[] {
  return clusterRole(names, grant);
}

function clusterAccess(names: Names, condition: Condition, grant: Grant): readonly unknown[] {
  return clusterRole(names, grant).map((each) => when(condition, each));
}

function clusterRole(names: Names, { component, account, name, rules }: Grant): readonly unknown[] {
  const { namespace } = names;
  const meta = clusterMetadata(names, component, name);
  return [
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: meta, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: meta,
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: account, namespace }],
    },
  ];
}

/** Rights in its own namespace. */
function ownAccess(names: Names, condition: Condition, { component, account, name, rules }: Grant): readonly unknown[] {
  const { namespace } = names;
  const meta = metadata(names, component, name);
  return [
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata: meta, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: meta,
      roleRef: { apiGroup: rbac, kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name: account, namespace }],
    },
  ].map((each) => when(condition, each));
}
