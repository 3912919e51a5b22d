import { describe, expect, it } from "@jest/globals";
import type { Explanation } from "../../insight/explain.ts";
import type { Setting } from "../../insight/explain/types.ts";
import { mapping } from "../support/gateway.ts";
import { authServiceOf, moduleOf, rateLimitServiceOf } from "../support/manifests.ts";
import { explained, placeText, service } from "./explained.ts";

function settings({ settings }: Explanation): Readonly<Record<string, string>> {
  return Object.fromEntries(settings.map(({ name, from }: Setting) => [name, placeText(from)]));
}

describe("every setting in force tells where it is written", () => {
  it("in the Mapping, in the Module, or nowhere", () => {
    const explanation = explained("http://x.com/a", [
      moduleOf({
        cluster_request_timeout_ms: 7000,
        retry_policy: { retry_on: "5xx", num_retries: 2 },
        cors: { origins: ["https://a.test"], max_age: "60" },
        defaults: { httpmapping: { add_response_headers: { "x-from": { value: "module" } } } },
      }),
      // What is written counts as written, be it the default's value.
      mapping("a", {
        prefix: "/",
        service,
        rewrite: "/",
        idle_timeout_ms: 300000,
        circuit_breakers: [{ max_requests: 9 }],
      }),
    ]);
    expect(settings(explanation)).toEqual({
      "rewrite.kind": "default",
      "rewrite.replacement": "Mapping default/a spec.rewrite",
      "headers.addToRequest": "default",
      "headers.removeFromRequest": "default",
      "headers.addToResponse":
        'Module default/ambassador spec.config.defaults.httpmapping.add_response_headers["x-from"].value',
      "headers.removeFromResponse": "default",
      "cors.origins": "Module default/ambassador spec.config.cors.origins",
      "cors.maxAgeSeconds": "Module default/ambassador spec.config.cors.max_age",
      "cors.credentials": "default",
      "timeouts.timeoutMs": "Module default/ambassador spec.config.cluster_request_timeout_ms",
      "timeouts.idleTimeoutMs": "Mapping default/a spec.idle_timeout_ms",
      "retry-policy.retryOn": "Module default/ambassador spec.config.retry_policy.retry_on",
      "retry-policy.numRetries": "Module default/ambassador spec.config.retry_policy.num_retries",
      "circuit-breakers": "Mapping default/a spec.circuit_breakers",
      "connection.connectTimeoutMs": "default",
    });
  });

  it("in another Mapping of the canary group, whose fields hold for all of it", () => {
    const explanation = explained("http://x.com/c/", [
      mapping("a", { prefix: "/c/", service, weight: 100 }),
      mapping("b", {
        prefix: "/c/",
        service: "http://127.0.0.1:9002",
        weight: 0,
        cors: { origins: ["https://a.test"] },
      }),
      mapping("c", { prefix: "/c/", service: "http://127.0.0.1:9003", shadow: true }),
    ]);
    const found = settings(explanation);
    expect(explanation.route?.name).toBe("default/a");
    expect(found["cors.origins"]).toBe("Mapping default/b spec.cors.origins");
    expect(found["shadow.cluster"]).toBe("Mapping default/c spec.shadow");
  });
});

describe("filters", () => {
  const services = [
    moduleOf({ ip_deny: [{ remote: "10.0.0.0/8" }], enable_grpc_web: true }),
    authServiceOf("login", { auth_service: "127.0.0.1:9100", proto: "http" }),
    rateLimitServiceOf("limits", { service: "127.0.0.1:9101", protocol_version: "v3" }),
  ];
  const told = ({ filters }: Explanation) =>
    Object.fromEntries(
      filters.map(({ name, state, note, from }) => [
        name.replace("envoy.filters.http.", ""),
        `${state} ${note} [${from.map(placeText).join()}]`,
      ]),
    );

  it("stand in their order with who asks for them, and what they do on the route", () => {
    const explanation = explained("http://x.com/a", [
      ...services,
      mapping("a", {
        prefix: "/",
        service,
        labels: {
          ambassador: [
            { users: [{ request_headers: { key: "user", header_name: "x-user" } }, { generic_key: { value: "a" } }] },
          ],
        },
        cors: { origins: ["https://a.test"] },
      }),
    ]);
    expect(told(explanation)).toEqual({
      grpc_web: "on  [Module default/ambassador spec.config.enable_grpc_web]",
      rbac: "on 403 for remote 10.0.0.0/8 [Module default/ambassador spec.config.ip_deny]",
      cors: "on answers preflight requests []",
      ext_authz: "on asks before anything is sent upstream [AuthService default/login]",
      ratelimit: "on counts by (user=header x-user, generic_key=a) [RateLimitService default/limits]",
    });
    expect(Object.keys(told(explanation))).toEqual(["grpc_web", "rbac", "cors", "ext_authz", "ratelimit"]);
  });

  it("are off where the route bypasses them", () => {
    const explanation = explained("http://x.com/a", [
      ...services,
      mapping("a", { prefix: "/", service, bypass_auth: true }),
    ]);
    const found = told(explanation);
    expect([found["ext_authz"], found["ratelimit"], found["cors"]]).toEqual([
      "off bypass_auth is true [AuthService default/login]",
      "off the route has no labels to count by [RateLimitService default/limits]",
      "off the route has no cors []",
    ]);
  });
});
