import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  type EchoBackend,
  echoBackend,
  type Gateway,
  mapping,
  type RequestOptions,
  startGateway,
} from "../support/gateway.ts";

let gateway: Gateway;
let one: EchoBackend;
let two: EchoBackend;

beforeAll(async () => {
  [gateway, one, two] = await Promise.all([startGateway(), echoBackend("one"), echoBackend("two")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), one.close(), two.close()]);
});

type Asked = readonly [path: string, options?: RequestOptions];

/** Which of the requests reach the Mapping; the others get 404. */
async function expectMatches(spec: Readonly<Record<string, unknown>>, yes: readonly Asked[], no: readonly Asked[]) {
  expect(await gateway.apply(mapping("m", { prefix: "/", service: one.service, rewrite: "", ...spec }))).toEqual([]);
  const statusOf = async ([path, options]: Asked) => [path, options, (await gateway.request(path, options)).status];
  for (const asked of yes) expect(await statusOf(asked)).toEqual([asked[0], asked[1], 200]);
  for (const asked of no) expect(await statusOf(asked)).toEqual([asked[0], asked[1], 404]);
}

const method = (name: string): Asked => ["/", { method: name }];
const header = (headers: Readonly<Record<string, string>>): Asked => ["/", { headers }];
const host = (name: string): Asked => ["/", { host: name }];

describe("path", () => {
  // shows: Mapping.prefix
  it("matches by its start, whatever follows", async () => {
    await expectMatches(
      { prefix: "/api/" },
      [["/api/"], ["/api/x"], ["/api/?q"]],
      [["/api"], ["/apis/"], ["/x/api/"], ["/API/"], ["/"]],
    );
    await expectMatches({ prefix: "/api" }, [["/api"], ["/apis"], ["/api/x"]], [["/ap"]]);
  });

  // shows: Mapping.prefix_exact
  it("matches as a whole with prefix_exact, the query aside", async () => {
    await expectMatches(
      { prefix: "/api/v1", prefix_exact: true },
      [["/api/v1"], ["/api/v1?x=/y"]],
      [["/api/v1/"], ["/api/v12"], ["/api/V1"], ["/api"]],
    );
  });

  // shows: Mapping.prefix_regex
  it("matches a regex from its first to its last sign with prefix_regex", async () => {
    await expectMatches(
      { prefix: "/v[0-9]+/(users|teams)", prefix_regex: true },
      [["/v1/users"], ["/v12/teams?x=1"]],
      [["/v1/users/"], ["/x/v1/users"], ["/v/users"], ["/v1/USERS"]],
    );
    await gateway.apply(mapping("m", { prefix: "/v[0-9]+/.*", prefix_regex: true, service: one.service }));
    expect((await gateway.request("/v1/a?b=c")).echo().url).toBe("/?b=c");
  });

  // shows: Mapping.case_sensitive
  it("regards case unless case_sensitive is false, in all three forms", async () => {
    const exact = { prefix_exact: true, case_sensitive: false };
    const regex = { prefix_regex: true, case_sensitive: false };
    await expectMatches({ prefix: "/Api/", case_sensitive: false }, [["/api/x"], ["/API/"]], [["/apix/"]]);
    await expectMatches({ prefix: "/Api", ...exact }, [["/api"], ["/API"]], [["/api/"]]);
    await expectMatches({ prefix: "/Api/[a-c]+", ...regex }, [["/api/abc"], ["/API/ABC"]], [["/api/d"]]);
  });

  it("refuses a prefix that no path can match and a regex that Envoy refuses", async () => {
    const problems = await gateway.apply(
      mapping("a", { prefix: "api/", service: one.service }) +
        mapping("b", { prefix: "/(?=x)", prefix_regex: true, service: one.service }) +
        mapping("c", { prefix: "/c", regex_headers: { "x-a": "" }, service: one.service }),
    );
    expect(problems.map(({ code, object, path }) => [code, object.name, path.slice(1)])).toEqual([
      ["InvalidField", "a", ["prefix"]],
      ["InvalidRegex", "b", ["prefix"]],
      ["InvalidRegex", "c", ["regex_headers", "x-a"]],
    ]);
  });
});

describe("method", () => {
  // shows: Mapping.method
  it("matches one method, in its own case", async () => {
    await expectMatches({ method: "POST" }, [method("POST")], [method("GET"), method("PUT")]);
    await expectMatches({ method: "get" }, [], [method("GET")]);
  });

  // shows: Mapping.method_regex
  it("matches a regex as a whole with method_regex", async () => {
    await expectMatches(
      { method: "P(OS|U)T", method_regex: true },
      [method("POST"), method("PUT")],
      [method("GET"), method("PATCH")],
    );
    await expectMatches({ method: "PU", method_regex: true }, [], [method("PUT")]);
  });
});

describe("headers", () => {
  // shows: Mapping.headers
  it("matches all headers that are named, by their exact values", async () => {
    await expectMatches(
      { headers: { "X-Tenant": "blue", "x-stage": "beta" } },
      [
        header({ "x-tenant": "blue", "x-stage": "beta" }),
        header({ "X-TENANT": "blue", "x-stage": "beta", "x-more": "1" }),
      ],
      [
        header({}),
        header({ "x-tenant": "blue" }),
        header({ "x-tenant": "Blue", "x-stage": "beta" }),
        header({ "x-tenant": "blue, green", "x-stage": "beta" }),
      ],
    );
  });

  // shows: Mapping.regex_headers
  it("matches regexes as a whole", async () => {
    await expectMatches(
      { regex_headers: { "x-version": "1\\.[0-9]+", "x-any": ".*" } },
      [header({ "x-version": "1.20", "x-any": "" }), header({ "x-version": "1.0", "x-any": "y" })],
      [
        header({ "x-version": "1.20" }),
        header({ "x-version": "11.2", "x-any": "y" }),
        header({ "x-version": "1.2b", "x-any": "y" }),
      ],
    );
  });
});

