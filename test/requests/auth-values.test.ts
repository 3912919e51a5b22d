import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { authServiceOf, rateLimitServiceOf } from "../support/manifests.ts";

let gateway: Gateway;

beforeAll(async () => {
  gateway = await startGateway();
});

afterAll(() => gateway.stop());

type Spec = Readonly<Record<string, unknown>>;

const texts = [
  "",
  " ",
  "a b",
  "é",
  "\u0000",
  "a\nb",
  "100%",
  "%REQ(x)%",
  "%%",
  "/",
  "?",
  "#",
  "x".repeat(20_000),
  "日本",
];
const numbers = [0, 1, 4_294_967_295, 4_294_967_295_000, 9_223_372_036_000];
const statuses = Array.from({ length: 200 }, (_, index) => 400 + index);

function* authSpecs(): Generator<Spec> {
  for (const proto of ["http", "grpc"]) {
    const base = { auth_service: "127.0.0.1:1", proto };
    for (const text of texts) {
      yield { ...base, path_prefix: text };
      yield { ...base, path_prefix: `/${text}` };
      yield { ...base, allowed_request_headers: [text], allowed_authorization_headers: [text] };
      yield { ...base, add_auth_headers: { [text]: "a" } };
      yield { ...base, add_auth_headers: { "x-a": text } };
      yield { ...base, stats_name: text };
      yield { ...base, auth_service: text };
    }
    for (const number of numbers) {
      yield { ...base, timeout_ms: number };
      yield { ...base, include_body: { max_bytes: number, allow_partial: false } };
      yield { ...base, circuit_breakers: [{ max_requests: number }] };
    }
    for (const code of statuses) yield { ...base, status_on_error: { code } };
    yield { ...base, auth_service: "[::1]:1", add_linkerd_headers: true };
  }
}

function* limitSpecs(): Generator<Spec> {
  const base = { service: "127.0.0.1:1" };
  for (const text of texts)
    yield* [
      { ...base, domain: text },
      { ...base, stats_name: text },
    ];
  for (const number of numbers) yield { ...base, timeout_ms: number };
}

function* mappingSpecs(): Generator<Spec> {
  for (const text of texts) {
    yield { auth_context_extensions: { [text]: text } };
    for (const label of [
      { generic_key: { value: text } },
      { generic_key: { key: text, value: "a" } },
      { request_headers: { key: text, header_name: "x-a" } },
      { request_headers: { key: "a", header_name: text } },
      { request_headers: { key: "a", header_name: `:${text}` } },
    ])
      yield { labels: { ambassador: [{ group: [label] }] } };
  }
}

describe("odd values", () => {
  it.each<[string, () => Generator<Spec>, (spec: Spec) => string]>([
    ["an AuthService", authSpecs, (spec) => authServiceOf("a", spec)],
    ["a RateLimitService", limitSpecs, (spec) => rateLimitServiceOf("r", spec)],
    ["a Mapping", mappingSpecs, (spec) => mapping("m", { prefix: "/", service: "127.0.0.1:1", ...spec })],
  ])("of %s are told, or taken by Envoy", async (_, specs, manifest) => {
    const refused: string[] = [];
    for (const spec of specs()) {
      // What was good would serve on in the place of what is not.
      await gateway.apply("");
      const problems = await gateway.apply(manifest(spec));
      for (const { code, message } of problems)
        if (code === "EnvoyRejected" || code === "InternalError")
          refused.push(`${JSON.stringify(spec).slice(0, 200)}: ${message.replaceAll(/x{20,}/g, "X").slice(0, 400)}`);
    }
    expect(refused).toEqual([]);
  });
});
