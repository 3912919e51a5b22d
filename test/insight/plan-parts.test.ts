import { describe, expect, it } from "@jest/globals";
import { RE2JS } from "re2js";
import { createCompiler } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { takesAllOf } from "../../insight/plan/cover.ts";
import { drainsOf } from "../../insight/plan/drains.ts";
import { samples } from "../../insight/plan/samples.ts";
import type { Route, RouteMatch } from "../../ir/types.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { type Manifest, object } from "./random-worlds.ts";

describe("samples of a regex", () => {
  it.each([
    "/a/[0-9]+",
    "/v(1|2)/.*",
    ".*\\.html",
    "(?i)/Foo/bar",
    "/[^/]*/x",
    "/\\d{3}-\\w+",
    "/(?P<id>[[:alpha:]]{2,})/",
    "\\Q/a.b\\E",
    "/x|/b/.*",
    "^/abc$",
    "/[\\]a-c]+?",
    "(GET|PUT)",
    "/\\x41\\x{42}",
  ])("%s: some are found, and RE2 takes each of them", (regex) => {
    const found = samples(regex);
    expect(found.length).toBeGreaterThan(0);
    for (const text of found) expect([text, RE2JS.compile(regex).matches(text)]).toEqual([text, true]);
  });

  it("gives none for what it cannot think of, and does not fail", () => {
    for (const regex of ["/\\pL+", "a\\bb", "[^\\x00-\\x{10FFFF}]"]) expect(samples(regex)).toEqual([]);
  });
});

describe("a route takes all of another one's requests", () => {
  const route = (match: Partial<RouteMatch>, belowPercent?: number): Route => ({
    name: "r",
    match: { path: { kind: "prefix", prefix: "/" }, caseSensitive: true, headers: [], queryParameters: [], ...match },
    belowPercent,
    action: { kind: "forward", cluster: "c" },
    features: {},
    source: { object: { kind: "Mapping", namespace: "default", name: "r" }, path: [] },
  });
  const prefix = (text: string, more: Partial<RouteMatch> = {}) =>
    route({ path: { kind: "prefix", prefix: text }, ...more });
  const exact = (text: string) => route({ path: { kind: "exact", path: text } });
  const regex = (text: string) => route({ path: { kind: "regex", regex: text } });
  const header = (value: string) => ({ headers: [{ name: "x", kind: "exact" as const, value }] });
  const beta = { headers: [{ name: "X", kind: "present" as const }] };

  it.each([
    ["a shorter prefix", prefix("/a"), prefix("/a/b"), true],
    ["a longer one", prefix("/a/b"), prefix("/a"), false],
    ["a prefix, and a whole path below it", prefix("/a"), exact("/a/b"), true],
    ["a whole path, and a prefix", exact("/a"), prefix("/a"), false],
    ["a prefix, and a regex that begins with it", prefix("/a/"), regex("/a/[0-9]+"), true],
    ["a prefix, and a regex that may begin otherwise", prefix("/a/"), regex("/(a|b)/"), false],
    ["a regex, and a path that it matches", regex("/a/[0-9]+"), exact("/a/7"), true],
    ["a prefix in any case", prefix("/A", { caseSensitive: false }), prefix("/a/b"), true],
    ["a prefix in its case, and one in any", prefix("/a"), prefix("/a", { caseSensitive: false }), false],
    ["a condition that the other has not", prefix("/a", header("1")), prefix("/a"), false],
    ["none, where the other has one", prefix("/a"), prefix("/a", header("1")), true],
    ["the same condition", prefix("/a", header("1")), prefix("/a/b", header("1")), true],
    ["another value", prefix("/a", header("1")), prefix("/a", header("2")), false],
    ["a header that is there, and one with a value", prefix("/a", beta), prefix("/a", header("1")), true],
    ["a share of them", { ...prefix("/a"), belowPercent: 50 }, prefix("/a/b"), false],
  ])("%s", (_, outer, inner, expected) => {
    expect(takesAllOf(outer, inner)).toBe(expected);
  });
});

describe("drained are", () => {
  const listener = (more: object = {}, protocol = "HTTP") =>
    object("Listener", "web", {
      ...{ port: 8080, protocol, securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } },
      ...more,
    });
  const host = (name: string, hostname: string, certificate?: string) =>
    object("Host", name, { hostname, ...(certificate === undefined ? {} : { tlsSecret: { name: certificate } }) });
  const mapping = (name: string, spec: object = {}) =>
    object("Mapping", name, { hostname: "*", prefix: `/${name}/`, service: "http://10.0.0.1", ...spec });
  const module = (config: object) => object("Module", "ambassador", { config });

  async function secret(name: string): Promise<Manifest> {
    const { certificatePem, keyPem }: Certificate = await selfSigned({ hosts: [name] });
    const stringData = { "tls.crt": certificatePem, "tls.key": keyPem };
    return { apiVersion: "v1", kind: "Secret", metadata: { name }, type: "kubernetes.io/tls", stringData };
  }

  function drains(before: readonly Manifest[], after: readonly Manifest[]) {
    const compile = createCompiler();
    const [was, is] = [before, after].map((world) => {
      const text = world.map((each) => JSON.stringify(each)).join("\n---\n");
      const { resources } = manifestReader()(new Map([["w.yaml", { kind: "text", text }]]));
      const settings = { ambassadorId: "default", ownNamespace: "default", bindAddress: "0.0.0.0", inCluster: false };
      return compile(resources, settings).snapshot.listener;
    });
    return drainsOf(was ?? new Map(), is ?? new Map());
  }

  const any = host("any", "*");

  it("no connections by routes, clusters and filters", () => {
    const guard = object("AuthService", "guard", { auth_service: "10.0.0.2" });
    const before = [listener(), any, mapping("a")];
    expect(
      drains(before, [listener(), any, mapping("a", { service: "http://10.0.0.9" }), mapping("b"), guard]),
    ).toEqual([]);
  });

  it("all of a listener by its own fields, and by what stands in each connection manager", () => {
    const before = [listener(), any, mapping("a")];
    const ofManager = [{ listener: "default/web", chains: ["http"], because: ["server_name"] }];
    expect(drains(before, [...before, module({ server_name: "x" })])).toEqual(ofManager);
    const limits = [{ listener: "default/web", chains: undefined, because: ["per_connection_buffer_limit_bytes"] }];
    expect(drains(before, [...before, module({ buffer_limit_bytes: 5000 })])).toEqual(limits);
    expect(drains(before, [any, mapping("a")])).toEqual([
      { listener: "default/web", chains: undefined, because: ["removed"] },
    ]);
  });

  it("of TLS Hosts those whose chain changes or goes, and no others", async () => {
    const [one, two] = [await secret("one"), await secret("two")];
    const base = [listener({}, "HTTPS"), one, two, mapping("a"), host("a", "a.test", "one")];
    const both = [...base, host("b", "b.test", "two")];
    expect(drains(base, both)).toEqual([]);
    const [gone] = drains(both, base);
    expect(gone).toMatchObject({ because: ["removed"], chains: [expect.stringContaining("b")] });
    const [joined] = drains(both, [...both, host("c", "c.test", "two")]);
    expect(joined).toMatchObject({ because: ["filter_chain_match"], chains: gone?.chains });
    // A renewed certificate goes by SDS.
    expect(drains(both, [...both.filter((each) => each !== two), await secret("two")])).toEqual([]);
  });
});
