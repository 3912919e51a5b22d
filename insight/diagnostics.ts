/** What Emissary's diagnostics page says, under the names by which its users' scripts read it. Source: Emissary pkg/diagnostics/v1. */
import type { Compiled } from "../compile/compile.ts";
import type { Resources } from "../crds/resources.ts";
import { formatProblem, type ObjectRef, type Problem } from "../ir/problem.ts";
import { selectModule } from "../sources/getambassador/module.ts";
import { type RouteInfo, routeInfos } from "./route-info.ts";

/** Of the process: what no compile knows. */
export interface DiagnosedGateway {
  readonly version: string;
  readonly hostname: string;
  readonly ambassadorId: string;
  readonly namespace: string;
  readonly singleNamespace: boolean;
  readonly knative: boolean;
  readonly statsd: boolean;
  readonly bootTime: Date;
  readonly uptimeMs: number;
  readonly isReady: boolean;
  /** Since the last change that was compiled. */
  readonly sinceUpdateMs: number;
}

/** One document of `/ambassador/v0/diag/?json=true`. What there is nothing to say of is empty, and never left out. */
export type Diagnostics = Readonly<Record<string, unknown>> & {
  readonly errors: readonly (readonly [string, string])[];
  readonly notices: readonly { readonly level: string; readonly message: string }[];
  readonly route_info: readonly RouteInfo[];
};

/** Whether the Module asks for the page where others than the machine itself reach it. By default Emissary shows it to everybody. */
export function isShownToOthers({ modules }: Pick<Resources, "modules">): boolean {
  const { enabled, allow_non_local: allowed } = selectModule(modules).config.diagnostics ?? {};
  return enabled === true || allowed === true;
}

export function diagnosticsOf(
  { expansion, ir }: Pick<Compiled, "expansion" | "ir">,
  problems: readonly Problem[],
  gateway: DiagnosedGateway,
): Diagnostics {
  const { resources } = expansion;
  const routes = routeInfos(ir, resources.mappings);
  const errors = problems.filter(({ severity }) => severity === "error");
  const elements = elementsOf(resources);
  return {
    system: systemOf(gateway, errors, resources),
    envoy_status: {
      alive: gateway.isReady,
      ready: gateway.isReady,
      uptime: durationText(gateway.uptimeMs),
      since_update: durationText(gateway.sinceUpdateMs),
    },
    loginfo: { all: "warning" },
    banner_content: "",
    errors: errors.map((problem) => [locationOf(problem.object), formatProblem(problem)] as const),
    notices: problems
      .filter(({ severity }) => severity === "warning")
      .map((problem) => ({ level: "WARNING", message: formatProblem(problem) })),
    route_info: routes,
    groups: Object.fromEntries(routes.map(({ _group_id: id, _route: group }) => [id, group])),
    cluster_info: Object.fromEntries(
      routes.flatMap(({ clusters }) => clusters.map((cluster) => [cluster.name, cluster] as const)),
    ),
    cluster_stats: Object.fromEntries(
      [...ir.clusters.values()].map(({ name }) => [
        name,
        { valid: false, reason: "see /metrics", health: "unknown", hmetric: "unknown", hcolor: "grey" },
      ]),
    ),
    ambassador_services: servicesOf(resources),
    ambassador_resolvers: [
      ...resources.serviceResolvers,
      ...resources.endpointResolvers,
      ...resources.consulResolvers,
    ].map((resolver) => ({ kind: resolver.kind, name: resolver.name, _source: locationOf(resolver), groups: [] })),
    ambassador_elements: elements,
    ambassador_resources: {},
    active_elements: Object.keys(elements).sort(),
    source_map: Object.fromEntries(Object.keys(elements).map((key) => [key, { [key]: true }])),
    envoy_elements: {},
    envoy_resources: {},
    tlscontexts: resources.tlsContexts.map(({ kind, name, namespace, spec }) => ({
      kind,
      name,
      namespace,
      location: locationOf({ name, namespace }),
      hosts: spec.hosts ?? [],
      secret_info: spec.secret === undefined ? {} : { secret: spec.secret },
    })),
  };
}

/** `quote.default.1`, as Emissary numbers the objects of a manifest; here each is the first of its own. */
export function locationOf({ name, namespace }: Pick<ObjectRef, "name" | "namespace">): string {
  return namespace === "" ? name : `${name}.${namespace}.1`;
}

interface Element {
  readonly kind: string;
  readonly location: string;
  readonly name: string;
  readonly namespace: string;
}

function elementsOf(resources: Resources): Readonly<Record<string, Element>> {
  const { listeners, hosts, mappings, tcpMappings, tlsContexts, modules } = resources;
  const { authServices, rateLimitServices, logServices, tracingServices } = resources;
  const all = [
    ...[listeners, hosts, mappings, tcpMappings, tlsContexts, modules].flat(),
    ...[authServices, rateLimitServices, logServices, tracingServices].flat(),
  ];
  return Object.fromEntries(
    all.map((resource) => {
      const { kind, name, namespace } = resource;
      return [locationOf(resource), { kind, location: locationOf(resource), name, namespace }];
    }),
  );
}

/** Services of the gateway itself. */
function servicesOf(resources: Resources): readonly object[] {
  const of = (type: string, resource: ObjectRef, name: string | undefined) =>
    name === undefined ? [] : [{ type, _source: locationOf(resource), name, cluster: name, _service_weight: 100 }];
  return [
    ...resources.authServices.flatMap((each) => of("AuthService", each, each.spec.auth_service)),
    ...resources.rateLimitServices.flatMap((each) => of("RateLimitService", each, each.spec.service)),
    ...resources.tracingServices.flatMap((each) => of("TracingService", each, each.spec.service)),
    ...resources.logServices.flatMap((each) => of("LogService", each, each.spec.service)),
  ];
}

function systemOf(gateway: DiagnosedGateway, errors: readonly Problem[], resources: Resources): object {
  const check = (isGood: boolean, text: string) => ({ status: isGood, specifics: [[isGood, text]] });
  const ofTls = errors.filter(({ code, object }) => /Secret|Tls/.test(code) || object.kind === "TLSContext");
  const mappings = resources.mappings.length;
  const status = {
    "Error check": check(errors.length === 0, errors.length === 0 ? "No errors logged" : `${errors.length} errors`),
    Mappings: check(mappings > 0, `${mappings} Mappings are known`),
    TLS: check(ofTls.length === 0, ofTls.length === 0 ? "No errors of TLS" : `${ofTls.length} errors of TLS`),
  };
  const failures = Object.entries(status).flatMap(([name, each]) => (each.status ? [] : [name]));
  return {
    version: gateway.version,
    hostname: gateway.hostname,
    ambassador_id: gateway.ambassadorId,
    ambassador_namespace: gateway.namespace,
    single_namespace: gateway.singleNamespace,
    knative_enabled: gateway.knative,
    statsd_enabled: gateway.statsd,
    endpoints_enabled: resources.endpointResolvers.length > 0,
    cluster_id: "",
    boot_time: gateway.bootTime.toISOString(),
    hr_uptime: durationText(gateway.uptimeMs),
    latest_snapshot: "",
    env_good: failures.length === 0,
    env_failures: failures,
    env_status: status,
    debug_mode: false,
  };
}

/** `2 days, 3:04:05` in Emissary's manner. */
function durationText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  const clock = `${Math.floor((seconds % 86_400) / 3600)}:${two(Math.floor((seconds % 3600) / 60))}:${two(seconds % 60)}`;
  return days === 0 ? clock : `${days} ${days === 1 ? "day" : "days"}, ${clock}`;
}
