/** Typed in by hand from what Emissary's conversion does: pkg/api/getambassador.io/v2/handwritten.conversion.go. */
import { describe, expect, it } from "@jest/globals";
import { convert } from "../../crds/versions/convert.ts";

type Spec = Readonly<Record<string, unknown>>;

function specIn(version: string, from: string, kind: string, spec: unknown): unknown {
  const raw = { apiVersion: `getambassador.io/${from}`, kind, metadata: { name: "a" }, spec };
  const result = convert(raw, `getambassador.io/${version}`, { remembering: false });
  if (!result.ok) throw new Error(result.message);
  expect(result.object["apiVersion"]).toBe(`getambassador.io/${version}`);
  return result.object["spec"];
}

const P = "--apiVersion-v3alpha1-only--";
const ids = { ambassador_id: [`${P}default`] };
const none = "_skip_mapping_with_empty_host_";

/** What every Mapping gets, beside the field in question. */
const up: Spec = { hostname: "*" };
const down: Spec = { ...ids, host: none };

describe("v2 in v3alpha1", () => {
  const rows: [string, Spec, Spec, string?][] = [
    ["one id", { ambassador_id: "a" }, { ambassador_id: ["a"], ...up }],
    ["a list of ids", { ambassador_id: ["a", "b"] }, { ambassador_id: ["a", "b"], ...up }],
    ["an id that v3alpha1 wrote", { ambassador_id: [`${P}a`, "b"] }, { ambassador_id: ["a", "b"], ...up }],
    ["no id", {}, { ...up }],
    ["no id, as null", { ambassador_id: null }, { ...up }],
    ["a host", { host: "a.example" }, { hostname: "a.example" }],
    ["an empty host", { host: "" }, { hostname: "*" }],
    ["every host", { host: "*" }, { hostname: "*" }],
    ["a host by regex", { host: "a.*", host_regex: true }, { host: "a.*", host_regex: true }],
    ["a host by no regex", { host: "a", host_regex: false }, { hostname: "a", host_regex: false }],
    ["the host that is none", { host: none }, {}],
    ["a hostname, which v2 has not", { hostname: "a" }, { hostname: "*" }],
    [
      "headers with booleans",
      { headers: { a: true, b: false, c: "d", e: null } },
      { headers: { c: "d" }, regex_headers: { a: ".*" }, v2BoolHeaders: ["a"], ...up },
    ],
    [
      "a boolean header that a regex names too",
      { headers: { a: true }, regex_headers: { a: "x+" } },
      { regex_headers: { a: "x+" }, v2BoolHeaders: ["a"], ...up },
    ],
    ["a header that is false", { headers: { a: false } }, { ...up }],
    [
      "query parameters with booleans",
      { query_parameters: { a: true, b: "c" } },
      { query_parameters: { b: "c" }, regex_query_parameters: { a: ".*" }, v2BoolQueryParameters: ["a"], ...up },
    ],
    ["tls true", { tls: true, service: "q" }, tls("https://q", "bool:true", "")],
    ["tls true over http", { tls: true, service: "HTTP://q" }, tls("https://q", "bool:true", "HTTP://")],
    ["tls true over https", { tls: true, service: "Https://q" }, tls("Https://q", "bool:true")],
    ["tls false", { tls: false, service: "q" }, tls("q", "bool:false")],
    ["tls false over https, which wins", { tls: false, service: "https://q" }, tls("https://q", "bool:false")],
    ["tls null", { tls: null, service: "q" }, tls("q", "null")],
    ["tls empty", { tls: "", service: "q" }, tls("q", "string")],
    ["tls of a context", { tls: "ctx", service: "http://q" }, { tls: "ctx", service: "http://q", ...up }],
    ["no tls", { service: "https://q" }, { service: "https://q", ...up }],
    [
      "added headers",
      { add_request_headers: { a: "b", c: { value: "d", append: false }, e: null } },
      {
        add_request_headers: {
          a: { value: "b", v2Representation: "string" },
          c: { value: "d", append: false },
          e: { v2Representation: "null" },
        },
        ...up,
      },
    ],
    ["removed headers", { remove_response_headers: "a" }, { remove_response_headers: ["a"], ...up }],
    [
      "cors",
      { cors: { origins: "http://a, http://b", methods: "GET", headers: ["x"], exposed_headers: "y" } },
      {
        cors: {
          origins: ["http://a", "http://b"],
          v2CommaSeparatedOrigins: true,
          methods: ["GET"],
          headers: ["x"],
          exposed_headers: ["y"],
        },
        ...up,
      },
    ],
    ["cors with a list", { cors: { origins: ["http://a"] } }, { cors: { origins: ["http://a"] }, ...up }],
    [
      "labels",
      {
        labels: {
          domain: [
            {
              group: [
                "source_cluster",
                "destination_cluster",
                "remote_address",
                "mine",
                { from: { header: "x-a", omit_if_not_present: true } },
                { generic_key: "value" },
                { generic_key: "value", v3Key: "key" },
              ],
            },
          ],
        },
      },
      {
        labels: {
          domain: [
            {
              group: [
                { source_cluster: { key: "source_cluster" } },
                { destination_cluster: { key: "destination_cluster" } },
                { remote_address: { key: "remote_address" } },
                { generic_key: { value: "mine", v2Shorthand: true } },
                { request_headers: { key: "from", header_name: "x-a", omit_if_not_present: true } },
                { generic_key: { value: "value" } },
                { generic_key: { key: "key", value: "value" } },
              ],
            },
          ],
        },
        ...up,
      },
    ],
    [
      "names",
      { v3StatsName: "a", v3health_checks: [{}], use_websocket: true },
      { stats_name: "a", health_checks: [{}], use_websocket: true, ...up },
    ],
    [
      "TCPMapping: tls true",
      { port: 1, service: "q:2", tls: true },
      { port: 1, service: "https://q:2", v2ExplicitTLS: { tls: "bool:true" } },
      "TCPMapping",
    ],
    [
      "Host: selector",
      { selector: { matchLabels: { a: "b" } } },
      { mappingSelector: { matchLabels: { a: "b" } } },
      "Host",
    ],
    [
      "Host: ids of two names",
      { ambassador_id: "a", ambassadorId: ["b", `${P}c`] },
      { ambassador_id: ["a", "b", "c"] },
      "Host",
    ],
    ["Host: CRL", { tls: { v3CRLSecret: "a", sni: "b" } }, { tls: { crl_secret: "a", sni: "b" } }, "Host"],
    ["TLSContext: CRL", { v3CRLSecret: "a" }, { crl_secret: "a" }, "TLSContext"],
    [
      "TracingService: tags",
      { tag_headers: [":authority", "x"] },
      { custom_tags: [":authority", "x"].map((name) => ({ tag: name, request_header: { name } })) },
      "TracingService",
    ],
    [
      "TracingService: both kinds of tags",
      { tag_headers: ["x"], v3CustomTags: [{ tag: "y" }] },
      { custom_tags: [{ tag: "y" }] },
      "TracingService",
    ],
    [
      "TracingService: propagation",
      { config: { v3PropagationModes: ["B3"], service_name: "a" } },
      { config: { propagation_modes: ["B3"], service_name: "a" } },
      "TracingService",
    ],
    [
      "AuthService",
      { auth_service: "http://a", tls: true, v3CircuitBreakers: [] },
      {
        auth_service: "https://a",
        v2ExplicitTLS: { tls: "bool:true", serviceScheme: "http://" },
        circuit_breakers: [],
      },
      "AuthService",
    ],
    [
      "RateLimitService",
      { service: "a", v3GRPC: { use_resource_exhausted_code: true } },
      { service: "a", grpc: { use_resource_exhausted_code: true } },
      "RateLimitService",
    ],
    [
      "LogService",
      { v3ProtocolVersion: "v3", v3StatsName: "a" },
      { protocol_version: "v3", stats_name: "a" },
      "LogService",
    ],
    [
      "Module: its config as it is",
      { config: { cors: { origins: "a,b" } }, ambassador_id: "x" },
      { config: { cors: { origins: "a,b" } }, ambassador_id: ["x"] },
      "Module",
    ],
    [
      "ConsulResolver",
      { ambassador_id: "x", address: "a", datacenter: "b" },
      { ambassador_id: ["x"], address: "a", datacenter: "b" },
      "ConsulResolver",
    ],
    ["DevPortal", { ambassador_id: "x", default: true }, { ambassador_id: ["x"], default: true }, "DevPortal"],
  ];
  function tls(service: string, how: string, scheme?: string): Spec {
    const v2ExplicitTLS = scheme === undefined ? { tls: how } : { tls: how, serviceScheme: scheme };
    return { service, v2ExplicitTLS, ...up };
  }

  it.each(rows)("%s", (_, v2, v3, kind = "Mapping") => {
    expect(specIn("v3alpha1", "v2", kind, v2)).toEqual(v3);
    if (kind !== "Host") expect(specIn("v3alpha1", "v1", kind, v2)).toEqual(v3);
  });
});

