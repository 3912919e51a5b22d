import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { usualLimits } from "../support/envoy.ts";
import { attack, httpEnd } from "./attack.ts";
import { type GoodClient, goodClient } from "./good-client.ts";

let gateway: Gateway;
let backend: EchoBackend;
let good: GoodClient;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway({ limits: usualLimits }), echoBackend("one")]);
  expect(await gateway.apply(mapping("m", { prefix: "/", service: backend.service, rewrite: "" }))).toEqual([]);
  good = goodClient(gateway.port);
});

afterAll(async () => {
  await good.stop();
  await Promise.all([gateway.stop(), backend.close()]);
});

const smuggled = "GET /smuggled HTTP/1.1\r\nHost: example.com\r\n\r\n";

interface Case {
  readonly name: string;
  /** With CRLF between; what is not ASCII is a byte. */
  readonly lines: readonly string[];
  readonly body?: string;
  readonly end: string;
  /** What the backend sees of an answered one. */
  readonly seen?: { readonly url: string; readonly host?: string; readonly headers?: Readonly<Record<string, string>> };
}

const host = "Host: example.com";
const close = "Connection: close";
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `x-${index}: 1`);
const chunked = "Transfer-Encoding: chunked";

const lengths: readonly Case[] = [
  { name: "Content-Length beside Transfer-Encoding", lines: ["Content-Length: 6", chunked], end: "400" },
  { name: "two Content-Lengths", lines: ["Content-Length: 0", `Content-Length: ${smuggled.length}`], end: "400" },
  { name: "the same Content-Length twice", lines: ["Content-Length: 1", "Content-Length: 1"], end: "400" },
  { name: "a list of Content-Lengths", lines: ["Content-Length: 1, 1"], end: "400" },
  { name: "a Content-Length with a sign", lines: ["Content-Length: +1"], end: "400" },
  { name: "a negative Content-Length", lines: ["Content-Length: -1"], end: "400" },
  { name: "a Content-Length over 64 bits", lines: ["Content-Length: 99999999999999999999999"], end: "400" },
  { name: "a space before the colon of Transfer-Encoding", lines: ["Transfer-Encoding : chunked"], end: "400" },
  { name: "a vertical tab before chunked", lines: ["Transfer-Encoding:\x0bchunked"], end: "400" },
  { name: "a Transfer-Encoding that is none", lines: ["Transfer-Encoding: xchunked"], end: "501" },
  { name: "two Transfer-Encodings", lines: [chunked, "Transfer-Encoding: identity"], end: "501" },
  { name: "Connection that takes away what Envoy adds", lines: ["Connection: x-forwarded-for"], end: "400" },
].map((each) => ({ ...each, lines: ["POST /a HTTP/1.1", host, ...each.lines], body: `0\r\n\r\n${smuggled}` }));

const chunks: readonly Case[] = [
  { name: "a chunk of a negative size", body: "-1\r\nx" },
  { name: "a chunk over 64 bits", body: "FFFFFFFFFFFFFFFFF\r\nx" },
  { name: "a chunk without a size", body: "\r\nx" },
].map((each) => ({ ...each, lines: ["POST /chunks HTTP/1.1", host, chunked], end: "400" }));

const requestLines: readonly Case[] = [
  { name: "a method that is none", lines: ["G@T / HTTP/1.1", host], end: "400" },
  { name: "a method of 5,000 letters", lines: [`${"A".repeat(5000)} / HTTP/1.1`, host], end: "400" },
  { name: "a version that is none", lines: ["GET / HTTP/9.9", host], end: "426" },
  { name: "TLS to a port without it", lines: ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], end: "400" },
  { name: "CONNECT, which no Mapping asks for", lines: ["CONNECT other.example:443 HTTP/1.1", host], end: "404" },
  { name: "no Host", lines: ["GET / HTTP/1.1"], end: "400" },
  { name: "a Host with a space", lines: ["GET / HTTP/1.1", "Host: a b"], end: "400" },
  {
    name: "two Hosts, which are one that no Host has",
    lines: ["GET /two HTTP/1.1", host, "Host: other.example", close],
    end: "200",
    seen: { url: "/two", host: "example.com,other.example" },
  },
  {
    name: "an absolute URI with another Host",
    lines: ["GET http://other.example/absolute HTTP/1.1", host, close],
    end: "200",
    seen: { url: "/absolute", host: "other.example" },
  },
];