describe("query parameters", () => {
  // shows: Mapping.query_parameters
  it("matches all parameters that are named, by their exact values", async () => {
    await expectMatches(
      { query_parameters: { v: "2", mode: "fast" } },
      [["/?v=2&mode=fast"], ["/x?mode=fast&other=1&v=2"]],
      [["/"], ["/?v=2"], ["/?v=22&mode=fast"], ["/?V=2&mode=fast"], ["/?v=2&mode=Fast"]],
    );
  });

  // shows: Mapping.regex_query_parameters
  it("matches regexes as a whole", async () => {
    await expectMatches(
      { regex_query_parameters: { v: "[0-9]+" } },
      [["/?v=1"], ["/?a=b&v=123"]],
      [["/"], ["/?v="], ["/?v=1a"], ["/?w=1"]],
    );
  });
});

describe("host", () => {
  // shows: Mapping.hostname
  it("matches a name, or a pattern whose star stands for at least one sign", async () => {
    await expectMatches(
      { hostname: "a.example.com" },
      [host("a.example.com"), host("A.EXAMPLE.com"), host("a.example.com:8080")],
      [host("b.example.com"), host("x.a.example.com"), host("a.example.com.org")],
    );
    await expectMatches(
      { hostname: "*.example.com" },
      [host("a.example.com"), host("a.b.example.com"), host("a.example.com:80")],
      [host("example.com"), host("aexample.com"), host("a.example.org")],
    );
    await expectMatches(
      { hostname: "www.*" },
      [host("www.example.com"), host("www.example.org:80")],
      [host("www"), host("ww.example.com"), host("wwww.example.com")],
    );
  });

  // shows: Mapping.host
  it("matches the deprecated host, and an :authority among the headers, exactly", async () => {
    const yes = [host("a.example.com"), host("A.example.com")];
    const no = [host("b.example.com"), host("a.example.com.org")];
    await expectMatches({ hostname: undefined, host: "a.example.com" }, yes, no);
    await expectMatches({ hostname: undefined, headers: { ":authority": "a.example.com" } }, yes, no);
  });

  // shows: Mapping.host_regex
  it("matches host as a regex with host_regex, as a whole", async () => {
    await expectMatches(
      { hostname: undefined, host: "[ab]\\.example\\.com", host_regex: true },
      [host("a.example.com"), host("b.example.com")],
      [host("c.example.com"), host("a.example.com.org"), host("x.a.example.com")],
    );
  });
});

describe("order", () => {
  const first = (spec: object) => mapping("first", { prefix: "/", service: one.service, rewrite: "", ...spec });
  const second = (spec: object) => mapping("second", { prefix: "/", service: two.service, rewrite: "", ...spec });
  const backendOf = async (...[path, options]: Asked) => (await gateway.request(path, options)).echo().backend;

  // shows: Mapping.precedence
  it("tries a higher precedence before a longer prefix, a negative one last", async () => {
    await gateway.apply(first({ precedence: 10 }) + second({ prefix: "/long/prefix/" }));
    expect(await backendOf("/long/prefix/")).toBe("one");
    await gateway.apply(first({}) + second({ prefix: "/long/prefix/", precedence: -1 }));
    expect(await backendOf("/long/prefix/")).toBe("one");
    await gateway.apply(first({}) + second({ prefix: "/long/prefix/" }));
    expect(await backendOf("/long/prefix/")).toBe("two");
  });

  it("tries more conditions before fewer where the prefixes are alike", async () => {
    await gateway.apply(first({}) + second({ headers: { "x-beta": "1" } }));
    expect(await backendOf("/", { headers: { "x-beta": "1" } })).toBe("two");
    expect(await backendOf("/")).toBe("one");
    await gateway.apply(first({ method: "GET" }) + second({ method: "GET", query_parameters: { v: "2" } }));
    expect(await backendOf("/?v=2")).toBe("two");
    expect(await backendOf("/?v=3")).toBe("one");
    expect((await gateway.request("/", { method: "PUT" })).status).toBe(404);
  });

  it("falls through to the next Mapping where a condition does not hold", async () => {
    await gateway.apply(first({ prefix: "/a/" }) + second({ prefix: "/a/b/", method: "POST" }));
    expect(await backendOf("/a/b/", { method: "POST" })).toBe("two");
    expect(await backendOf("/a/b/")).toBe("one");
  });

  // shows: Mapping.weight
  it("lets what a group leaves over fall to the next match", async () => {
    const member = (name: string) => mapping(name, { prefix: "/a/", service: two.service, weight: 20 });
    await gateway.apply(first({}) + member("x") + member("y"));
    const total = 600;
    let ones = 0;
    for (let i = 0; i < total; i++) if ((await backendOf("/a/")) === "one") ones++;
    const sigma = Math.sqrt(total * 0.6 * 0.4);
    expect(Math.abs(ones - total * 0.6)).toBeLessThan(5 * sigma);
  });
});
