import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import type { Problem } from "../../ir/problem.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf, tracingServiceOf } from "../support/manifests.ts";
import { type SpanServer, zipkinServer } from "../support/span-servers.ts";
import { nextPath, spansOf, traced } from "../support/traced.ts";

type Spec = Readonly<Record<string, unknown>>;

let gateway: Gateway;
let backend: EchoBackend;
let zipkin: SpanServer;

beforeAll(async () => {
  [gateway, backend, zipkin] = await Promise.all([startGateway(), echoBackend("one"), zipkinServer()]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close(), zipkin.close()]);
});

const tracing = (name: string, spec: Spec) =>
  tracingServiceOf(name, { driver: "zipkin", service: zipkin.service, ...spec });

const serve = (manifests: string) =>
  gateway.apply(manifests + mapping("m", { prefix: "/", service: backend.service, rewrite: "" }));

const apply = (spec: Spec, more = "") => serve(tracing("tracing", spec) + more);

const view = (problems: readonly Problem[]) =>
  problems.map(({ severity, code, path, message }) => [severity, code, path.slice(1).join("."), message]);

/** Whether the service is told that a request is traced; undefined: it is told nothing. */
const sampled = async (headers: Readonly<Record<string, string>> = {}) =>
  (await gateway.request("/", { headers })).echo().headers["x-b3-sampled"];

const askedFor = { "x-client-trace-id": "mine" };

describe("sampling", () => {
  // shows: TracingService.sampling
  it("says how many requests are traced, and how many of those that ask for it", async () => {
    expect(await apply({ sampling: { random: 0 } })).toEqual([]);
    expect([await sampled(), await sampled(askedFor)]).toEqual(["0", "1"]);
    expect(await apply({ sampling: { random: 100, client: 0 } })).toEqual([]);
    expect(await sampled()).toBe("1");
    expect(await apply({ sampling: { client: 0, random: 0 } })).toEqual([]);
    expect([await sampled(), await sampled(askedFor)]).toEqual(["0", "0"]);
    expect(await apply({ sampling: { overall: 0 } })).toEqual([]);
    expect([await sampled(), await sampled(askedFor)]).toEqual(["0", "0"]);
    expect(await apply({ sampling: { client: 100, random: 100, overall: 100 } })).toEqual([]);
    expect([await sampled(), await sampled(askedFor)]).toEqual(["1", "1"]);
  });

  it("is the client's where its trace has begun and says so", async () => {
    const begun = (sampled: string) => ({
      "x-b3-traceid": "463ac35c9f6413ad48485a3953bb6124",
      "x-b3-spanid": "a2fb4a1d1a96d312",
      "x-b3-sampled": sampled,
    });
    await apply({ sampling: { random: 0 } });
    expect(await sampled(begun("1"))).toBe("1");
    await apply({ sampling: { random: 100 } });
    expect(await sampled(begun("0"))).toBe("0");
  });

  it("sends no span of a request that is not traced", async () => {
    const path = nextPath();
    await apply({ sampling: { random: 0 } });
    await gateway.request(path);
    await traced(gateway, zipkin, askedFor);
    expect(spansOf(path, zipkin)).toEqual([]);
  });

  it("knows by preserve_external_request_id no client whose id is not a UUID, and traces the others", async () => {
    const uuid = "8d5ec0f0-8a3c-4a6f-9a0e-2a2f5c4b9c11";
    const seen = async (id: string) => (await gateway.request("/", { headers: { "x-request-id": id } })).echo().headers;
    await apply({});
    for (const id of ["my-own-id", uuid]) {
      const headers = await seen(id);
      expect([headers["x-b3-sampled"], headers["x-request-id"] === id]).toEqual(["1", false]);
    }
    expect(await apply({}, moduleOf({ preserve_external_request_id: true }))).toEqual([]);
    expect(await seen("my-own-id")).toMatchObject({ "x-b3-sampled": "0", "x-request-id": "my-own-id" });
    // Envoy marks in the UUID's version that the request is traced.
    expect(await seen(uuid)).toMatchObject({
      "x-b3-sampled": "1",
      "x-request-id": "8d5ec0f0-8a3c-9a6f-9a0e-2a2f5c4b9c11",
    });
  });
});

