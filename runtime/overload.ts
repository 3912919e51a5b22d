import type { EnvoyLimits } from "./envoy-limits.ts";
import type { JsonObject } from "./bootstrap.ts";

const fixedHeap = "envoy.resource_monitors.fixed_heap";
const connections = "envoy.resource_monitors.global_downstream_max_connections";
const action = (name: string) => `envoy.overload_actions.${name}`;

/** Envoy's overload manager: what it does when its memory or its connections come to their limit. Nothing where there is no limit.
 *  The heap, not the container's memory (`cgroup_memory`): that counts the page cache, which the kernel gives back by itself, and
 *  Node, for which nobody's request should be refused. */
export function overloadBootstrap({
  maxHeapBytes,
  maxConnections,
}: Pick<EnvoyLimits, "maxHeapBytes" | "maxConnections">): JsonObject {
  const monitors = [
    ...(maxHeapBytes === undefined
      ? []
      : [monitor(fixedHeap, "fixed_heap.v3.FixedHeapConfig", { max_heap_size_bytes: maxHeapBytes })]),
    ...(maxConnections === undefined
      ? []
      : [
          monitor(connections, "downstream_connections.v3.DownstreamConnectionsConfig", {
            max_active_downstream_connections: maxConnections,
          }),
        ]),
  ];
  if (monitors.length === 0) return {};
  return {
    overload_manager: {
      refresh_interval: "0.25s",
      resource_monitors: monitors,
      ...(maxHeapBytes === undefined ? {} : ofTheHeap),
    },
  };
}

function monitor(name: string, type: string, config: JsonObject): JsonObject {
  return {
    name,
    typed_config: { "@type": `type.googleapis.com/envoy.extensions.resource_monitors.${type}`, ...config },
  };
}

const from = (share: number) => ({ triggers: [{ name: fixedHeap, threshold: { value: share } }] });
const between = (start: number, full: number) => ({
  triggers: [{ name: fixedHeap, scaled: { scaling_threshold: start, saturation_threshold: full } }],
});

/** First what nobody notices, then what costs a client a connection, then a stream, last what refuses. Shares and order are of Envoy's
 *  documentation (overload manager; edge best practices). */
const ofTheHeap: JsonObject = {
  // Streams are weighed from 256 KiB of buffers on, their window. From 1 MiB on, as in Envoy's documentation, many streams that hold just
  // less each would keep the heap full, and none of them would be reset: every request was answered 503 for as long as they stayed.
  buffer_factory_config: { minimum_account_to_track_power_of_two: 18 },
  actions: [
    {
      name: action("reduce_timeouts"),
      ...between(0.85, 0.95),
      typed_config: {
        "@type": "type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig",
        timer_scale_factors: [
          { timer: "HTTP_DOWNSTREAM_CONNECTION_IDLE", min_timeout: "2s" },
          { timer: "TRANSPORT_SOCKET_CONNECT", min_timeout: "2s" },
        ],
      },
    },
    { name: action("shrink_heap"), ...from(0.9) },
    // Of HTTP/2 alone, the largest first.
    { name: action("reset_high_memory_stream"), ...between(0.9, 0.98) },
    { name: action("disable_http_keepalive"), ...from(0.92) },
    { name: action("stop_accepting_requests"), ...from(0.95) },
  ],
  loadshed_points: [{ name: "envoy.load_shed_points.tcp_listener_accept", ...from(0.95) }],
};
