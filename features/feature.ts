import type { z } from "zod";
import type { FreeContent } from "../ir/free-content.ts";
import type { PathStep, ProblemCode, Severity } from "../ir/problem.ts";
import { MAX_PROGRAM_SIZE, regexError } from "../ir/regex.ts";
import { isSensitive, quoted } from "../ir/sensitive.ts";
import type { ClusterEndpoints } from "../ir/types.ts";
import type { Cluster } from "../xds/generated/envoy/config/cluster/v3/cluster.ts";
import type { HttpProtocolOptions } from "../xds/generated/envoy/extensions/upstreams/http/v3/http_protocol_options.ts";
import type { Route, RouteAction, VirtualHost } from "../xds/generated/envoy/config/route/v3/route_components.ts";
import type { Defaults } from "./defaults.ts";

/** A problem that does not yet know its object: paths are relative to the spec. */
export interface FieldProblem {
  readonly code: ProblemCode;
  readonly severity: Severity;
  readonly path: readonly PathStep[];
  readonly message: string;
  readonly advice: string;
  /** See Problem. */
  readonly asks?: FreeContent | undefined;
}

/** Where the requests of a Mapping go. */
export interface Upstream {
  /** Name or address without port, as the gateway's own namespace would write it. */
  readonly host: string;
  readonly port: number;
  readonly endpoints: ClusterEndpoints["kind"];
  /** It is spoken to by HTTP/2. */
  readonly http2: boolean;
  /** Its resolver yields endpoints, so that Envoy chooses among them. */
  readonly balanced: boolean;
}

export interface FeatureContext {
  /** The Module's defaults; a Mapping's own field wins. */
  readonly defaults: Defaults;
  /** undefined: a redirect, or a service that is a problem of its own. */
  readonly upstream: Upstream | undefined;
  /** The domain of the labels that are counted; undefined: the Module's. */
  readonly labelDomain?: string | undefined;
}

export interface FeatureResult<T> {
  readonly value: T | undefined;
  readonly problems: readonly FieldProblem[];
}

/**
 * Something a route (or its cluster) can be asked to do. A plain value: no registration, no lifecycle, no state.
 * Settings must be JSON-able: those of features that write to the cluster are part of the cluster's identity.
 */
export interface Feature<Fields extends z.ZodRawShape, Settings> {
  /** Key under which the settings stand in the IR; the file's name. */
  readonly name: string;
  /** What it owns under Mapping.spec. */
  readonly fields: Fields;
  /**
   * Its fields hold for a whole canary group: of the Mappings with the same match, in the order of their names, the last
   * that has a field decides for all, and maps named in `merge` are put together. Without it each Mapping has its own.
   */
  readonly ofGroup?: { readonly merge: readonly (keyof Fields & string)[] };
  /**
   * undefined: nothing asked for, nothing written. A problem of severity error makes the Mapping unused. Without a field
   * of its own, what is found is wrong in the Module, and paths are relative to its `config`.
   */
  fromMapping(spec: z.output<z.ZodObject<Fields>>, context: FeatureContext): FeatureResult<Settings>;
  /** For every route, redirects included. Returns a new value. */
  route?(settings: Settings, route: Route): Route;
  /** For virtual hosts, where it holds for all routes that do not say otherwise. Returns a new value. */
  virtualHost?(settings: Settings, virtualHost: VirtualHost): VirtualHost;
  /** For routes that forward to a cluster. Returns a new value. */
  forward?(settings: Settings, action: RouteAction): RouteAction;
  /** For the route's cluster. Returns a new value. */
  cluster?(settings: Settings, cluster: Cluster): Cluster;
  /** For the HTTP protocol options of the route's cluster. Returns a new value. */
  protocol?(settings: Settings, options: HttpProtocolOptions): HttpProtocolOptions;
}

export type AnyFeature = Feature<z.ZodRawShape, unknown>;

export const nothing: FeatureResult<never> = { value: undefined, problems: [] };

export function settings<T>(value: T): FeatureResult<T> {
  return { value, problems: [] };
}

export function refused(
  problem: Omit<FieldProblem, "severity" | "code"> & { code?: ProblemCode },
): FeatureResult<never> {
  return { value: undefined, problems: [{ code: "InvalidField", severity: "error", ...problem }] };
}

/** The problem of a regex that Envoy would refuse, or none. @param maxSize the Module's regex_max_size */
export function regexProblems(regex: string, path: readonly PathStep[], maxSize: number | undefined): FieldProblem[] {
  const error = regex === "" ? "it is empty" : regexError(regex, maxSize);
  if (error === undefined) return [];
  return [
    {
      code: "InvalidRegex",
      severity: "error",
      path,
      message: `${quoted(regex, path)} is not a regular expression of RE2${isSensitive(path) ? "" : ` (${error})`}`,
      advice: error.startsWith("too large")
        ? `make it smaller, or raise the Module's regex_max_size, to ${MAX_PROGRAM_SIZE} at most`
        : "write one in RE2 syntax; it has no look-around and no back-references",
    },
  ];
}

/** The problem of a text with line breaks, which Envoy refuses in anything that becomes a header or a path; or none. */
export function oneLineProblems(text: string | undefined, path: readonly PathStep[]): FieldProblem[] {
  if (text === undefined || !/[\0\r\n]/.test(text)) return [];
  const message = `${quoted(text, path)} has a line break`;
  return [{ code: "InvalidField", severity: "error", path, message, advice: "write it in one line" }];
}

export function invalid(path: readonly PathStep[], message: string, advice: string): FieldProblem {
  return { code: "InvalidField", severity: "error", path, message, advice };
}

/** What only Envoy can judge. @param what begins the sentence that tells of its refusal, such as `the script` */
export function asked(asks: FreeContent, path: readonly PathStep[], what: string, advice: string): FieldProblem {
  return { code: "EnvoyRejected", severity: "warning", path, message: what, advice, asks };
}

/** Settings, unless one of the problems is an error. */
export function checked<T>(value: T, problems: readonly FieldProblem[]): FeatureResult<T> {
  return { value: problems.some(({ severity }) => severity === "error") ? undefined : value, problems };
}

export function ignored(path: readonly PathStep[], message: string, advice: string): FieldProblem {
  return { code: "IgnoredField", severity: "warning", path, message, advice };
}
