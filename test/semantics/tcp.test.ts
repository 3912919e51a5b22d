import { beforeAll, describe, expect, it } from "@jest/globals";
import { type Compiled, createCompiler } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { Chain } from "../../ir/types.ts";
import { selfSigned } from "../support/certificates.ts";
import { hostOf, listenerOf, secretOf, tcpMappingOf, tlsContextOf } from "../support/manifests.ts";

// Typed in by hand from the specification (sections 1.2, 1.4 and 9.2). Never generated.

type Spec = Readonly<Record<string, unknown>>;

const settings: CompileSettings = {
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "0.0.0.0",
  inCluster: false,
};

let secrets: string;
let pems: Readonly<Record<string, string>>;

beforeAll(async () => {
  const { certificatePem, keyPem } = await selfSigned({ hosts: ["any"] });
  pems = { "tls.crt": certificatePem, "tls.key": keyPem };
  secrets = ["star", "wild", "name", "context"].map((name) => secretOf(name, pems)).join("");
});

function compiled(manifests: string): Compiled {
  const files = new Map([["test.yaml", { kind: "text", text: secrets + manifests } as const]]);
  return createCompiler()(manifestReader()(files).resources, settings);
}

/** `port chain [certificate] -> target weight, ...` of every chain, by listener. */
function chains(manifests: string): Readonly<Record<string, readonly string[]>> {
  const { ir } = compiled(manifests);
  const text = (chain: Chain) => {
    if (chain.kind === "http") return `HTTP ${chain.serverNames.join(",")}`.trim();
    const { onlyTls, serverNames, tls, clusters } = chain;
    const match = onlyTls ? `TLS ${serverNames.length === 0 ? "any" : serverNames.join(",")}` : "all";
    const end = tls === undefined ? "" : ` ends by ${tls.certificateSecret.replace("default/", "")}`;
    const targets = clusters.map(({ cluster, weight }) => `${cluster.split(":")[0]} ${weight}`);
    return `${match}${end} -> ${targets.join(", ")}`;
  };
  return Object.fromEntries(
    ir.listeners.map((each) => [`${each.name} ${each.address}:${each.port}`, each.chains.map(text).sort()]),
  );
}

function problems(manifests: string): readonly string[] {
  return compiled(manifests).problems.map(
    ({ severity, code, object, path: at }) => `${severity} ${code} ${object.kind} ${object.name} ${at.join(".")}`,
  );
}

const tcp = (name: string, spec: Spec) => tcpMappingOf(name, { port: 9000, service: `${name}.example.net`, ...spec });
const listener = (spec: Spec, name = "l") =>
  listenerOf(name, { port: 9000, securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } }, ...spec });
const host = (hostname: string, secret: string | undefined) =>
  hostOf(`h${hostname.replace(/[^a-z]/g, "")}`, {
    hostname,
    requestPolicy: { insecure: { action: "Route" } },
    ...(secret === undefined ? {} : { tlsSecret: { name: secret } }),
  });
const own = "listener-0.0.0.0-9000 0.0.0.0:9000";