describe("v3alpha1 in v2", () => {
  const rows: [string, Spec, Spec, string?][] = [
    ["no id", {}, { ...down }],
    ["ids", { ambassador_id: ["a", "b"] }, { ...down, ambassador_id: [`${P}a`, `${P}b`] }],
    ["an id that has the prefix", { ambassador_id: [`${P}a`] }, { ...down, ambassador_id: [`${P}a`] }],
    ["no hostname", {}, { ...ids, host: none }],
    ["an empty hostname", { hostname: "" }, { ...ids, host: none }],
    ["every hostname", { hostname: "*" }, { ...ids }],
    ["a hostname", { hostname: "*.example" }, { ...ids, host: "*.example" }],
    [
      "a hostname beside a host",
      { hostname: "a", host: "b", host_regex: true },
      { ...ids, host: "a", host_regex: false },
    ],
    ["a host", { host: "a" }, { ...ids, host: "a" }],
    ["a host by regex", { host: "*", host_regex: true }, { ...ids, host: "*", host_regex: true }],
    [
      "headers that v2 wrote as true",
      { headers: { c: "d" }, regex_headers: { a: ".*", b: "x" }, v2BoolHeaders: ["a", "b", "e"] },
      { ...down, headers: { a: true, b: true, c: "d" }, regex_headers: { b: "x" } },
    ],
    [
      "tls that v2 wrote as true",
      { service: "https://q", v2ExplicitTLS: { tls: "bool:true", serviceScheme: "" } },
      { ...down, service: "q", tls: true },
    ],
    [
      "the same, and http since",
      { service: "http://q", v2ExplicitTLS: { tls: "bool:true", serviceScheme: "" } },
      { ...down, service: "q" },
    ],
    [
      "tls that v2 wrote as null",
      { service: "q", v2ExplicitTLS: { tls: "null" } },
      { ...down, service: "q", tls: null },
    ],
    [
      "tls of a context",
      { service: "q", tls: "ctx", v2ExplicitTLS: { serviceScheme: "http://" } },
      { ...down, service: "http://q", tls: "ctx" },
    ],
    [
      "a scheme that would say the opposite",
      { service: "https://q", v2ExplicitTLS: { serviceScheme: "http://" } },
      { ...down, service: "https://q" },
    ],
    [
      "added headers",
      {
        add_response_headers: {
          a: { value: "b", v2Representation: "string" },
          c: { value: "d", append: true, v2Representation: "string" },
          e: { v2Representation: "null" },
        },
      },
      { ...down, add_response_headers: { a: "b", c: { value: "d", append: true }, e: null } },
    ],
    ["cors", { cors: { origins: ["a", "b"], v2CommaSeparatedOrigins: true } }, { ...down, cors: { origins: "a,b" } }],
    [
      "a label of a reserved name",
      { labels: { d: [{ g: [{ generic_key: { value: "source_cluster", v2Shorthand: true } }] }] } },
      { ...down, labels: { d: [{ g: [{ generic_key: "source_cluster" }] }] } },
    ],
    ["names", { stats_name: "a", health_checks: [] }, { ...down, v3StatsName: "a", v3health_checks: [] }],
    ["TCPMapping: a scheme", { service: "http://q", port: 1 }, { ...ids, service: "q", port: 1 }, "TCPMapping"],
    [
      "TCPMapping: https",
      { service: "https://q", port: 1 },
      { ...ids, service: "q", port: 1, tls: true },
      "TCPMapping",
    ],
    [
      "Host: mappingSelector",
      { mappingSelector: { a: 1 }, selector: { b: 1 } },
      { ...ids, selector: { a: 1 } },
      "Host",
    ],
    ["Host: selector", { selector: { b: 1 } }, { ...ids, selector: { b: 1 } }, "Host"],
    [
      "TracingService: tag_headers",
      { tag_headers: ["a"] },
      { ...ids, v3CustomTags: [{ tag: "a", request_header: { name: "a" } }] },
      "TracingService",
    ],
    ["TracingService: both", { tag_headers: ["a"], custom_tags: [] }, { ...ids, v3CustomTags: [] }, "TracingService"],
  ];

  it.each(rows)("%s", (_, v3, v2, kind = "Mapping") => {
    expect(specIn("v2", "v3alpha1", kind, v3)).toEqual(v2);
  });
});
