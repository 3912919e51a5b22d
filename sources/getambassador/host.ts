import type { HostSpec } from "../../crds/host.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import type { TerminationTls } from "../../ir/types.ts";
import { globsOverlap } from "./hostname.ts";
import type { BuiltMapping } from "./mapping.ts";

/** What happens to a request that came without TLS. */
export type InsecureAction = "Route" | "Redirect" | "Reject";

export interface BuiltHost {
  /** `namespace/name`, or `default` for the Host that stands in where there is none. */
  readonly key: string;
  readonly resource: Resource<HostSpec> | undefined;
  /** DNS glob, lower case, with a port if it was given one. */
  readonly hostname: string;
  readonly selector: Labels | undefined;
  readonly insecureAction: InsecureAction;
  readonly tls: TerminationTls | undefined;
  readonly problems: readonly Problem[];
}

/** Fields of Host.spec that are read here and in tls.ts; the others are told. */
export const hostFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "hostname",
  "mappingSelector",
  "selector",
  "tlsSecret",
  "tlsContext",
  "tls",
  "requestPolicy",
]);

export type Labels = Readonly<Record<string, string>>;

/** Serves cleartext for every host name where there is no Host object at all. Source: Emissary's synthesised default Host. */
export const defaultHost: BuiltHost = {
  key: "default",
  resource: undefined,
  hostname: "*",
  selector: undefined,
  insecureAction: "Route",
  tls: undefined,
  problems: [],
};

export function labelsMatch(wanted: Labels, labels: Labels): boolean {
  return Object.entries(wanted).every(([name, value]) => labels[name] === value);
}

/**
 * Whether a Host takes a Mapping: its mappingSelector must match the labels where it has one, the host names must overlap
 * where the Mapping has one, and at least one of both must be there. Source: Emissary 2 and later, strict label selectors.
 */
export function takesMapping(host: BuiltHost, mapping: BuiltMapping): boolean {
  if (mapping.everywhere === true) return true;
  const hasHostname = mapping.hostname !== undefined || mapping.hostRegex !== undefined;
  if (host.selector === undefined && !hasHostname) return false;
  if (host.selector !== undefined && !labelsMatch(host.selector, mapping.resource.labels)) return false;
  return mapping.hostname === undefined || globsOverlap(mapping.hostname, host.hostname);
}

const EMPTY: Labels = {};

function selectorOf(spec: HostSpec): Labels | undefined {
  const selector = spec.mappingSelector ?? spec.selector;
  return selector === undefined ? undefined : (selector.matchLabels ?? EMPTY);
}

export interface HostTls {
  readonly tls: TerminationTls | undefined;
  readonly problems: readonly Problem[];
}

/** A field that is typed but not compiled is named, never passed over in silence. */
function notYetCompiled(resource: Resource<HostSpec>): readonly Problem[] {
  const { spec } = resource;
  const names = Object.keys(spec).filter((name) => !hostFieldNames.has(name));
  // The authority "none" asks for nothing.
  const told = names.filter((name) => name !== "acmeProvider" || spec.acmeProvider?.authority !== "none");
  return told.map((name) => ({
    code: "NotYetSupported",
    severity: "warning",
    object: resource,
    path: ["spec", name],
    message: "this field is known and not yet acted upon",
    advice:
      name === "acmeProvider"
        ? "put the certificate into the Secret that tlsSecret names, by cert-manager for example"
        : "remove it, or expect the Host to work as if it were not there",
  }));
}

export function buildHost(resource: Resource<HostSpec>, { tls, problems: ofTls }: HostTls): BuiltHost {
  const { spec } = resource;
  const told = notYetCompiled(resource);
  const problems = told.length === 0 ? ofTls : [...ofTls, ...told];
  return {
    key: `${resource.namespace}/${resource.name}`,
    resource,
    hostname: (spec.hostname ?? "*").toLowerCase(),
    selector: selectorOf(spec),
    insecureAction: spec.requestPolicy?.insecure?.action ?? "Redirect",
    tls,
    problems,
  };
}