describe("the port of a TCPMapping", () => {
  it.each([
    ["of no Listener is opened for it", "", {}, own],
    ["of a Listener for TCP is that Listener's", listener({ protocol: "TCP" }), {}, "default/l 0.0.0.0:9000"],
    ["of a Listener for TLS too", listener({ protocol: "TLS" }), {}, "default/l 0.0.0.0:9000"],
    ["of a Listener by its stack too", listener({ protocolStack: ["TLS", "TCP"] }), {}, "default/l 0.0.0.0:9000"],
    ["at the gateway's address, too", listener({ protocol: "TCP" }), { address: "0.0.0.0" }, "default/l 0.0.0.0:9000"],
    [
      "at another address is opened",
      listener({ protocol: "TCP" }),
      { address: "10.1.2.3" },
      "listener-10.1.2.3-9000 10.1.2.3:9000",
    ],
    [
      "at an IPv6 address has one spelling",
      "",
      { address: "FE80:0:0:0:0:0:0:01" },
      "listener-fe80::1-9000 fe80::1:9000",
    ],
  ])("%s", (_, manifests, spec, at) => {
    expect(chains(manifests + tcp("a", spec))).toEqual({ [at]: ["all -> a.example.net 100"] });
  });

  it("is opened once for all TCPMappings of a port and address", () => {
    const manifests =
      tcp("a", {}) + tcp("b", { host: "b.example.com", tls_passthrough: true }) + tcp("c", { port: 9001 });
    expect(chains(manifests)).toEqual({
      [own]: ["TLS b.example.com -> b.example.net 100", "all -> a.example.net 100"],
      "listener-0.0.0.0-9001 0.0.0.0:9001": ["all -> c.example.net 100"],
    });
  });

  it("is inspected for TLS only where a name asks for it or the Listener says so: others may speak first", () => {
    const inspected = (manifests: string) => compiled(manifests).ir.listeners.map(({ tlsInspector }) => tlsInspector);
    const named = tcp("b", { host: "b.example.com", tls_passthrough: true });
    expect(inspected(tcp("a", {}))).toEqual([false]);
    expect(inspected(tcp("a", {}) + named)).toEqual([true]);
    // What cannot be served does not count.
    expect(inspected(tcp("a", {}) + tcp("b", { host: "b.example.com" }))).toEqual([false]);
    expect(inspected(listener({ protocol: "TCP" }) + tcp("a", {}))).toEqual([false]);
    expect(inspected(listener({ protocol: "TCP" }) + named)).toEqual([true]);
    expect(inspected(listener({ protocol: "TLS" }) + tcp("a", {}))).toEqual([true]);
  });

  it("has the names of statistics that Emissary gives it", () => {
    const names = (manifests: string) => compiled(manifests).ir.listeners.map(({ statPrefix }) => statPrefix);
    expect(names(tcp("a", {}))).toEqual(["ingress_tcp_9000"]);
    expect(names(tcp("a", { host: "a.example.com", tls_passthrough: true }))).toEqual(["ingress_tls_9000"]);
    expect(names(listener({ protocol: "TCP" }) + tcp("a", {}))).toEqual(["ingress_tcp_9000"]);
    expect(names(listener({ protocol: "TLS" }) + tcp("a", {}))).toEqual(["ingress_tls_9000"]);
    expect(names(listener({ protocol: "TLS", statsPrefix: "mine" }) + tcp("a", {}))).toEqual(["mine"]);
  });

  it("stays closed where its Listener has an error", () => {
    const broken = listener({ protocol: "TCP", hostBinding: {} });
    expect(chains(broken + tcp("a", {}))).toEqual({});
    expect(problems(broken + tcp("a", {}))).toEqual([
      "error InvalidField Listener l spec.hostBinding",
      "warning NotAttached TCPMapping a spec.port",
    ]);
  });
});

describe("the certificate of a TCPMapping's host", () => {
  const star = () => host("*", "star");
  const wild = () => host("*.example.com", "wild");
  const name = () => host("db.example.com", "name");
  const context = (hosts: readonly string[]) => tlsContextOf("c", { hosts, secret: "context" });
  const cases: readonly (readonly [why: string, manifests: () => string, host: string, end: string])[] = [
    ["of the Host of that name", name, "db.example.com", "name"],
    ["whatever the case", name, "DB.Example.com", "name"],
    ["of a Host with a port", () => host("db.example.com:9000", "name"), "db.example.com", "name"],
    ["of a wildcard", wild, "db.example.com", "wild"],
    ["of the Host for all", star, "db.example.com", "star"],
    ["of the nearest Host", () => star() + wild() + name(), "db.example.com", "name"],
    ["of the nearer wildcard", () => star() + wild(), "db.example.com", "wild"],
    ["of a Host before a TLSContext", () => star() + context(["db.example.com"]), "db.example.com", "star"],
    ["of a TLSContext with that name", () => context(["x.example.com", "db.example.com"]), "db.example.com", "context"],
    [
      "not of a Host without one",
      () => host("*", undefined) + context(["db.example.com"]),
      "db.example.com",
      "context",
    ],
    ["for a wildcard", wild, "*.example.com", "wild"],
    ["for all names", star, "*", "star"],
  ];
  it.each(cases)("is that %s", (_, manifests, asked, end) => {
    const match = asked === "*" ? "any" : asked.toLowerCase();
    expect(chains(manifests() + tcp("a", { host: asked }))).toEqual({
      [own]: [`TLS ${match} ends by ${end} -> a.example.net 100`],
    });
    expect(problems(manifests() + tcp("a", { host: asked }))).toEqual([]);
  });

  const missing: readonly (readonly [why: string, manifests: () => string, code: string])[] = [
    ["no Host", () => "", "TlsContextNotFound"],
    ["a Host without a certificate", () => host("*", undefined), "TlsContextNotFound"],
    ["a TLSContext that has a wildcard: its hosts are names", () => context(["*.example.com"]), "TlsContextNotFound"],
    ["a TLSContext without a Secret", () => tlsContextOf("c", { hosts: ["db.example.com"] }), "SecretNotFound"],
    ["a Host of another name", () => host("x.example.com", "name"), "TlsContextNotFound"],
  ];
  it.each(missing)("is missed where there is %s", (_, manifests, code) => {
    const all = manifests() + tcp("a", { host: "db.example.com" });
    expect(chains(all)).toEqual({});
    expect(problems(all)).toEqual([`error ${code} TCPMapping a spec.host`]);
  });
});

