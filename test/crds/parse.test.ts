import { inspect } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { parseResource } from "../../crds/parse.ts";
import type { EndpointSliceResource, MappingResource, ModuleResource, SecretResource } from "../../crds/resources.ts";
import { formatProblem } from "../../ir/problem.ts";
import { hasError } from "../../ir/resource.ts";
import { mapping } from "./manifests.ts";

function told(raw: unknown): string[] {
  return parseResource(raw).problems.map((problem) => `${problem.severity} ${problem.code} ${formatProblem(problem)}`);
}

describe("a resource", () => {
  it("has the namespace default when none is written", () => {
    expect(parseResource(mapping("a")).resource).toMatchObject({ kind: "Mapping", namespace: "default", name: "a" });
  });

  it("is frozen, with its spec and what the spec holds", () => {
    const resource = parseResource(mapping("a", { cors: { origins: ["https://a"] } })).resource as MappingResource;
    expect(Object.isFrozen(resource)).toBe(true);
    expect(Object.isFrozen(resource.spec)).toBe(true);
    expect(Object.isFrozen(resource.spec.cors?.origins)).toBe(true);
  });

  it("has an empty spec beside an error, and its problems", () => {
    const { resource, problems } = parseResource(mapping("a", { timeout_ms: "3s" }));
    expect(resource?.spec).toEqual({});
    expect(resource?.problems).toEqual(problems);
    expect(resource !== undefined && hasError(resource)).toBe(true);
  });

  it("keeps its spec beside a warning", () => {
    const { resource } = parseResource(mapping("a", { timeout: 3 }));
    expect(resource?.spec).toEqual({ prefix: "/", service: "quote" });
  });

  it("keeps unset apart from set: no field gets a default", () => {
    expect(parseResource(mapping("a")).resource?.spec).toEqual({ prefix: "/", service: "quote" });
  });

  it("does not keep kubectl's copy of the manifest", () => {
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}", other: "x" };
    const raw = { ...mapping("a"), metadata: { name: "a", annotations } };
    expect(parseResource(raw).resource?.annotations).toEqual({ other: "x" });
  });

  it("reads the forms that clients give metadata", () => {
    const metadata = { name: "a", namespace: "b", generation: 3, creationTimestamp: new Date(0), managedFields: [] };
    const { resource } = parseResource({ ...mapping("a"), metadata });
    expect(resource).toMatchObject({ generation: 3, creationTimestamp: "1970-01-01T00:00:00.000Z", problems: [] });
  });
});

