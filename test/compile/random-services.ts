import type { Random } from "../support/random.ts";

interface Edit {
  readonly kind: string;
  readonly name: string;
  readonly spec: Readonly<Record<string, unknown>>;
}

const service = (random: Random) => random.pick(["one", "two:8080", "10.0.0.1:3000", "outside.example.com"]);

/** An AuthService or RateLimitService, or what they depend on; some with mistakes. */
export function randomService(random: Random): Edit {
  if (random.chance(0.2)) {
    const config = { auth_service: random.chance(0.2) ? 7 : service(random) };
    return { kind: "Module", name: "authentication", spec: { config } };
  }
  if (random.chance(0.1)) {
    const labels = { defaults: [{ generic_key: { value: random.pick(["1", "2"]) } }] };
    const config = {
      default_labels: { ambassador: labels },
      default_label_domain: random.pick(["ambassador", "other"]),
    };
    return { kind: "Module", name: "ambassador", spec: { config } };
  }
  if (random.chance(0.4)) {
    const spec = {
      service: service(random),
      ...(random.chance(0.5) ? { domain: random.pick(["ambassador", "other", ""]) } : {}),
      ...(random.chance(0.2) ? { tls: random.pick(["origin", "nothing"]) } : {}),
      ...(random.chance(0.1) ? { timeout_ms: "soon" } : {}),
    };
    return { kind: "RateLimitService", name: `r${random.integer(2)}`, spec };
  }
  return {
    kind: "AuthService",
    name: `a${random.integer(3)}`,
    spec: {
      auth_service: service(random),
      proto: random.pick(["http", "grpc"]),
      ...(random.chance(0.2) ? { timeout_ms: random.pick([100, 200, "soon"]) } : {}),
      ...(random.chance(0.2) ? { tls: random.pick(["origin", "nothing"]) } : {}),
      ...(random.chance(0.2) ? { protocol_version: random.pick(["v2", "v3"]) } : {}),
      ...(random.chance(0.1) ? { ambassador_id: [random.pick(["default", "other"])] } : {}),
    },
  };
}

/** What a Mapping says to them. */
export function randomWords(random: Random): Readonly<Record<string, unknown>> {
  return {
    ...(random.chance(0.1) ? { bypass_auth: random.chance(0.7) } : {}),
    ...(random.chance(0.2)
      ? { labels: { [random.pick(["ambassador", "other"])]: [{ group: [{ generic_key: { value: "a" } }] }] } }
      : {}),
    ...(random.chance(0.1) ? { auth_context_extensions: { a: random.pick(["1", "2"]) } } : {}),
  };
}
