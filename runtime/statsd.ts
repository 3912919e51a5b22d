import { lookup } from "node:dns/promises";
import type { JsonObject } from "./bootstrap.ts";
import { errorText } from "./fatal.ts";
import type { Log } from "./log.ts";
import type { StatsdSettings } from "./settings.ts";

export interface StatsdSink extends Omit<StatsdSettings, "host"> {
  /** Envoy takes no name here. */
  readonly address: string;
  readonly port: number;
}

const usualPort = 8125;

/** Looks the host up, once, as Emissary does. Undefined, and said, when there is none: no reason for a gateway not to start. */
export async function statsdSink(settings: StatsdSettings, log: Log): Promise<StatsdSink | undefined> {
  const { host, ...rest } = settings;
  try {
    return { ...rest, address: (await lookup(host)).address, port: usualPort };
  } catch (error) {
    const reason = errorText(error);
    log.warn("no statistics are sent to statsd: STATSD_HOST is not found", { host, reason });
    return undefined;
  }
}

/** Parts of Envoy's bootstrap. Source: Emissary's bootstrap template. */
export function statsdBootstrap(sink: StatsdSink | undefined): {
  readonly tags: JsonObject;
  readonly rest: JsonObject;
} {
  if (sink === undefined) return { tags: {}, rest: {} };
  const { address, port, flushSeconds, dogstatsd, entityId } = sink;
  const type = dogstatsd ? "DogStatsdSink" : "StatsdSink";
  const tag = { tag_name: "dd.internal.entity_id", fixed_value: entityId ?? "" };
  return {
    tags: dogstatsd && entityId !== undefined ? { stats_tags: [tag] } : {},
    rest: {
      stats_flush_interval: `${flushSeconds}s`,
      stats_sinks: [
        {
          name: dogstatsd ? "envoy.stat_sinks.dog_statsd" : "envoy.stat_sinks.statsd",
          typed_config: {
            "@type": `type.googleapis.com/envoy.config.metrics.v3.${type}`,
            address: { socket_address: { protocol: "UDP", address, port_value: port } },
          },
        },
      ],
    },
  };
}