describe("what is no resource", () => {
  it.each<[string, unknown, string[]]>([
    [
      "a text",
      "hello",
      [
        "error InvalidObject Object default/(no name): a text is not a Kubernetes object; write apiVersion, kind and metadata",
      ],
    ],
    [
      "nothing",
      null,
      [
        "error InvalidObject Object default/(no name): nothing is not a Kubernetes object; write apiVersion, kind and metadata",
      ],
    ],
    [
      "no kind",
      { apiVersion: "v1" },
      ["error InvalidObject Object default/(no name): kind: is required and missing; write kind: Mapping or another"],
    ],
    [
      "no name",
      { ...mapping("a"), metadata: {} },
      [
        "error InvalidObject Mapping default/(no name): metadata.name: is required and missing; add a name, which is a string",
      ],
    ],
    [
      "a name that is a number",
      { ...mapping("a"), metadata: { name: 3 } },
      [
        "error InvalidObject Mapping default/(no name): metadata.name: 3 is not a string; add a name, which is a string",
      ],
    ],
    [
      "a version of ours that nobody converts",
      { ...mapping("a"), apiVersion: "getambassador.io/v0" },
      [
        "error InvalidObject Mapping default/a: apiVersion: there is no Mapping in getambassador.io/v0; write it as getambassador.io/v1, of which nuncio migrate makes v3alpha1; what v0 has as rate_limits are labels there",
      ],
    ],
    [
      "a version that a kind has never had",
      { ...mapping("a"), kind: "Listener", apiVersion: "getambassador.io/v0" },
      [
        "error InvalidObject Listener default/a: apiVersion: there is no Listener in getambassador.io/v0; write it as getambassador.io/v3alpha1",
      ],
    ],
    [
      "a kind of the preview of Emissary 2",
      { ...mapping("a"), kind: "AmbassadorMapping", apiVersion: "x.getambassador.io/v3alpha1" },
      [
        "warning UnknownKind AmbassadorMapping default/a: kind: AmbassadorMapping of x.getambassador.io/v3alpha1 is not read; write apiVersion: getambassador.io/v3alpha1 and kind: Mapping",
      ],
    ],
    [
      "a kind of Edge Stack's that is not there yet",
      { ...mapping("a"), kind: "FilterPolicy" },
      [
        "error NotYetSupported FilterPolicy default/a: kind: FilterPolicy is not supported yet, so what it asks for does not happen; remove it",
      ],
    ],
    [
      "a misspelt kind",
      { ...mapping("a"), kind: "Maping" },
      [
        "warning UnknownKind Maping default/a: kind: Maping of getambassador.io/v3alpha1 is not read; did you mean Mapping?",
      ],
    ],
    [
      "a wrong version",
      { ...mapping("a"), apiVersion: "getambassador.io/v3alpha2" },
      [
        "warning UnknownKind Mapping default/a: kind: Mapping of getambassador.io/v3alpha2 is not read; write apiVersion: getambassador.io/v3alpha1",
      ],
    ],
    [
      "a stranger",
      { apiVersion: "example.com/v1", kind: "Widget", metadata: { name: "w" } },
      ["warning UnknownKind Widget default/w: kind: Widget of example.com/v1 is not read; it is skipped"],
    ],
    ["a Deployment", { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "d" } }, []],
    ["a ConfigMap", { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } }, []],
  ])("%s", (_, raw, lines) => {
    expect(told(raw)).toEqual(lines);
    expect(parseResource(raw).resource).toBeUndefined();
  });
});

describe("a Module", () => {
  const of = (name: string, config: unknown) => ({
    apiVersion: "getambassador.io/v3alpha1",
    kind: "Module",
    metadata: { name },
    spec: { config },
  });

  it("reads v2's forms as lists and objects", () => {
    const config = {
      cors: { origins: "https://a, https://b" },
      defaults: { httpmapping: { add_request_headers: { "x-a": "1" }, remove_request_headers: "x-b" } },
      some_future_key: 1,
    };
    const resource = parseResource(of("ambassador", config)).resource as ModuleResource;
    expect(resource.spec.config).toEqual({
      cors: { origins: ["https://a", "https://b"] },
      defaults: { httpmapping: { add_request_headers: { "x-a": { value: "1" } }, remove_request_headers: ["x-b"] } },
      some_future_key: 1,
    });
  });

  it("reads default labels in the words of v2, and those of today beside them", () => {
    const defaults = ["remote_address", "edge", { user: { header: "x-user" } }, { generic_key: { value: "today" } }];
    const config = { default_labels: { shop: { defaults }, empty: {} } };
    const { resource, problems } = parseResource(of("ambassador", config));
    expect(problems).toEqual([]);
    expect((resource as ModuleResource).spec.config.default_labels).toEqual({
      shop: {
        defaults: [
          { remote_address: { key: "remote_address" } },
          { generic_key: { value: "edge", v2Shorthand: true } },
          { request_headers: { key: "user", header_name: "x-user" } },
          { generic_key: { value: "today" } },
        ],
      },
      empty: {},
    });
    expect(told(of("ambassador", { default_labels: { shop: { defaults: [3] }, text: "a" } }))).toEqual([
      "error InvalidField Module default/ambassador: spec.config.default_labels.shop.defaults[0]: 3 is not an object; write an object; its fields are source_cluster, destination_cluster, remote_address, request_headers, generic_key",
      'error InvalidField Module default/ambassador: spec.config.default_labels.text: "a" is not an object; write an object; its fields are defaults',
    ]);
  });

  it("of another name is not read", () => {
    expect(told(of("settings", { anything: 1 }))).toEqual([
      "warning ModuleIgnored Module default/settings: a Module of this name is not read; name it ambassador",
    ]);
    expect(told(of("authentication", {}))).toEqual([
      'error InvalidField Module default/authentication: spec.config.auth_service: is required and missing; add a string, for example "example-service.default:3000"',
    ]);
    expect(told(of("tls", { server: { secret: "certs" }, upstream: { sni: "x" } }))).toEqual([]);
    expect(told(of("tls", { server: { secrets: "certs" } }))).toEqual([
      "warning UnknownField Module default/tls: spec.config.server.secrets: is not a field of the tls Module and has no effect; did you mean secret?",
    ]);
  });
});

