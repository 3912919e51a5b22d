import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { usualLimits } from "../support/envoy.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf } from "../support/manifests.ts";
import { attack, http2End } from "./attack.ts";
import {
  firstIndexed,
  flags,
  frame,
  framesOf,
  type Header,
  hpack,
  indexed,
  ping,
  preface,
  request,
  requestHeaders,
  reset,
  settings,
} from "./frames.ts";
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

const times = (count: number, make: (index: number) => Buffer) =>
  Buffer.concat(Array.from({ length: count }, (_, index) => make(index)));
const opened = (...frames: readonly Buffer[]) => Buffer.concat([preface, settings(), ...frames]);
const numbered = (count: number): Header[] => Array.from({ length: count }, (_, index) => [`x-${index}`, "1"]);
/** A request whose headers go on in further frames. */
const unfinished = frame({ type: "headers", stream: 1, payload: hpack(requestHeaders("/unfinished")) });
const post = frame({
  type: "headers",
  flags: flags.endHeaders,
  stream: 1,
  payload: hpack([[":method", "POST"], ...requestHeaders("/post").slice(1)]),
});
const whole = flags.endStream | flags.endHeaders;

/** How often the case "rapid reset" is a request that is taken back at once. */
const rapid = 2000;
const rapidResets = opened(
  times(rapid, (index) => Buffer.concat([request(2 * index + 1, "/rapid"), reset(2 * index + 1)])),
);

const floods: Readonly<Record<string, Buffer>> = {
  "CONTINUATION without end": opened(
    unfinished,
    times(20_000, () => frame({ type: "continuation", stream: 1, payload: hpack([["x-a", "b".repeat(20)]]) })),
  ),
  "empty CONTINUATION without end": opened(
    unfinished,
    times(20_000, () => frame({ type: "continuation", stream: 1 })),
  ),
  SETTINGS: opened(times(20_000, () => settings([4, 65_535]))),
  PING: opened(times(20_000, () => ping)),
  PRIORITY: opened(times(20_000, () => frame({ type: "priority", stream: 1, payload: Buffer.alloc(5) }))),
  WINDOW_UPDATE: opened(times(20_000, () => frame({ type: "windowUpdate", payload: Buffer.of(0, 0, 0, 1) }))),
  "empty DATA": opened(
    post,
    times(5000, () => frame({ type: "data", stream: 1 })),
  ),
  "a window beyond 2^31": opened(
    times(2, () => frame({ type: "windowUpdate", payload: Buffer.of(127, 255, 255, 255) })),
  ),
};

const breaches: Readonly<Record<string, Buffer>> = {
  "an even stream": opened(request(2, "/even")),
  "DATA on stream 0": opened(frame({ type: "data", payload: Buffer.from("x") })),
  "a frame over its size": opened(frame({ type: "headers", flags: whole, stream: 1, payload: Buffer.alloc(20_000) })),
  "HPACK that is none": opened(frame({ type: "headers", flags: whole, stream: 1, payload: Buffer.alloc(6, 255) })),
  "a name in upper case": opened(request(1, "/", [["X-Upper", "1"]])),
  "a line end in a value": opened(request(1, "/", [["x-a", "1\r\nx-smuggled: 2"]])),
  "a line end in the path": opened(request(1, "/a HTTP/1.1\r\nx-smuggled: 1\r\n\r\n")),
  "a space in the path": opened(request(1, "/smuggled HTTP/1.1")),
  "two paths": opened(request(1, "/a", [[":path", "/b"]])),
  "transfer-encoding": opened(request(1, "/", [["transfer-encoding", "chunked"]])),
  connection: opened(request(1, "/", [["connection", "close"]])),
};

