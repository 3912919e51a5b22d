import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import {
  type EchoBackend,
  echoBackend,
  type Gateway,
  mapping,
  type RequestOptions,
  startGateway,
} from "../support/gateway.ts";

// Typed in by hand from the specification (section 1.1d). Never generated. Each row is asked of a real Envoy: a request that
// matches both Mappings must reach the first one. The names of the Mappings are such that a tie would give it to the second.

interface Row {
  readonly why: string;
  readonly first: Readonly<Record<string, unknown>>;
  readonly second: Readonly<Record<string, unknown>>;
  readonly path?: string;
  readonly options?: RequestOptions;
}

const rows: readonly Row[] = [
  {
    why: "precedence comes before the length of the prefix",
    first: { prefix: "/", precedence: 1 },
    second: { prefix: "/long/prefix/" },
    path: "/long/prefix/x",
  },
  {
    why: "precedence comes before all conditions",
    first: { prefix: "/", precedence: 1 },
    second: { prefix: "/", method: "GET", headers: { "x-a": "some long value" } },
    options: { headers: { "x-a": "some long value" } },
  },
  {
    why: "a higher precedence is first",
    first: { prefix: "/", precedence: 2 },
    second: { prefix: "/", precedence: 1 },
  },
  {
    why: "precedences are numbers, not texts",
    first: { prefix: "/", precedence: 10 },
    second: { prefix: "/", precedence: 9 },
  },
  { why: "no precedence is 0", first: { prefix: "/" }, second: { prefix: "/", precedence: -1 } },
  {
    why: "a negative precedence is below a longer prefix too",
    first: { prefix: "/" },
    second: { prefix: "/long/", precedence: -1 },
    path: "/long/",
  },
  {
    why: "of two negative ones the greater is first",
    first: { prefix: "/", precedence: -1 },
    second: { prefix: "/", precedence: -10 },
  },
  { why: "a longer prefix is first", first: { prefix: "/a/b/" }, second: { prefix: "/a/" }, path: "/a/b/c" },
  { why: "by one sign", first: { prefix: "/ab" }, second: { prefix: "/a" }, path: "/abc" },
  {
    why: "lengths are numbers, not texts",
    first: { prefix: "/0123456789" },
    second: { prefix: "/01234567" },
    path: "/0123456789",
  },
  {
    why: "a regex is as long as it is written",
    first: { prefix: "/[a-z]+/.*", prefix_regex: true },
    second: { prefix: "/users/" },
    path: "/users/ann",
  },
  {
    why: "a short regex comes after a longer prefix",
    first: { prefix: "/users/" },
    second: { prefix: "/.*", prefix_regex: true },
    path: "/users/ann",
  },
  {
    why: "the length of the prefix comes before all conditions",
    first: { prefix: "/a/b/" },
    second: { prefix: "/a/", headers: { "x-a": "some long value" }, method: "GET" },
    path: "/a/b/",
    options: { headers: { "x-a": "some long value" } },
  },
  {
    why: "a header condition comes before none",
    first: { prefix: "/", headers: { "x-a": "1" } },
    second: { prefix: "/" },
    options: { headers: { "x-a": "1" } },
  },
  {
    why: "longer header conditions are first: the name counts",
    first: { prefix: "/", headers: { "x-long-name": "1" } },
    second: { prefix: "/", headers: { "x-z": "1" } },
    options: { headers: { "x-long-name": "1", "x-z": "1" } },
  },
  {
    why: "longer header conditions are first: the value counts",
    first: { prefix: "/", headers: { "x-a": "long value" } },
    second: { prefix: "/", headers: { "x-z": "short" } },
    options: { headers: { "x-a": "long value", "x-z": "short" } },
  },
  {
    why: "two short ones are longer than one in between",
    first: { prefix: "/", headers: { "x-a": "1", "x-b": "1" } },
    second: { prefix: "/", headers: { "x-c": "12" } },
    options: { headers: { "x-a": "1", "x-b": "1", "x-c": "12" } },
  },
  {
    why: "a regex counts one more than the same text",
    first: { prefix: "/", regex_headers: { "x-a": "v1" } },
    second: { prefix: "/", headers: { "x-z": "v1" } },
    options: { headers: { "x-a": "v1", "x-z": "v1" } },
  },
  { why: "a method is a header condition", first: { prefix: "/", method: "GET" }, second: { prefix: "/" } },
  {
    why: "a host name is a header condition",
    first: { prefix: "/", hostname: "a.example.com" },
    second: { prefix: "/", hostname: "*" },
    options: { host: "a.example.com" },
  },
  {
    why: "a longer pattern of host names is first",
    first: { prefix: "/", hostname: "*.example.com" },
    second: { prefix: "/", hostname: "*.com" },
    options: { host: "a.example.com" },
  },
  {
    why: "the length of the prefix comes before the host name",
    first: { prefix: "/long/", hostname: "*" },
    second: { prefix: "/", hostname: "a.example.com" },
    path: "/long/",
    options: { host: "a.example.com" },
  },
  {
    why: "a query condition comes before none",
    first: { prefix: "/", query_parameters: { a: "1" } },
    second: { prefix: "/" },
    path: "/?a=1",
  },
  {
    why: "header conditions come before query conditions",
    first: { prefix: "/", headers: { "x-a": "1" } },
    second: { prefix: "/", query_parameters: { parameter: "with a long value".replaceAll(" ", "-") } },
    path: "/?parameter=with-a-long-value",
    options: { headers: { "x-a": "1" } },
  },
  {
    why: "longer query conditions are first",
    first: { prefix: "/", query_parameters: { a: "long" } },
    second: { prefix: "/", query_parameters: { z: "1" } },
    path: "/?a=long&z=1",
  },
  {
    why: "a regex query condition counts one more than the same text",
    first: { prefix: "/", regex_query_parameters: { a: "v1" } },
    second: { prefix: "/", query_parameters: { z: "v1" } },
    path: "/?a=v1&z=v1",
  },
  {
    why: "of prefixes of one length the greater text is first",
    first: { prefix: "/a.", prefix_regex: true },
    second: { prefix: "/.a", prefix_regex: true },
    path: "/aa",
  },
  {
    why: "then the greater text of the method",
    first: { prefix: "/", method: "GE.", method_regex: true },
    second: { prefix: "/", method: "G.T", method_regex: true },
  },
  {
    why: "then the greater name of a header",
    first: { prefix: "/", headers: { "x-b": "1" } },
    second: { prefix: "/", headers: { "x-a": "1" } },
    options: { headers: { "x-a": "1", "x-b": "1" } },
  },
  {
    why: "then its greater value",
    first: { prefix: "/", regex_headers: { "x-a": "b." } },
    second: { prefix: "/", regex_headers: { "x-a": ".b" } },
    options: { headers: { "x-a": "bb" } },
  },
  {
    why: "then the greater name of a query parameter",
    first: { prefix: "/", query_parameters: { b: "1" } },
    second: { prefix: "/", query_parameters: { a: "1" } },
    path: "/?a=1&b=1",
  },
  {
    // Emissary refuses the later one of these two.
    why: "a whole path comes before the same text as a prefix",
    first: { prefix: "/exact", prefix_exact: true },
    second: { prefix: "/exact" },
    path: "/exact",
  },
];

let gateway: Gateway;
let first: EchoBackend;
let second: EchoBackend;

beforeAll(async () => {
  [gateway, first, second] = await Promise.all([startGateway(), echoBackend("first"), echoBackend("second")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), first.close(), second.close()]);
});

describe("order of routes", () => {
  it.each(rows.map((row) => [row.why, row] as const))("%s", async (_, row) => {
    // Of two alike the smaller name is tried first: "z" loses every tie.
    const problems = await gateway.apply(
      mapping("z", { service: first.service, ...row.first }) + mapping("a", { service: second.service, ...row.second }),
    );
    expect(problems).toEqual([]);
    const ask = async () => (await gateway.request(row.path ?? "/", row.options)).echo().backend;
    expect(await ask()).toBe("first");
    // The request matches the second one as well, or the row would show nothing.
    await gateway.apply(mapping("a", { service: second.service, ...row.second }));
    expect(await ask()).toBe("second");
  });
});
