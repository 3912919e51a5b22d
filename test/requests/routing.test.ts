import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";

let gateway: Gateway;
let one: EchoBackend;
let two: EchoBackend;

beforeAll(async () => {
  [gateway, one, two] = await Promise.all([startGateway(), echoBackend("one"), echoBackend("two")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), one.close(), two.close()]);
});

describe("routing through Envoy", () => {
  // shows: Mapping.rewrite
  it("sends a prefix to its service and replaces the prefix by / unless told otherwise", async () => {
    const problems = await gateway.apply(
      mapping("default", { prefix: "/one/", service: one.service }) +
        mapping("kept", { prefix: "/two/", service: two.service, rewrite: "" }) +
        mapping("moved", { prefix: "/old/", service: two.service, rewrite: "/new/" }),
    );
    expect(problems).toEqual([]);
    expect((await gateway.request("/one/a?b=c")).echo()).toMatchObject({ backend: "one", url: "/a?b=c" });
    expect((await gateway.request("/two/a")).echo()).toMatchObject({ backend: "two", url: "/two/a" });
    expect((await gateway.request("/old/a")).echo()).toMatchObject({ url: "/new/a" });
    expect((await gateway.request("/none")).status).toBe(404);
  });

  // shows: Mapping.regex_rewrite
  it("rewrites by regex, which wins over rewrite", async () => {
    const problems = await gateway.apply(
      mapping("regex", {
        prefix: "/users/",
        service: one.service,
        rewrite: "/ignored/",
        regex_rewrite: { pattern: "/users/([^/]+)/(.*)", substitution: "/\\2?user=\\1" },
      }),
    );
    expect(problems.map(({ code, path }) => [code, path])).toEqual([["IgnoredField", ["spec", "rewrite"]]]);
    expect((await gateway.request("/users/ann/mail")).echo().url).toBe("/mail?user=ann");
  });

  it("tries the longer prefix first, and higher precedence before that", async () => {
    await gateway.apply(
      mapping("short", { prefix: "/a/", service: one.service, rewrite: "" }) +
        mapping("long", { prefix: "/a/b/", service: two.service, rewrite: "" }),
    );
    expect((await gateway.request("/a/b/")).echo().backend).toBe("two");
    await gateway.apply(
      mapping("short", { prefix: "/a/", service: one.service, rewrite: "", precedence: 1 }) +
        mapping("long", { prefix: "/a/b/", service: two.service, rewrite: "" }),
    );
    expect((await gateway.request("/a/b/")).echo().backend).toBe("one");
  });

  // shows: Mapping.timeout_ms
  it("cuts a request off after timeout_ms", async () => {
    await gateway.apply(mapping("slow", { prefix: "/", service: one.service, timeout_ms: 50 }));
    expect((await gateway.request("/", { headers: { "x-answer-delay-ms": "5000" } })).status).toBe(504);
    expect((await gateway.request("/")).status).toBe(200);
  });

  it("keeps the last good version of a Mapping that turns bad, and serves the others' changes", async () => {
    await gateway.apply(
      mapping("a", { prefix: "/a/", service: one.service }) + mapping("b", { prefix: "/b/", service: one.service }),
    );
    const problems = await gateway.apply(
      mapping("a", { prefix: "a", service: one.service }) + mapping("b", { prefix: "/c/", service: one.service }),
    );
    expect(problems.map(({ code, object }) => [code, object.name])).toEqual([["InvalidField", "a"]]);
    expect((await gateway.request("/a/")).status).toBe(200);
    expect((await gateway.request("/b/")).status).toBe(404);
    expect((await gateway.request("/c/")).status).toBe(200);
  });

  it("divides a group by weight", async () => {
    await gateway.apply(
      mapping("heavy", { prefix: "/", service: one.service, weight: 25 }) +
        mapping("light", { prefix: "/", service: two.service }),
    );
    const total = 2000;
    let ones = 0;
    for (let i = 0; i < total; i++) if ((await gateway.request("/")).echo().backend === "one") ones++;
    const sigma = Math.sqrt(total * 0.25 * 0.75);
    expect(Math.abs(ones - total * 0.25)).toBeLessThan(3.5 * sigma);
  });

  it("matches host names whatever their port or case, each domain on its own", async () => {
    await gateway.apply(
      mapping("exact", { hostname: "a.example.com", prefix: "/", service: one.service }) +
        mapping("suffix", { hostname: "*.example.com", prefix: "/", service: two.service }) +
        mapping("long", { hostname: "*", prefix: "/long/", service: two.service }),
    );
    expect((await gateway.request("/", { host: "a.example.com" })).echo().backend).toBe("one");
    expect((await gateway.request("/", { host: "A.Example.com:8080" })).echo().backend).toBe("one");
    expect((await gateway.request("/", { host: "b.example.com:1" })).echo().backend).toBe("two");
    expect((await gateway.request("/long/", { host: "a.example.com" })).echo().backend).toBe("two");
    expect((await gateway.request("/", { host: "example.org" })).status).toBe(404);
  });

  it("takes a regex of 1,000 instructions and refuses a larger one before Envoy sees it", async () => {
    const regex = (count: number) => `/(${"x".repeat(49)}){${count}}`;
    const problems = await gateway.apply(
      mapping("large", { prefix: regex(19), prefix_regex: true, service: one.service }) +
        mapping("larger", { prefix: regex(30), prefix_regex: true, service: one.service }) +
        mapping("small", { prefix: "/", service: two.service }),
    );
    expect(problems.map(({ code, object, message }) => [code, object.name, message.slice(-45)])).toEqual([
      ["InvalidRegex", "larger", expect.stringContaining("instructions of at most 1000)")],
    ]);
    expect((await gateway.request(`/${"x".repeat(49 * 19)}`)).echo().backend).toBe("one");
    expect((await gateway.request(`/${"x".repeat(49 * 30)}`)).echo().backend).toBe("two");
  });
});
