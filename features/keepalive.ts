import { z } from "zod";
import { checked, type Feature, type FieldProblem, invalid, nothing } from "./feature.ts";
import { count } from "./fields.ts";

export const keepaliveFields = {
  keepalive: z
    .object({
      idle_time: count("Seconds without data before the first probe. Default: the operating system's."),
      interval: count("Seconds between probes. Default: the operating system's."),
      probes: count("Unanswered probes after which the connection counts as dead. Default: the operating system's."),
    })
    .optional()
    .describe("TCP keepalive of connections to the upstream. Default: the Module's keepalive, else none."),
};

export interface KeepaliveSettings {
  readonly idleSeconds?: number;
  readonly intervalSeconds?: number;
  readonly probes?: number;
}

/** Linux refuses others (include/net/tcp.h, MAX_TCP_KEEPIDLE and its like), and then no connection is made at all. */
const most = { idle_time: 32_767, time: 32_767, interval: 32_767, probes: 127 } as const;

export const keepalive: Feature<typeof keepaliveFields, KeepaliveSettings> = {
  name: "keepalive",
  fields: keepaliveFields,

  fromMapping(spec, { defaults }) {
    // The Module calls the same thing `time`. Emissary reads that name alone, so that it never sees a Mapping's idle_time.
    const written = spec.keepalive ?? defaults.keepalive;
    if (written === undefined) return nothing;
    const { idle_time, time, interval, probes } = { time: undefined, ...written };
    const problems: FieldProblem[] = [];
    for (const [name, value] of Object.entries({ idle_time, time, interval, probes })) {
      const max = most[name as keyof typeof most];
      if (value === undefined || (value >= 1 && value <= max)) continue;
      problems.push(invalid(["keepalive", name], `${value} is out of range`, `write a whole number from 1 to ${max}`));
    }
    const idleSeconds = idle_time ?? time;
    const value: KeepaliveSettings = {
      ...(idleSeconds === undefined ? {} : { idleSeconds }),
      ...(interval === undefined ? {} : { intervalSeconds: interval }),
      ...(probes === undefined ? {} : { probes }),
    };
    return checked(value, problems);
  },

  cluster: ({ idleSeconds, intervalSeconds, probes }, cluster) => ({
    ...cluster,
    upstreamConnectionOptions: {
      ...cluster.upstreamConnectionOptions,
      tcpKeepalive: { keepaliveTime: idleSeconds, keepaliveInterval: intervalSeconds, keepaliveProbes: probes },
    },
  }),
};
