import type { AuthServiceSpec } from "../../crds/auth-service.ts";
import { headerNameProblems, headerValueProblems } from "../../features/header-value.ts";
import { type FieldProblem, ignored, invalid, oneLineProblems } from "../../features/feature.ts";
import { authUnusable, type AuthUnusableSettings } from "../../filters/auth-unusable.ts";
import { type AddedHeader, extAuthz, type ExtAuthzSettings } from "../../filters/ext-authz.ts";
import { formatObject, type ObjectRef, type PathStep, type Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import type { Cluster } from "../../ir/types.ts";
import { StatusCode } from "../../xds/generated/envoy/type/v3/http_status.ts";
import { externalCluster } from "./external-service.ts";
import { type AuthServiceLike, authServicesOf } from "./legacy-auth.ts";
import type { MappingContext } from "./mapping.ts";
import { pooled } from "./pool.ts";
import type { Contribution, ServiceKinds } from "./services.ts";

/** Fields of spec that are read. */
export const authServiceFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "auth_service",
  "tls",
  "proto",
  "protocol_version",
  "path_prefix",
  "timeout_ms",
  "allowed_request_headers",
  "allowed_authorization_headers",
  "add_auth_headers",
  "add_linkerd_headers",
  "include_body",
  "allow_request_body",
  "failure_mode_allow",
  "status_on_error",
  "circuit_breakers",
  "stats_name",
  // Kept for conversion; without effect on traffic.
  "v2ExplicitTLS",
]);

/** Source: Emissary `v3httpfilter.py`. */
const alwaysAsked = [
  "authorization",
  "cookie",
  "from",
  "proxy-authorization",
  "user-agent",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
];
const alwaysAnswered = ["location", "authorization", "proxy-authenticate", "set-cookie", "www-authenticate"];

const DEFAULT_TIMEOUT_MS = 5000;
/** Of allow_request_body, which has no number of its own. */
const DEFAULT_MAX_BYTES = 4096;

/** Of a name or a value. Envoy refuses more: base.proto, HeaderValue. */
const LONGEST_HEADER_BYTES = 16_384;

interface Built {
  readonly service: AuthServiceLike;
  /** undefined: an error makes it unusable. */
  readonly usable: { readonly settings: ExtAuthzSettings; readonly cluster: Cluster } | undefined;
  readonly problems: readonly Problem[];
}

/** Lower case, without repetitions, sorted. */
function headerNames(...lists: readonly (readonly string[] | undefined)[]): readonly string[] {
  const names = lists.flatMap((list) => (list ?? []).map((name) => name.toLowerCase()));
  return [...new Set(names)].filter((name) => name !== "").sort();
}

/** Settings that only one of the two protocols has. */
const ofHttp = ["path_prefix", "allowed_request_headers", "allowed_authorization_headers", "add_auth_headers"] as const;

function protocolProblems(spec: AuthServiceSpec): FieldProblem[] {
  if (spec.proto === "grpc") {
    const problems = ofHttp
      .filter((field) => spec[field] !== undefined)
      .map((field) =>
        ignored([field], "without effect with proto: grpc, whose service gets the whole request", "leave it out"),
      );
    if (spec.protocol_version === "v2")
      problems.push(
        invalid(
          ["protocol_version"],
          "v2 is spoken by no Envoy any more",
          "write v3, and a service that speaks envoy.service.auth.v3",
        ),
      );
    return problems;
  }
  const problems: FieldProblem[] = [...oneLineProblems(spec.path_prefix, ["path_prefix"])];
  if (spec.protocol_version === "v2")
    problems.push(
      ignored(["protocol_version"], "without effect with proto: http, which has no versions", "leave it out"),
    );
  const { path_prefix: prefix = "" } = spec;
  if (prefix !== "" && !prefix.startsWith("/"))
    problems.push(
      invalid(
        ["path_prefix"],
        `${JSON.stringify(prefix)} does not start with a slash`,
        `write ${JSON.stringify(`/${prefix}`)}`,
      ),
    );
  return problems;
}

function bodyOf(spec: AuthServiceSpec, problems: FieldProblem[]): ExtAuthzSettings["body"] {
  const { include_body: body, allow_request_body: allowed } = spec;
  if (body !== undefined && allowed === true)
    problems.push(ignored(["allow_request_body"], "include_body is set too and wins", "leave allow_request_body out"));
  if (body !== undefined) return { maxBytes: body.max_bytes, allowPartial: body.allow_partial };
  return allowed === true ? { maxBytes: DEFAULT_MAX_BYTES, allowPartial: true } : undefined;
}

const statusCodes: ReadonlySet<unknown> = new Set(Object.values(StatusCode));

function statusOf({ status_on_error: status }: AuthServiceSpec, problems: FieldProblem[]): number | undefined {
  const code = status?.code;
  if (code !== undefined && !statusCodes.has(code)) {
    const message = `${code} is not a status that Envoy can answer with`;
    problems.push(invalid(["status_on_error", "code"], message, "write a registered one, such as 403, 500 or 503"));
  }
  return code;
}