describe("tags", () => {
  // shows: TracingService.custom_tags
  it("are in every span, from a literal, a variable of the gateway or a header", async () => {
    const custom_tags = [
      { tag: "fixed", literal: { value: "always" } },
      { tag: "path", environment: { name: "PATH", default_value: "none" } },
      { tag: "unset", environment: { name: "NO_SUCH_VARIABLE", default_value: "fallback" } },
      { tag: "nothing", environment: { name: "NO_SUCH_VARIABLE" } },
      { tag: "tenant", request_header: { name: "X-Tenant" } },
      { tag: "missing", request_header: { name: "x-missing", default_value: "fallback" } },
      { tag: "absent", request_header: { name: "x-missing" } },
    ];
    expect(await apply({ custom_tags })).toEqual([]);
    const { asked } = await traced(gateway, zipkin, { "x-tenant": "acme" });
    const { fixed, path, unset, tenant, missing } = asked.tags;
    expect({ fixed, path, unset, tenant, missing }).toEqual({
      fixed: "always",
      path: process.env["PATH"],
      unset: "fallback",
      tenant: "acme",
      missing: "fallback",
    });
    expect(Object.keys(asked.tags).filter((name) => name === "nothing" || name === "absent")).toEqual([]);
  });

  // shows: TracingService.tag_headers
  it("are of tag_headers, unless custom_tags is there too", async () => {
    expect(await apply({ tag_headers: ["x-one", "X-Two"] })).toEqual([]);
    const headers = { "x-one": "1", "x-two": "2" };
    expect((await traced(gateway, zipkin, headers)).asked.tags).toMatchObject({ "x-one": "1", "X-Two": "2" });
    const custom_tags = [{ tag: "two", request_header: { name: "x-two" } }];
    expect(view(await apply({ tag_headers: ["x-one"], custom_tags }))).toEqual([
      ["warning", "IgnoredField", "tag_headers", "custom_tags is set too and wins"],
    ]);
    const { tags } = (await traced(gateway, zipkin, headers)).asked;
    expect([tags["two"], tags["x-one"]]).toEqual(["2", undefined]);
  });

  it("that are wrong are told, and the others are there", async () => {
    const custom_tags = [
      { tag: "none" },
      { tag: "both", literal: { value: "a" }, request_header: { name: "x-one" } },
      { tag: "", literal: { value: "a" } },
      { tag: "empty", literal: { value: "" } },
      { tag: "header", request_header: { name: "x one" } },
      { tag: "good", literal: { value: "a" } },
    ];
    // Under a name of its own: it has no last good version.
    expect(view(await serve(tracing("wrong-tags", { custom_tags })))).toEqual([
      ["error", "InvalidField", "custom_tags.0", "it has no source"],
      ["error", "InvalidField", "custom_tags.1", "literal and request_header are both sources"],
      ["error", "InvalidField", "custom_tags.2.tag", "it is empty"],
      ["error", "InvalidField", "custom_tags.3.literal.value", "it is empty"],
      ["error", "InvalidField", "custom_tags.4.request_header.name", '"x one" is not the name of a header'],
    ]);
    const { tags } = (await traced(gateway, zipkin)).asked;
    expect(Object.keys(tags).filter((name) => ["", "none", "both", "empty", "header", "good"].includes(name))).toEqual([
      "good",
    ]);
  });
});

describe("a TracingService that is wrong", () => {
  it.each([
    [{ driver: "lightstep" }, ["error", "InvalidField", "driver", "Envoy has no lightstep any more"]],
    [
      { config: { collector_endpoint_version: "HTTP_JSON_V1" } },
      ["error", "InvalidField", "config.collector_endpoint_version", "Envoy does not write HTTP_JSON_V1 any more"],
    ],
    [
      { config: { collector_endpoint: "spans" } },
      ["error", "InvalidField", "config.collector_endpoint", '"spans" is not a path'],
    ],
    [
      { config: { collector_hostname: "a b" } },
      ["error", "InvalidField", "config.collector_hostname", '"a b" is not the name of a host'],
    ],
    [{ service: "bad service" }, ["error", "InvalidService", "service", expect.any(String)]],
    [{ sampling: { random: 101 } }, ["error", "InvalidField", "sampling.random", expect.any(String)]],
    [
      { config: { service_name: "me" } },
      ["warning", "IgnoredField", "config.service_name", "without effect with driver: zipkin"],
    ],
    [
      { config: { collector_cluster: "c" } },
      ["warning", "IgnoredField", "config.collector_cluster", "service names the collector"],
    ],
    [
      { driver: "datadog", config: { trace_id_128bit: true } },
      ["warning", "IgnoredField", "config.trace_id_128bit", "without effect with driver: datadog"],
    ],
  ])("is told, and requests go on: %j", async (spec, told) => {
    // Under a name of its own: it has no last good version.
    expect(view(await serve(tracing(nextPath().slice(1), spec)))).toEqual([told]);
    expect((await gateway.request("/")).status).toBe(200);
  });
});

describe("several TracingServices", () => {
  it("leave the spans to the oldest, and the others are told", async () => {
    const other = await zipkinServer();
    const younger = tracing("younger", { service: other.service });
    expect(view(await serve(tracing("older", {}) + younger))).toEqual([
      [
        "error",
        "ServiceConflict",
        "",
        "the older TracingService default/older gets all spans, and there can be only one",
      ],
    ]);
    await traced(gateway, zipkin);
    expect(other.spans).toEqual([]);
    expect(await serve(younger)).toEqual([]);
    await traced(gateway, other);
    await other.close();
  });

  // shows: TracingService.ambassador_id
  it("are no conflict where they are for other gateways", async () => {
    const foreign = tracing("a-foreign", { ambassador_id: ["other"], service: "127.0.0.1:1" });
    expect(await serve(foreign + tracing("ours", { ambassador_id: ["default"] }))).toEqual([]);
    await traced(gateway, zipkin);
  });
});
