import { describe, expect, it } from "@jest/globals";
import { tellAll, tellMapping } from "./manifests.ts";

const target = "  prefix: /\n  service: quote";

describe("what is said of a wrong Mapping", () => {
  it.each([
    [
      `${target}\n  timeout_ms: "3s"`,
      'InvalidField spec.timeout_ms: "3s" is not an integer; write a number of milliseconds, for example 3000',
    ],
    [
      `${target}\n  idle_timeout_ms: 500ms`,
      'InvalidField spec.idle_timeout_ms: "500ms" is not an integer; write a number of milliseconds, for example 500',
    ],
    [`${target}\n  weight: 150`, "InvalidField spec.weight: 150 is out of range; write a whole number from 0 to 100"],
    [`${target}\n  weight: "50"`, 'InvalidField spec.weight: "50" is not an integer; write 50 without quotes'],
    [`${target}\n  precedence: 1.5`, "InvalidField spec.precedence: 1.5 is not an integer; write a whole number"],
    [
      `${target}\n  retry_policy: { retry_on: 5xxx }`,
      'InvalidField spec.retry_policy.retry_on: "5xxx" is not an allowed value; did you mean 5xx? Use one of 5xx, gateway-error, connect-failure, retriable-4xx, refused-stream, retriable-status-codes',
    ],
    [
      `${target}\n  redirect_response_code: 300`,
      "InvalidField spec.redirect_response_code: 300 is not an allowed value; use one of 301, 302, 303, 307, 308",
    ],
    [
      `${target}\n  headers: { x-debug: true }`,
      'InvalidField spec.headers["x-debug"]: true is not a string; write it in quotes: "true"',
    ],
    [
      `${target}\n  allow_upgrade: websocket`,
      'InvalidField spec.allow_upgrade: "websocket" is not a list; write ["websocket"]',
    ],
    [
      `${target}\n  case_sensitive: "no"`,
      'InvalidField spec.case_sensitive: "no" is not a boolean; write false without quotes',
    ],
    [
      `${target}\n  health_checks: []`,
      "InvalidField spec.health_checks: the list is empty; write at least one item, or leave the field out",
    ],
    [`${target}\n  priority: 1`, 'InvalidField spec.priority: 1 is not a string; write a string, for example "high"'],
    [
      `${target}\n  headers: { x-a: }`,
      'InvalidField spec.headers["x-a"]: null is not a string; write a string, or leave the field out',
    ],
    [
      `${target}\n  keepalive: 3`,
      "InvalidField spec.keepalive: 3 is not an object; write an object; its fields are idle_time, interval, probes",
    ],
    [
      `${target}\n  labels: { a: [{ b: [], c: [] }] }`,
      "InvalidField spec.labels.a[0]: must have exactly one key; write one key here, and the others as further items of the list",
    ],
    [
      "  prefix: /\n  service:",
      'InvalidField spec.service: is required and missing; add a string, for example "quote.default:8080"',
    ],
    [
      "  prefix: /",
      'InvalidField spec.service: is required and missing; add a string, for example "quote.default:8080"',
    ],
    [
      `${target}\n  load_balancer: {}`,
      "InvalidField spec.load_balancer.policy: is required and missing; add one of round_robin, ring_hash, maglev, least_request",
    ],
  ])("%s", (spec, told) => {
    expect(tellMapping(spec)).toEqual([told]);
  });

  it("names the form of today for a label in that of v2", () => {
    const told = tellMapping(`${target}\n  labels: { a: [{ b: [{ user: { header: x-user } }] }] }`);
    expect(told).toEqual([
      "InvalidField spec.labels.a[0].b[0]: is of no kind that there is; write source_cluster, destination_cluster, remote_address, request_headers or generic_key; NAME: { header: H } of v2 is request_headers: { key: NAME, header_name: H }",
      "UnknownField spec.labels.a[0].b[0].user: is not a field of labels and has no effect; remove it; the fields here are source_cluster, destination_cluster, remote_address, request_headers, generic_key",
    ]);
  });

  it("tells every mistake at once", () => {
    expect(tellMapping("  weight: x\n  grpc: 1")).toHaveLength(4);
  });
});