function addedHeaders(
  spec: AuthServiceSpec,
  authority: string,
  { defaults }: MappingContext,
  problems: FieldProblem[],
): readonly AddedHeader[] {
  const added: AddedHeader[] = [];
  for (const [name, value] of spec.proto === "grpc" ? [] : Object.entries(spec.add_auth_headers ?? {})) {
    const at: PathStep[] = ["add_auth_headers", name];
    problems.push(...headerNameProblems(name, at), ...headerValueProblems(value, at));
    if (Math.max(Buffer.byteLength(name), Buffer.byteLength(value)) > LONGEST_HEADER_BYTES)
      problems.push(invalid(at, `it is longer than ${LONGEST_HEADER_BYTES} bytes`, "write a shorter one"));
    added.push({ name, value });
  }
  if (spec.add_linkerd_headers ?? defaults.add_linkerd_headers ?? false)
    added.push({ name: "l5d-dst-override", value: authority });
  return added;
}

function build(service: AuthServiceLike, context: MappingContext): Built {
  const { resource, spec, at } = service;
  const { circuit_breakers, stats_name, tls } = spec;
  const external = externalCluster(
    {
      resource,
      at,
      field: "auth_service",
      spec: {
        service: spec.auth_service,
        ...(tls === undefined ? {} : { tls }),
        ...(circuit_breakers === undefined ? {} : { circuit_breakers }),
        ...(stats_name === undefined ? {} : { stats_name }),
        ...(spec.proto === "grpc" ? { grpc: true } : {}),
      },
      tag: "extauth",
    },
    context,
  );
  const found = protocolProblems(spec);
  const { cluster, authority } = external;
  const settings: ExtAuthzSettings = {
    cluster: cluster?.name ?? "",
    authority,
    timeoutMs: spec.timeout_ms ?? DEFAULT_TIMEOUT_MS,
    protocol:
      spec.proto === "grpc"
        ? { kind: "grpc" }
        : {
            kind: "http",
            pathPrefix: spec.path_prefix ?? "",
            requestHeaders: headerNames(alwaysAsked, spec.allowed_request_headers),
            answerHeaders: headerNames(alwaysAnswered, spec.allowed_authorization_headers),
          },
    addHeaders: addedHeaders(spec, authority, context, found),
    body: bodyOf(spec, found),
    failureModeAllow: spec.failure_mode_allow ?? false,
    statusOnError: statusOf(spec, found),
  };
  const problems = [
    ...external.problems,
    ...found.map((problem): Problem => ({ ...problem, object: resource, path: [...at, ...problem.path] })),
  ];
  const isUsable = cluster !== undefined && !problems.some(({ severity }) => severity === "error");
  return { service, usable: isUsable ? { settings, cluster } : undefined, problems };
}

/**
 * The authorization of requests. The oldest usable AuthService is asked, and with it those whose settings are the same: one
 * of them at a time. Where there are only unusable ones, every request that would be asked for is refused: what is
 * protected must not be open because of a typing error.
 */
export function authServices(kinds: ServiceKinds, context: MappingContext): Contribution {
  const { services, broken } = authServicesOf(kinds);
  const built = services.map((service) => build(service, context));
  const problems = built.flatMap((each) => each.problems);
  const usable = built.flatMap(({ service, usable }) => (usable === undefined ? [] : [{ service, ...usable }]));
  const [ruling, ...others] = usable;
  if (ruling === undefined) {
    const objects = [...broken, ...services.map(({ resource }) => resource)];
    if (objects.length === 0) return { filters: [], clusters: [], problems };
    const settings: AuthUnusableSettings = { objects: objects.map(formatObject).sort() };
    return { filters: [{ name: authUnusable.name, askedBy: objects, settings }], clusters: [], problems };
  }
  let cluster = ruling.cluster;
  const askedBy: ObjectRef[] = [ruling.service.resource];
  for (const other of others) {
    const together = isAlike(ruling.settings, other.settings) ? pooled([cluster, other.cluster]) : undefined;
    if (together === undefined) {
      problems.push(conflict(other.service, ruling.service.resource));
      continue;
    }
    cluster = together;
    askedBy.push(other.service.resource);
  }
  const settings: ExtAuthzSettings = { ...ruling.settings, cluster: cluster.name };
  return { filters: [{ name: extAuthz.name, askedBy, settings }], clusters: [cluster], problems };
}

/** They differ in nothing but where they are. Linkerd's header names one place. */
function isAlike(a: ExtAuthzSettings, b: ExtAuthzSettings): boolean {
  const rest = (settings: ExtAuthzSettings) => JSON.stringify({ ...settings, cluster: "", authority: "" });
  return rest(a) === rest(b);
}

function conflict({ resource }: AuthServiceLike, ruling: Resource<unknown>): Problem {
  return {
    code: "ServiceConflict",
    severity: "error",
    object: resource,
    path: ["spec"],
    message: `the older ${formatObject(ruling)} has other settings, or another kind of address, and is asked alone`,
    advice: "remove one of the two, or make them differ in auth_service only, so that they share the requests",
  };
}
