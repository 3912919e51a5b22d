import type { HostSpec } from "../../crds/host.ts";
import { clusterLocal, visibilityLabel } from "../../crds/knative-ingress.ts";
import { assertNever } from "../../ir/assert.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import type { TerminationTls } from "../../ir/types.ts";
import { globsOverlap, hostNameProblems } from "./hostname.ts";
import type { BuiltMapping } from "./mapping.ts";

/** What happens to a request that came without TLS. */
export type InsecureAction = "Route" | "Redirect" | "Reject";

export interface BuiltHost {
  /** `namespace/name`, or `default` for the Host that stands in where there is none. */
  readonly key: string;
  readonly resource: Resource<HostSpec> | undefined;
  /** DNS glob, lower case, with a port if it was given one. */
  readonly hostname: string;
  readonly selector: LabelSelector | undefined;
  readonly insecureAction: InsecureAction;
  readonly tls: TerminationTls | undefined;
  /** It asks for TLS, be it that it cannot have it now. */
  readonly wantsTls: boolean;
  readonly problems: readonly Problem[];
}

/** Fields of Host.spec that are read here and in tls.ts; the others are told. */
export const hostFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "hostname",
  "mappingSelector",
  "selector",
  // Told by `inertFields`.
  "acmeProvider",
  "previewUrl",
  "tlsSecret",
  "tlsContext",
  "tls",
  "requestPolicy",
]);

export type Labels = Readonly<Record<string, string>>;
export type LabelSelector = NonNullable<HostSpec["mappingSelector"]>;

/** Serves cleartext for every host name where there is no Host object at all. Source: Emissary's synthesised default Host. */
export const defaultHost: BuiltHost = {
  key: "default",
  resource: undefined,
  hostname: "*",
  selector: undefined,
  insecureAction: "Route",
  tls: undefined,
  wantsTls: false,
  problems: [],
};

/** All that it asks for, or where selectors are loose any one of its labels. An empty one selects everything, as in Kubernetes. */
export function labelsMatch(selector: LabelSelector, labels: Labels, loose = false): boolean {
  const { matchLabels = {}, matchExpressions = [] } = selector;
  const each = Object.entries(matchLabels);
  const has = ([name, value]: readonly [string, string]) => labels[name] === value;
  const isLabelled = loose && each.length > 0 ? each.some(has) : each.every(has);
  return isLabelled && matchExpressions.every((expression) => expressionHolds(expression, labels));
}

type Expression = NonNullable<LabelSelector["matchExpressions"]>[number];

function expressionHolds({ key, operator, values = [] }: Expression, labels: Labels): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    default:
      return assertNever(operator);
  }
}

export type Taker = Pick<BuiltHost, "hostname" | "selector">;
export type Takeable = Pick<BuiltMapping, "hostname" | "hostRegex" | "everywhere" | "resource">;

/**
 * Whether a Host takes a Mapping: its mappingSelector must match the labels where it has one, the host names must overlap
 * where the Mapping has one, and at least one of both must be there. Source: Emissary 2 and later, strict label selectors.
 */
export function takesMapping(host: Taker, mapping: Takeable, loose = false): boolean {
  if (mapping.everywhere === true) return true;
  if (isHidden(mapping.resource.labels, host.selector)) return false;
  if (loose) return takesLoosely(host, mapping);
  const hasHostname = mapping.hostname !== undefined || mapping.hostRegex !== undefined;
  if (host.selector === undefined && !hasHostname) return false;
  if (host.selector !== undefined && !labelsMatch(host.selector, mapping.resource.labels)) return false;
  return mapping.hostname === undefined || globsOverlap(mapping.hostname, host.hostname);
}

/** What is for the cluster alone is shown where a Host asks for it by name, not where one takes everything. */
function isHidden(labels: Labels, selector: LabelSelector | undefined): boolean {
  return labels[visibilityLabel] === clusterLocal && selector?.matchLabels?.[visibilityLabel] !== clusterLocal;
}

/** As Emissary did before 2.4 and 3.2, and does with DISABLE_STRICT_LABEL_SELECTORS. */
function takesLoosely({ selector, hostname }: Taker, mapping: Takeable): boolean {
  if (selector !== undefined && labelsMatch(selector, mapping.resource.labels, true)) return true;
  if (mapping.hostname === undefined) return mapping.hostRegex !== undefined;
  return globsOverlap(mapping.hostname, hostname);
}

export interface HostTls {
  readonly tls: TerminationTls | undefined;
  readonly wanted: boolean;
  readonly problems: readonly Problem[];
}

/** Fields that do nothing in Emissary-ingress either. */
const inert = [
  [
    "acmeProvider",
    "no certificate is got by ACME, here as in Emissary-ingress",
    "put the certificate into the Secret that tlsSecret names, by cert-manager for example, and remove it",
  ],
  ["previewUrl", "it has no effect, here as in Emissary-ingress", "remove it"],
] as const;

function inertFields(resource: Resource<HostSpec>): readonly Problem[] {
  const { spec } = resource;
  return (
    inert
      .filter(([name]) => spec[name] !== undefined)
      // The authority "none" asks for nothing.
      .filter(([name]) => name !== "acmeProvider" || spec.acmeProvider?.authority !== "none")
      .map(([name, message, advice]) => ({
        code: "IgnoredField",
        severity: "warning",
        object: resource,
        path: ["spec", name],
        message,
        advice,
      }))
  );
}

/** Listeners open ports since Emissary 2. */
function additionalPort(resource: Resource<HostSpec>): readonly Problem[] {
  if (resource.spec.requestPolicy?.insecure?.additionalPort === undefined) return [];
  const path = ["spec", "requestPolicy", "insecure", "additionalPort"];
  const message = "has no effect: a Listener opens a port";
  const advice = "remove it, and apply a Listener with protocol: HTTP on that port";
  return [{ code: "IgnoredField", severity: "warning", object: resource, path, message, advice }];
}

export function buildHost(resource: Resource<HostSpec>, { tls, wanted, problems: ofTls }: HostTls): BuiltHost {
  const { spec } = resource;
  const ofName = hostNameProblems(spec.hostname ?? "*", ["spec", "hostname"]).map((each) => ({
    object: resource,
    ...each,
  }));
  const told = [...ofName, ...inertFields(resource), ...additionalPort(resource)];
  const problems = told.length === 0 ? ofTls : [...ofTls, ...told];
  return {
    key: `${resource.namespace}/${resource.name}`,
    resource,
    hostname: (spec.hostname ?? "*").toLowerCase(),
    selector: spec.mappingSelector ?? spec.selector,
    insecureAction: spec.requestPolicy?.insecure?.action ?? "Redirect",
    tls,
    wantsTls: wanted,
    problems,
  };
}
