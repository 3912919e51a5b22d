import { type Feature, settings } from "./feature.ts";
import { milliseconds } from "./fields.ts";
import { duration } from "./proto.ts";

export const connectionFields = {
  connect_timeout_ms: milliseconds(
    "Milliseconds for a connection to the upstream to be made. Default: 3000.",
    // Envoy refuses a cluster without any time for it.
    1,
  ),
  cluster_idle_timeout_ms: milliseconds(
    "Milliseconds after which an unused connection to the upstream is closed; 0 means never. Default: the Module's cluster_idle_timeout_ms, else one hour.",
  ),
  cluster_max_connection_lifetime_ms: milliseconds(
    "Milliseconds after which a connection to the upstream gets no new requests and is closed; 0 means never. Default: the Module's cluster_max_connection_lifetime_ms, else never.",
  ),
};

export interface ConnectionSettings {
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs?: number;
  readonly maxLifetimeMs?: number;
}

const DEFAULT_CONNECT_TIMEOUT_MS = 3000;

export const connection: Feature<typeof connectionFields, ConnectionSettings> = {
  name: "connection",
  fields: connectionFields,

  fromMapping(spec, { defaults }) {
    const idleTimeoutMs = spec.cluster_idle_timeout_ms ?? defaults.cluster_idle_timeout_ms;
    const maxLifetimeMs = spec.cluster_max_connection_lifetime_ms ?? defaults.cluster_max_connection_lifetime_ms;
    return settings({
      connectTimeoutMs: spec.connect_timeout_ms ?? DEFAULT_CONNECT_TIMEOUT_MS,
      ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
      ...(maxLifetimeMs === undefined ? {} : { maxLifetimeMs }),
    });
  },

  cluster: ({ connectTimeoutMs }, cluster) => ({ ...cluster, connectTimeout: duration(connectTimeoutMs) }),

  protocol({ idleTimeoutMs, maxLifetimeMs }, options) {
    if (idleTimeoutMs === undefined && maxLifetimeMs === undefined) return options;
    return {
      ...options,
      commonHttpProtocolOptions: {
        ...options.commonHttpProtocolOptions,
        ...(idleTimeoutMs === undefined ? {} : { idleTimeout: duration(idleTimeoutMs) }),
        ...(maxLifetimeMs === undefined ? {} : { maxConnectionDuration: duration(maxLifetimeMs) }),
      },
    };
  },
};
