import { envoyRuntimeFlags, runtimeLayer } from "../xds/static/runtime-flags.ts";
import type { EnvoyLimits } from "./envoy-limits.ts";
import { overloadBootstrap } from "./overload.ts";
import type { StatsSelection } from "./settings.ts";
import { statsdBootstrap, type StatsdSink } from "./statsd.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

export interface BootstrapOptions {
  readonly nodeId: string;
  /** Emissary's form: `<AMBASSADOR_ID>-<namespace>`. */
  readonly nodeCluster: string;
  readonly adminSocketPath: string;
  readonly xdsSocketPath: string;
  /** Default: none. */
  readonly limits?: Pick<EnvoyLimits, "maxHeapBytes" | "maxConnections"> | undefined;
  readonly stats: StatsSelection;
  /** Where Envoy sends its statistics. */
  readonly statsd?: StatsdSink | undefined;
  /** Added to our own runtime flags, and stronger than they. */
  readonly runtimeFlags?: Readonly<Record<string, Json>> | undefined;
}

const xdsCluster = "xds_cluster";

/** What Envoy is started with. It never changes while Envoy runs: everything else comes over ADS. */
export function envoyBootstrap(options: BootstrapOptions): JsonObject {
  const { nodeId, nodeCluster, adminSocketPath, xdsSocketPath, stats, runtimeFlags } = options;
  const statsd = statsdBootstrap(options.statsd);
  const inclusion: JsonObject =
    stats === "all" ? {} : { stats_matcher: { inclusion_list: { patterns: defaultStats } } };
  return {
    node: { id: nodeId, cluster: nodeCluster },
    // On a socket in a directory of mode 0700: whoever reaches Envoy's admin interface owns the gateway.
    // Statistics and the drain are asked for there, and most of all when there are too many connections.
    admin: { address: { pipe: { path: adminSocketPath, mode: 0o600 } }, ignore_global_conn_limit: true },
    ...dynamicResources(xdsSocketPath),
    layered_runtime: {
      layers: [
        { name: "static", static_layer: { ...envoyRuntimeFlags, ...runtimeFlags } },
        // The Module's runtime_flags: Envoy asks for them before anything else, and again whenever they change.
        { name: runtimeLayer, rtds_layer: { name: runtimeLayer, rtds_config: overAds } },
      ],
    },
    ...(options.limits === undefined ? {} : overloadBootstrap(options.limits)),
    deferred_stat_options: { enable_deferred_creation_stats: true },
    stats_config: { ...inclusion, ...statsd.tags },
    ...statsd.rest,
  };
}

// Without a limit Envoy's own start waits for the first configuration, so that "live" means "configured", and listeners are
// not asked for before the first clusters are warm. The default of 15 s would give up on a slow API server.
const overAds = { ads: {}, resource_api_version: "V3", initial_fetch_timeout: "0s" };

/** Clusters and listeners by delta ADS over a socket. */
export function dynamicResources(xdsSocketPath: string): JsonObject {
  return {
    dynamic_resources: {
      ads_config: {
        api_type: "DELTA_GRPC",
        transport_api_version: "V3",
        // The node message is 58 KB of extension names; otherwise it rides on every acknowledgement.
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: xdsCluster,
              // Envoy's default backs off to 30 s: a control plane that restarts would be missed. Measured, socket opened to
              // stream (mean of 8) and Envoy's CPU while there is none: 0.5 s: 130 ms, 3 ms/s; 0.2 s: 65 ms, 7 ms/s.
              retry_policy: { retry_back_off: { base_interval: "0.05s", max_interval: "0.2s" } },
            },
          },
        ],
      },
      cds_config: overAds,
      lds_config: overAds,
    },
    static_resources: { clusters: [xdsClusterOver(xdsSocketPath)] },
  };
}

function xdsClusterOver(socketPath: string): JsonObject {
  const endpoint = { endpoint: { address: { pipe: { path: socketPath } } } };
  const httpOptions = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  return {
    name: xdsCluster,
    type: "STATIC",
    connect_timeout: "1s",
    typed_extension_protocol_options: {
      [httpOptions]: {
        "@type": `type.googleapis.com/${httpOptions}`,
        explicit_http_config: { http2_protocol_options: {} },
      },
    },
    load_assignment: { cluster_name: xdsCluster, endpoints: [{ lb_endpoints: [endpoint] }] },
  };
}

/** What /metrics has by default. Every name per cluster costs at every cluster: measured at 10,000 clusters, Envoy 1.40, one
 *  worker: none 271 MB and 0.5 s of CPU to start; these 293 MB, 0.65 s and 1.6 MB per scrape in 0.06 s; all of them 339 MB,
 *  1.4 s and 34 MB per scrape in 1.0 s. */
const defaultStats: readonly Json[] = [
  // Of the Module's grpc_stats, which nobody has without asking for them.
  { contains: ".grpc." },
  ...["http.", "listener.", "tcp.", "listener_manager.", "cluster_manager.", "server.", "overload."].map((prefix) => ({
    prefix,
  })),
  ...[
    ".upstream_rq_total",
    ".upstream_rq_1xx",
    ".upstream_rq_2xx",
    ".upstream_rq_3xx",
    ".upstream_rq_4xx",
    ".upstream_rq_5xx",
    ".upstream_rq_time",
    ".upstream_rq_active",
    ".upstream_rq_timeout",
    ".upstream_rq_retry",
    ".upstream_rq_pending_overflow",
    ".upstream_cx_active",
    ".upstream_cx_connect_fail",
    ".membership_healthy",
    ".membership_total",
  ].map((suffix) => ({ suffix })),
];