describe("TCPMappings of one port and host", () => {
  const weighted = (...weights: readonly (number | undefined)[]) =>
    weights.map((weight, index) => tcp("abcdef"[index] ?? "", weight === undefined ? {} : { weight })).join("");
  it.each([
    [[undefined], "a.example.net 100"],
    [[0], "a.example.net 100"],
    [[30], "a.example.net 100"],
    [[50, 50], "a.example.net 50, b.example.net 50"],
    [[10, undefined], "a.example.net 10, b.example.net 90"],
    [[undefined, undefined, undefined], "a.example.net 33, b.example.net 33, c.example.net 34"],
    [[10, 20, undefined], "a.example.net 10, b.example.net 20, c.example.net 70"],
    [[20, 30, 50], "a.example.net 20, b.example.net 30, c.example.net 50"],
    [[100, undefined], "a.example.net 100"],
    [[0, 10], "b.example.net 10"],
    [[10, 20], "a.example.net 10, b.example.net 20"],
    [[60, 60], "a.example.net 100"],
    [[60, 60, undefined], "a.example.net 60, c.example.net 40"],
  ] as const)("with the weights %j share %s", (weights, expected) => {
    expect(chains(weighted(...weights))).toEqual({ [own]: [`all -> ${expected}`] });
  });

  it("with one target count together", () => {
    const same = { service: "same.example.net" };
    expect(chains(tcp("a", { ...same, weight: 30 }) + tcp("b", same))).toEqual({
      [own]: ["all -> same.example.net 100"],
    });
  });

  it("are one group whatever the case of the host, and others by port, address and host", () => {
    const through = { tls_passthrough: true };
    const manifests =
      tcp("a", { ...through, host: "DB.example.com" }) +
      tcp("b", { ...through, host: "db.example.com", address: "0.0.0.0" }) +
      tcp("c", { ...through, host: "*.example.com" }) +
      tcp("d", { ...through, host: "*" }) +
      tcp("e", {});
    expect(chains(manifests)).toEqual({
      [own]: [
        "TLS *.example.com -> c.example.net 100",
        "TLS any -> d.example.net 100",
        "TLS db.example.com -> a.example.net 50, b.example.net 50",
        "all -> e.example.net 100",
      ],
    });
  });

  it("end TLS in one place, and have one idle timeout: the older's", () => {
    const named = { host: "db.example.com" };
    const manifests =
      host("db.example.com", "name") +
      tcp("a", { ...named, weight: 50, idle_timeout_ms: "1000" }) +
      tcp("b", { ...named, tls_passthrough: true }) +
      tcp("c", { ...named, idle_timeout_ms: 2000 }) +
      tcp("d", { ...named, idle_timeout_ms: 1000 });
    expect(chains(manifests)).toEqual({
      [own]: ["TLS db.example.com ends by name -> a.example.net 50, c.example.net 25, d.example.net 25"],
    });
    expect(problems(manifests)).toEqual([
      "error GroupConflict TCPMapping b spec.tls_passthrough",
      "warning GroupConflict TCPMapping c spec.idle_timeout_ms",
    ]);
    const [chain] = compiled(manifests).ir.listeners[0]?.chains ?? [];
    expect(chain).toMatchObject({ idleTimeoutMs: 1000 });
  });
});

describe("a Listener for HTTP", () => {
  it("has the chains of TCPMappings beside those of Hosts", () => {
    const manifests =
      listener({ protocol: "HTTPS" }) +
      host("web.example.com", "wild") +
      host("db.example.com", "name") +
      tcp("a", { host: "db.example.com" }) +
      tcp("b", {});
    expect(chains(manifests)).toEqual({
      "default/l 0.0.0.0:9000": [
        "HTTP web.example.com",
        "TLS db.example.com ends by name -> a.example.net 100",
        "all -> b.example.net 100",
      ],
    });
    expect(problems(manifests)).toEqual([
      "warning HostConflict Host hdbexamplecom spec.hostname",
      "warning HostConflict TCPMapping a spec.host",
    ]);
  });

  it("without TLS has them for names alone", () => {
    const http = listener({ protocol: "HTTP" }) + host("*", undefined);
    const named = tcp("a", { host: "db.example.com", tls_passthrough: true });
    expect(chains(http + named)).toEqual({
      "default/l 0.0.0.0:9000": ["HTTP", "TLS db.example.com -> a.example.net 100"],
    });
    expect(chains(http + tcp("b", {}))).toEqual({ "default/l 0.0.0.0:9000": ["HTTP"] });
    expect(problems(http + tcp("b", {}))).toEqual(["error PortConflict TCPMapping b spec.port"]);
  });

  it("is not said to serve nothing where TCPMappings are served", () => {
    const manifests = listener({ protocol: "HTTPS" }) + tcp("a", {});
    expect(chains(manifests)).toEqual({ "default/l 0.0.0.0:9000": ["all -> a.example.net 100"] });
    expect(problems(manifests)).toEqual([]);
  });
});