describe("a field with nothing behind its name", () => {
  const left = "null is taken as not written, and the API server refuses it in kubectl apply --server-side";
  it.each([
    ["tls:", "spec.tls"],
    ["retry_policy: { num_retries: }", "spec.retry_policy.num_retries"],
    ["circuit_breakers: [{ max_requests: , max_retries: 3 }]", "spec.circuit_breakers[0].max_requests"],
  ])("%s counts as not written", (field, path) => {
    const told = `IgnoredField ${path}: ${left}; remove the field, or write a value`;
    expect(tellMapping(`${target}\n  ${field}`)).toEqual([told]);
  });
});

describe("an unknown field", () => {
  it.each([
    ["timeout: 3", "spec.timeout: is not a field of Mapping and has no effect; did you mean timeout_ms?"],
    ["retryPolicy: {}", "spec.retryPolicy: is not a field of Mapping and has no effect; did you mean retry_policy?"],
    ["hostnmae: a", "spec.hostnmae: is not a field of Mapping and has no effect; did you mean hostname?"],
    [
      "keepalive: { perhaps: 1 }",
      "spec.keepalive.perhaps: is not a field of keepalive and has no effect; remove it; the fields here are idle_time, interval, probes",
    ],
    [
      "circuit_breakers: [{ max_conections: 1 }]",
      "spec.circuit_breakers[0].max_conections: is not a field of circuit_breakers and has no effect; did you mean max_connections?",
    ],
    [
      "completely_different: 1",
      "spec.completely_different: is not a field of Mapping and has no effect; remove it, or look its name up in the reference",
    ],
  ])("%s", (field, told) => {
    expect(tellMapping(`${target}\n  ${field}`)).toEqual([`UnknownField ${told}`]);
  });

  it("is none of ours inside free-form fields", () => {
    expect(tellMapping(`${target}\n  envoy_override: { anything: { goes: 1 } }\n  modules: [{ x: 1 }]`)).toEqual([]);
  });

  it("is told at the top and in metadata too", () => {
    const text = "apiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: { name: a, label: {} }\nspecs: {}\n";
    expect(tellAll(text)).toEqual([
      "3 warning UnknownField Host default/a: metadata.label: is not a field of metadata and has no effect; did you mean labels?",
      "4 warning UnknownField Host default/a: specs: is not a field of Host and has no effect; did you mean spec?",
    ]);
  });
});

describe("the ambassador Module", () => {
  const head =
    "apiVersion: getambassador.io/v3alpha1\nkind: Module\nmetadata: { name: ambassador }\nspec:\n  config:\n";

  it("is typed by its own schema, and an unknown key is a warning", () => {
    expect(tellAll(`${head}    use_remote_adress: true\n    enable_ipv4: "true"\n    cors: { heders: [] }\n`)).toEqual([
      '7 error InvalidField Module default/ambassador: spec.config.enable_ipv4: "true" is not a boolean; write true without quotes',
      "8 warning UnknownField Module default/ambassador: spec.config.cors.heders: is not a field of cors and has no effect; did you mean headers?",
      "6 warning UnknownField Module default/ambassador: spec.config.use_remote_adress: is not a field of the ambassador Module and has no effect; did you mean use_remote_address?",
    ]);
  });

  it("says which forms a field may take", () => {
    expect(tellAll(`${head}    envoy_log_format: 3\n    ip_allow: 10.0.0.0/8\n`)).toEqual([
      '6 error InvalidField Module default/ambassador: spec.config.envoy_log_format: 3 is not a string or a map; write it in quotes: "3"',
      '7 error InvalidField Module default/ambassador: spec.config.ip_allow: "10.0.0.0/8" is not a list; write a list',
    ]);
  });
});

describe("rules about an object as a whole", () => {
  it.each([
    ["Host", "{ tls: {}, tlsContext: { name: a } }", "tls and tlsContext exclude each other; remove one of them"],
    [
      "Listener",
      "{ port: 80, securityModel: XFP, hostBinding: {} }",
      "neither protocol nor protocolStack is there; write protocol: HTTPS or another protocol",
    ],
    ["TLSContext", "{ cert_chain_file: a }", "cert_chain_file and private_key_file go together; write both or none"],
    [
      "TLSContext",
      "{ secret: s, cert_chain_file: a, private_key_file: b }",
      "secret and cert_chain_file exclude each other; remove one of them",
    ],
  ])("%s %s", (kind, spec, told) => {
    const text = `apiVersion: getambassador.io/v3alpha1\nkind: ${kind}\nmetadata: { name: a }\nspec: ${spec}\n`;
    expect(tellAll(text)).toEqual([`4 error InvalidField ${kind} default/a: spec: ${told}`]);
  });
});