/** The connection is the client's still, the stream is not. */
const streams: Readonly<Record<string, Buffer>> = {
  "101 headers": opened(request(1, "/", numbered(101))),
  "1,000 headers": opened(request(1, "/", numbered(1000))),
  "1,000 cookies": opened(
    request(
      1,
      "/",
      Array.from({ length: 1000 }, (): Header => ["cookie", "1"]),
    ),
  ),
  "100 KB of headers": opened(
    unfinished,
    times(10, () => frame({ type: "continuation", stream: 1, payload: hpack([["x-a", "a".repeat(10_000)]]) })),
    frame({ type: "continuation", flags: flags.endHeaders, stream: 1 }),
  ),
  "1.6 MB that are 16 KB of HPACK": opened(
    frame({
      type: "headers",
      flags: whole,
      stream: 1,
      payload: Buffer.concat([hpack(requestHeaders("/")), indexed(["x-bomb", "b".repeat(3500)])]),
    }),
    frame({
      type: "headers",
      flags: whole,
      stream: 3,
      payload: Buffer.concat([hpack(requestHeaders("/")), Buffer.alloc(16_000, firstIndexed)]),
    }),
  ),
  "more body than its content-length": opened(
    frame({
      type: "headers",
      flags: flags.endHeaders,
      stream: 1,
      payload: hpack([...requestHeaders("/short"), ["content-length", "1"]]),
    }),
    frame({ type: "data", flags: flags.endStream, stream: 1, payload: Buffer.from("GET /smuggled HTTP/1.1\r\n\r\n") }),
  ),
  "1,000 trailers": opened(post, frame({ type: "headers", flags: whole, stream: 1, payload: hpack(numbered(1000)) })),
};

const isReset = (bytes: Buffer) => framesOf(bytes).some(({ type }) => type === 3);

async function endsOf(cases: Readonly<Record<string, Buffer>>, until?: (bytes: Buffer) => boolean) {
  const ends = Object.entries(cases).map(async ([name, bytes]) => {
    const end = await attack(gateway.port, bytes, until === undefined ? {} : { until });
    return [name, http2End(end)] as const;
  });
  return Object.fromEntries(await Promise.all(ends));
}

const all = (cases: Readonly<Record<string, Buffer>>, end: unknown) =>
  Object.fromEntries(Object.keys(cases).map((name) => [name, end]));

describe("HTTP/2 that is hostile", () => {
  it("is answered where it is not: the frames of these tests are right", async () => {
    const { bytes } = await attack(gateway.port, opened(request(1, "/fine")), {
      until: (seen) => framesOf(seen).some(({ type }) => type === 0),
    });
    expect(isReset(bytes)).toBe(false);
    expect(backend.seen.map(({ url }) => url)).toContain("/fine");
  });

  it("loses its connection for a flood of frames", async () => {
    expect(await endsOf(floods)).toEqual(all(floods, expect.stringMatching(/^closed/)));
  });

  it("loses its connection for what breaks the protocol, and no service sees it", async () => {
    expect(await endsOf(breaches)).toEqual(all(breaches, expect.stringMatching(/^closed/)));
    expect(backend.seen.filter(({ url }) => !["/good", "/fine", "/post"].includes(url))).toEqual([]);
  });

  it("loses its stream for headers that are too many, too long or packed too well, and for a body of another length", async () => {
    expect(await endsOf(streams, isReset)).toEqual(all(streams, "stream reset"));
    const seen = backend.seen.map(({ headers }) => Object.keys(headers).length);
    expect(Math.max(...seen)).toBeLessThan(100);
  });

  it("loses its connection for requests that it takes back at once, and hardly one of them gets to a service", async () => {
    const resets = await gateway.envoy.stat("http.ingress_http.downstream_rq_too_many_premature_resets");
    expect(http2End(await attack(gateway.port, rapidResets))).toMatch(/^closed/);
    expect(await gateway.envoy.stat("http.ingress_http.downstream_rq_too_many_premature_resets")).toBe(resets + 1);
    expect(backend.seen.filter(({ url }) => url === "/rapid").length).toBeLessThan(rapid / 4);
  });

  it("keeps it where Envoy does not count them", async () => {
    const unlimited = moduleOf({ runtime_flags: { "overload.premature_reset_total_stream_count": 1_000_000 } });
    await gateway.apply(unlimited + mapping("m", { prefix: "/", service: backend.service, rewrite: "" }));
    const bytes = Buffer.concat([rapidResets, ping]);
    const answered = (seen: Buffer) => framesOf(seen).some(({ type }) => type === 6);
    expect((await attack(gateway.port, bytes, { until: answered })).closed).toBe(false);
  });

  it("costs a client beside it no request", async () => {
    await good.answered(10);
    const { answered, failed } = await good.stop();
    expect(failed).toEqual([]);
    expect(answered).toBeGreaterThan(10);
    expect(gateway.envoy.log()).not.toMatch(/\[critical\]/);
  });
});