describe("a Service", () => {
  it("keeps what routing needs, with Kubernetes' defaults", () => {
    const raw = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "quote" },
      spec: {
        clusterIP: "10.0.0.1",
        ports: [
          { port: 80, targetPort: "http" },
          { name: "b", port: 81 },
        ],
        selector: { a: "b" },
      },
    };
    expect(parseResource(raw).resource?.spec).toEqual({
      type: "ClusterIP",
      clusterIP: "10.0.0.1",
      clusterIPs: [],
      externalName: undefined,
      ports: [
        { name: undefined, port: 80, targetPort: "http", protocol: "TCP", appProtocol: undefined },
        { name: "b", port: 81, targetPort: undefined, protocol: "TCP", appProtocol: undefined },
      ],
    });
    expect(told(raw)).toEqual([]);
  });
});

describe("an EndpointSlice", () => {
  it("knows its Service, and counts unset conditions as Kubernetes does", () => {
    const raw = {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: { name: "quote-1", labels: { "kubernetes.io/service-name": "quote" } },
      addressType: "IPv4",
      ports: null,
      endpoints: [
        { addresses: ["10.1.0.1"], zone: "a" },
        { addresses: ["10.1.0.2"], conditions: { ready: false, serving: true, terminating: true } },
      ],
    };
    const { spec } = parseResource(raw).resource as EndpointSliceResource;
    expect(spec.service).toBe("quote");
    expect(spec.ports).toEqual([]);
    expect(spec.endpoints.map(({ conditions }) => conditions)).toEqual([
      { ready: true, serving: true, terminating: false },
      { ready: false, serving: true, terminating: true },
    ]);
  });
});

describe("a Secret", () => {
  const secret = (fields: Record<string, unknown>) => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    ...fields,
  });

  it("keeps only keys of certificates, decoded, and shows none of them", () => {
    const data = { "tls.crt": Buffer.from("topsecret").toString("base64"), password: "aGlkZGVu" };
    const resource = parseResource(secret({ type: "kubernetes.io/tls", data })).resource as SecretResource;
    expect(Object.keys(resource.spec.data)).toEqual(["tls.crt"]);
    expect(Buffer.from(resource.spec.data["tls.crt"]?.reveal() ?? []).toString()).toBe("topsecret");
    const shown = [
      JSON.stringify(resource),
      inspect(resource, { depth: 9, showHidden: true }),
      String(resource.spec.data["tls.crt"]),
    ];
    for (const text of shown) {
      expect(text).toContain("[redacted]");
      expect(text).not.toContain("topsecret");
      expect(text).not.toContain(data["tls.crt"]);
    }
  });

  it("takes stringData before data", () => {
    const resource = parseResource(secret({ data: { "ca.crt": "eA==" }, stringData: { "ca.crt": "plain" } })).resource;
    const { data } = (resource as SecretResource).spec;
    expect(Buffer.from(data["ca.crt"]?.reveal() ?? []).toString()).toBe("plain");
  });

  it.each([
    [{ data: { "tls.key": "hunter2 hunter2" } }],
    [{ data: "hunter2" }],
    [{ stringData: { "tls.key": { hunter2: "hunter2" } } }],
    [{ data: ["hunter2"] }],
    [{ type: { hunter2: 1 } }],
  ])("is never quoted in a message: %j", (fields) => {
    const lines = told(secret(fields));
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.join()).not.toContain("hunter2");
  });
});
