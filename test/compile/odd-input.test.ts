import { describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { formatPath } from "../../ir/problem.ts";
import { Listener as EnvoyListener } from "../../xds/generated/envoy/config/listener/v3/listener.ts";
import { QuicDownstreamTransport } from "../../xds/generated/envoy/extensions/transport_sockets/quic/v3/quic_transport.ts";
import { selfSigned } from "../support/certificates.ts";
import { goldenSettings } from "../support/golden.ts";

// What random mutations (mutations.test.ts) found, each by itself.

const { certificatePem, keyPem } = await selfSigned({ hosts: ["a.example.com"] });
const v3 = "getambassador.io/v3alpha1";

function object(kind: string, name: string, rest: object, apiVersion = v3): object {
  return { apiVersion, kind, metadata: { name }, ...rest };
}

const listener = (spec: object = {}) =>
  object("Listener", "https", {
    spec: {
      port: 8443,
      protocol: "HTTPS",
      securityModel: "XFP",
      hostBinding: { namespace: { from: "ALL" } },
      ...spec,
    },
  });
const host = (name: string, spec: object = {}) =>
  object("Host", name, { spec: { hostname: `${name}.example.com`, tlsSecret: { name: "pair" }, ...spec } });
const secret = (rest: object = { stringData: { "tls.crt": certificatePem, "tls.key": keyPem } }) =>
  object("Secret", "pair", { type: "kubernetes.io/tls", ...rest }, "v1");
const mapping = (spec: object) => object("Mapping", "m", { spec: { hostname: "*", prefix: "/", ...spec } });

function compiled(...objects: readonly object[]) {
  const text = objects.map((each) => `---\n${JSON.stringify(each)}\n`).join("");
  const { resources, problems, skipped } = manifestReader()(new Map([["all.yaml", { kind: "text", text }]]));
  const { ir, snapshot, problems: found } = compile(resources, goldenSettings);
  const told = [...problems, ...skipped, ...found];
  return {
    ir,
    snapshot,
    told: told.map(
      ({ severity, code, object, path }) => `${severity} ${code} ${object.kind} ${object.name} ${formatPath(path)}`,
    ),
  };
}

const servedNames = ({ ir }: ReturnType<typeof compiled>) =>
  ir.listeners.flatMap(({ chains }) => chains.flatMap(({ serverNames }) => serverNames));

describe("a Secret of a file that is no Secret in form", () => {
  const broken = secret({ stringData: "tls" });

  it("is told, and so is the Host that names it; other Hosts are served", () => {
    const { told } = compiled(listener(), host("a"), broken);
    expect(told).toContain("error InvalidField Secret pair stringData");
    expect(told).toContain("error InvalidSecret Host a spec.tlsSecret");
  });

  it("is no CA and no revocation list", () => {
    const settings = { tls: { ca_secret: "pair" } };
    expect(compiled(listener(), host("a", settings), broken).told).toContain(
      "error InvalidSecret Host a spec.tls.ca_secret",
    );
  });
});

describe("a Service of a file that is no Service in form", () => {
  it("is told, and is none for the Mapping that names it", () => {
    const service = object("Service", "quote", { spec: { ports: "80" } }, "v1");
    const { told } = compiled(listener(), host("a"), secret(), mapping({ service: "quote" }), service);
    expect(told).toContain("error InvalidField Service quote spec.ports");
    expect(told).toContainEqual(expect.stringContaining("ServiceNotFound Mapping m spec.service"));
  });
});

describe("an EndpointSlice of a file that is none in form", () => {
  it("is told", () => {
    const slice = object("EndpointSlice", "quote-1", { addressType: 4 }, "discovery.k8s.io/v1");
    expect(compiled(slice).told).toContain("error InvalidField EndpointSlice quote-1 addressType");
  });
});

describe("an address of a file that is none", () => {
  it("is told at a Service and at an EndpointSlice", () => {
    const service = object("Service", "quote", { spec: { clusterIP: "10.0.0", ports: [{ port: 80 }] } }, "v1");
    const slice = (addressType: string) => ({
      ...object("EndpointSlice", "quote-1", { addressType, endpoints: [{ addresses: ["a.test"] }] }),
      apiVersion: "discovery.k8s.io/v1",
    });
    expect(compiled(service).told).toContain("error InvalidField Service quote spec.clusterIP");
    expect(compiled(slice("IPv4")).told).toContain(
      "error InvalidField EndpointSlice quote-1 endpoints[0].addresses[0]",
    );
    expect(compiled(slice("FQDN")).told).toEqual([]);
  });
});

describe("cert_required without an authority", () => {
  it("is told, and asked of nobody: Envoy refuses a Listener of HTTP/3 that has it", () => {
    const quic = listener({ protocol: undefined, protocolStack: ["TLS", "HTTP", "UDP"] });
    const { told, snapshot } = compiled(quic, host("a", { tls: { cert_required: true } }), secret());
    expect(told).toContain("warning IgnoredField Host a spec.tls.cert_required");
    const [resource] = snapshot.listener.values();
    const socket = EnvoyListener.decode(resource?.body ?? new Uint8Array()).filterChains?.[0]?.transportSocket;
    const packed = socket?.configType?.$case === "typedConfig" ? socket.configType.value.value : undefined;
    const quicSocket = QuicDownstreamTransport.decode(packed ?? new Uint8Array());
    expect(quicSocket.downstreamTlsContext).toBeDefined();
    expect(quicSocket.downstreamTlsContext?.requireClientCertificate).toBeUndefined();
  });
});

describe("a name with a line break, or half of a surrogate pair", () => {
  it.each([
    [{ name: "a\ud800" }, "name"],
    [{ name: "a\nb" }, "name"],
    [{ name: "a", namespace: "b\r\nc" }, "namespace"],
  ])("is refused: %j", (metadata, field) => {
    const broken = { apiVersion: v3, kind: "Mapping", metadata, spec: { prefix: "/", service: "x" } };
    expect(compiled(broken).told).toEqual([
      expect.stringMatching(new RegExp(`^error InvalidObject Mapping [\\s\\S]* metadata\\.${field}$`)),
    ]);
  });
});

describe("an empty host name", () => {
  it("is none for a Mapping, which a Host takes by its labels", () => {
    const selecting = host("a", { mappingSelector: { matchLabels: { team: "x" } } });
    const labelled = {
      ...mapping({ hostname: "", host: "", service: "10.0.0.1" }),
      metadata: { name: "m", labels: { team: "x" } },
    };
    const { told, ir } = compiled(listener(), selecting, secret(), labelled);
    expect(told).toEqual([]);
    const [table] = ir.tables.values();
    expect(table?.virtualHosts.map(({ domain, routes }) => [domain, routes.length])).toEqual([["a.example.com", 1]]);
    expect(compiled(listener(), host("a"), secret(), labelled).told).toEqual(["warning NotAttached Mapping m spec"]);
  });

  it("is refused at a Host", () => {
    expect(compiled(listener(), host("a", { hostname: "" }), secret()).told).toContain(
      "error InvalidField Host a spec.hostname",
    );
  });
});

describe("a host name with a line break", () => {
  it("is refused at a Host, and the others are served", () => {
    const result = compiled(listener(), host("a"), host("b", { hostname: "b\n.example.com" }), secret());
    expect(result.told).toContain("error InvalidField Host b spec.hostname");
    expect(servedNames(result)).toEqual(["a.example.com"]);
  });

  it.each([
    [{ hostname: "a\r\nb" }, "spec.hostname"],
    [{ hostname: undefined, host: "a b" }, "spec.host"],
    [{ hostname: undefined, headers: { ":authority": "a\tb" } }, "spec.headers"],
  ])("is refused at a Mapping: %j", (spec, at) => {
    const { told, ir } = compiled(listener(), host("a"), secret(), mapping({ service: "10.0.0.1", ...spec }));
    expect(told).toContain(`error InvalidField Mapping m ${at}`);
    expect(ir.clusters.size).toBe(0);
  });
});

describe("a condition whose name no request can have", () => {
  it.each([
    ["headers", ""],
    ["headers", "x\ny"],
    ["regex_headers", "\0"],
    ["query_parameters", ""],
    ["regex_query_parameters", "x".repeat(1025)],
  ])("is refused in %s: %j", (field, name) => {
    const { told } = compiled(
      listener(),
      host("a"),
      secret(),
      mapping({ service: "10.0.0.1", [field]: { [name]: "x" } }),
    );
    expect(told).toContainEqual(expect.stringMatching(new RegExp(`^error InvalidField Mapping m spec\\.${field}`)));
  });
});

describe("a number that Envoy refuses", () => {
  it.each([
    ["Listener", { http2MaxConcurrentStreams: 2 ** 31 }, "spec.http2MaxConcurrentStreams"],
    ["Mapping", { timeout_ms: 9_223_372_036_000 }, "spec.timeout_ms"],
    ["Mapping", { connect_timeout_ms: 0 }, "spec.connect_timeout_ms"],
  ] as const)("is refused at a %s: %j", (kind, spec, at) => {
    const bad = kind === "Listener" ? listener(spec) : mapping({ service: "10.0.0.1", ...spec });
    const { told } = compiled(bad, host("a"), secret());
    expect(told).toContainEqual(expect.stringMatching(new RegExp(`^error InvalidField ${kind} \\S+ ${at}$`)));
  });
});

it("a star that is no wildcard is told of the Host and of the Mapping, which are kept", () => {
  const cleartext = { protocol: "HTTP", port: 8080 };
  const hostname = "a.*.example.com";
  const requestPolicy = { insecure: { action: "Route" } };
  const { told } = compiled(
    listener(cleartext),
    object("Host", "h", { spec: { hostname, requestPolicy } }),
    mapping({ hostname, service: "quote.example.com" }),
  );
  expect(told).toEqual(["warning IgnoredField Host h spec.hostname", "warning IgnoredField Mapping m spec.hostname"]);
});

describe("an empty statsPrefix of a Listener", () => {
  it("is none: Envoy refuses a listener with it", () => {
    const prefixes = (spec: object) =>
      compiled(listener(spec), host("a"), secret()).ir.listeners.map((each) => each.statPrefix);
    expect(prefixes({ statsPrefix: "" })).toEqual(prefixes({}));
  });
});
