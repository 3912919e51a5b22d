import type { Random } from "../support/random.ts";

interface Edit {
  readonly kind: string;
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

const service = (random: Random) =>
  random.pick(["one", "two:8080", "10.0.0.1:3000", "https://outside.example.com", "bad service"]);

function randomTracing(random: Random): Edit {
  return {
    kind: "TracingService",
    name: `s${random.integer(3)}`,
    spec: {
      driver: random.pick(["zipkin", "datadog", "opentelemetry", "lightstep"]),
      service: service(random),
      ...(random.chance(0.2) ? { config: { collector_endpoint: random.pick(["/a", "b"]) } } : {}),
      ...(random.chance(0.2) ? { custom_tags: [{ tag: "t", literal: { value: random.pick(["1", ""]) } }] } : {}),
      ...(random.chance(0.2) ? { tag_headers: [random.pick(["x-a", "x b"])] } : {}),
      ...(random.chance(0.2) ? { sampling: { random: random.pick([1, 200]) } } : {}),
      ...(random.chance(0.1) ? { ambassador_id: [random.pick(["default", "other"])] } : {}),
    },
  };
}

/** A LogService or TracingService, some with mistakes. */
export function randomTelemetry(random: Random): Edit {
  if (random.chance(0.4)) return randomTracing(random);
  const header_name = random.pick(["x-a", "x-b", "x c"]);
  return {
    kind: "LogService",
    name: `g${random.integer(3)}`,
    spec: {
      ...(random.chance(0.9) ? { service: service(random) } : {}),
      ...(random.chance(0.9) ? { driver: random.pick(["http", "tcp"]) } : {}),
      ...(random.chance(0.3) ? { driver_config: { additional_log_headers: [{ header_name }] } } : {}),
      ...(random.chance(0.3) ? { flush_interval_time: random.integer(3) } : {}),
      ...(random.chance(0.2) ? { stats_name: random.pick(["x", "y"]) } : {}),
      ...(random.chance(0.2) ? { protocol_version: random.pick(["v2", "v3"]) } : {}),
      ...(random.chance(0.1) ? { ambassador_id: [random.pick(["default", "other"])] } : {}),
    },
  };
}
