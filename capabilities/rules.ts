/** What the table of kinds means for a cluster: who may read what, and what the webhook is asked about. */
import { type CustomKind, type Kind, kinds } from "./kinds.ts";

export interface PolicyRule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

export interface WebhookRule {
  readonly apiGroups: readonly string[];
  readonly apiVersions: readonly string[];
  readonly operations: readonly ["CREATE", "UPDATE"];
  readonly resources: readonly string[];
  readonly scope: CustomKind["scope"];
}

/**
 * The gateway: everything that is watched, and the status of what it writes one of. It keeps the Secrets that something names, and
 * gets one by one what is named later.
 */
export function gatewayRules(): PolicyRule[] {
  const written = kinds.filter((row) => "statusWritten" in row);
  return [
    ...readRules(
      kinds.filter(({ watched }) => watched),
      ["get", "list", "watch"],
    ),
    ...written.map(({ group, plural }) => ({ apiGroups: [group], resources: [`${plural}/status`], verbs: ["patch"] })),
  ];
}

/** The admission process: what compile reads. It keeps all Secrets that it is told of, and asks for none. */
export function admissionRules(): PolicyRule[] {
  return readRules(
    kinds.filter(({ watched, compiled }) => watched && compiled),
    ["list", "watch"],
  );
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

/** What the API server asks about before it stores it: always, or where it is annotated. Deletions are never refused. */
export function webhookRules(when: true | "annotated"): WebhookRule[] {
  const rules = new Map<string, WebhookRule & { resources: string[] }>();
  for (const { group, version, plural, scope, validated } of kinds) {
    if (validated !== when) continue;
    const key = `${group}/${version} ${scope}`;
    const rule = rules.get(key) ?? {
      apiGroups: [group],
      apiVersions: [version],
      operations: ["CREATE", "UPDATE"],
      resources: [],
      scope,
    };
    rule.resources.push(plural);
    rules.set(key, rule);
  }
  return [...rules.values()];
}