const headers: readonly Case[] = [
  { name: "a name with a space", lines: ["x a: 1"], end: "400" },
  { name: "an empty name", lines: [": 1"], end: "400" },
  { name: "a null byte in a value", lines: ["x-a: 1\x002"], end: "400" },
  { name: "101 headers", lines: numbered(101), end: "431" },
  { name: "10,000 headers", lines: numbered(10_000), end: "431" },
  { name: "70 KiB of one header", lines: [`x-a: ${"a".repeat(70 * 1024)}`], end: "431" },
  {
    name: "a header folded into two lines, which go on as one",
    lines: [close, "x-a: 1", " 2"],
    end: "200",
    sees: "1 2",
  },
  { name: "a carriage return alone, which is lost", lines: [close, "x-a: 1\r2"], end: "200", sees: "12" },
  {
    name: "a line feed alone, which ends a line as CRLF does",
    lines: [close, "x-a: 1\nx-b: 2"],
    end: "200",
    sees: "1",
  },
].map(({ sees, ...each }) => ({
  ...each,
  lines: ["GET /headers HTTP/1.1", host, ...each.lines],
  ...(sees === undefined ? {} : { seen: { url: "/headers", headers: { "x-a": sees } } }),
}));

const paths: readonly Case[] = [
  { path: "/a/../../../b", end: "200", url: "/b" },
  { path: "/a/%2e%2e/%2E%2e/b", end: "200", url: "/b" },
  { path: "/a\\..\\b", end: "200", url: "/b" },
  { path: "/a%2f..%2fb", end: "200", url: "/a%2f..%2fb" },
  { path: "/a/%c0%ae%c0%ae/b", end: "200", url: "/a/%c0%ae%c0%ae/b" },
  { path: "/a/\xc0\xae/b", end: "400" },
  { path: "/a%00b", end: "400" },
  { path: "/a\x00b", end: "400" },
  { path: "/a#b", end: "400" },
  { path: "a", end: "400" },
  { path: `/${"a".repeat(70 * 1024)}`, end: "431" },
].map(({ path, end, url }) => ({
  name: JSON.stringify(path.slice(0, 30)),
  lines: [`GET ${path} HTTP/1.1`, host, close],
  end,
  ...(url === undefined ? {} : { seen: { url } }),
}));

describe("HTTP/1 that is hostile", () => {
  it.each([
    ["in the length of its body", lengths],
    ["in its chunks", chunks],
    ["in its first line", requestLines],
    ["in its headers", headers],
    ["in its path", paths],
  ])("%s has one clear answer, and nothing of it reaches a service that was not asked for", async (_, cases) => {
    const from = backend.seen.length;
    const ends = await Promise.all(
      cases.map(({ lines, body = "" }) =>
        attack(gateway.port, Buffer.from([...lines, "", body].join("\r\n"), "latin1")),
      ),
    );
    expect(Object.fromEntries(cases.map(({ name }, index) => [name, httpEnd(ends[index] ?? fail(name))]))).toEqual(
      Object.fromEntries(cases.map(({ name, end }) => [name, end])),
    );
    expect(ends.every(({ closed }) => closed)).toBe(true);
    const seen = backend.seen.slice(from).filter(({ url }) => url !== "/good");
    for (const { seen: expected } of cases) {
      if (expected === undefined) continue;
      const { url, host: seenHost = "example.com", headers: seenHeaders = {} } = expected;
      expect(seen).toContainEqual(
        expect.objectContaining({ url, headers: expect.objectContaining({ host: seenHost, ...seenHeaders }) }),
      );
    }
    expect(seen.filter(({ url }) => url === "/smuggled")).toEqual([]);
  });

  it("costs a client beside it no request", async () => {
    await good.answered(10);
    const { answered, failed } = await good.stop();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(10);
    expect(gateway.envoy.log()).not.toMatch(/\[critical\]/);
  });
});

function fail(name: string): never {
  throw new Error(`${name} has no end`);
}
