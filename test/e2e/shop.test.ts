import { once } from "node:events";
import http2 from "node:http2";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { clusterAvailable } from "../cluster/available.ts";
import { rawRequest } from "../support/raw.ts";
import { reached } from "../support/tcp.ts";
import { type Shop, startShop } from "./shop/world.ts";
import { type Answer, send } from "./support/client.ts";

// What Emissary answers is typed in by hand from the specification of its resources; where we differ, the row says so.

interface Row {
  readonly why: string;
  /** `http` or `https`, host and path, as in a browser. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly status: number;
  readonly location?: string;
  /** What the backend sees: its name, the path, headers (null: absent). */
  readonly backend?: string;
  readonly path?: string;
  readonly sees?: Readonly<Record<string, string | null>>;
  /** Of the answer. */
  readonly has?: Readonly<Record<string, string | null>>;
}

const key = { "x-api-key": "secret" };
const shop = "https://shop.example.com";

const rows: readonly Row[] = [
  { why: "cleartext is redirected", url: "http://shop.example.com/old/x", status: 301, location: `${shop}/old/x` },
  { why: "a Mapping without a host", url: `${shop}/search`, status: 200, backend: "web", path: "/search" },
  { why: "on the Host * without TLS", url: "http://other.example.com/search", status: 200, backend: "web" },
  {
    why: "the Module's headers and Lua",
    url: `${shop}/search`,
    status: 200,
    has: { server: "shop", "x-lua": "ran", "x-served-by": "shop" },
  },
  {
    why: "a header that v2 wants to be there",
    url: `${shop}/search`,
    headers: { "x-beta": "1" },
    status: 200,
    backend: "beta",
  },
  {
    why: "a query parameter",
    url: `${shop}/search?engine=next`,
    status: 200,
    backend: "beta",
    path: "/search?engine=next",
  },
  {
    why: "a regular expression and its rewrite",
    url: `${shop}/products/17`,
    status: 200,
    backend: "web",
    path: "/items/17/detail",
  },
  { why: "which is for one method", url: `${shop}/products/17`, method: "POST", status: 404 },
  { why: "a redirect", url: `${shop}/old/x`, status: 302, location: "https://www.example.com/catalog/" },
  {
    why: "a Mapping of v1",
    url: `${shop}/v1/catalog/a`,
    headers: { "x-secret": "1" },
    status: 200,
    backend: "catalog",
    path: "/catalog/a",
    sees: { host: "catalog.internal", "x-api": "v1", "x-secret": null },
  },
  { why: "a Host rejects cleartext", url: "http://admin.example.com/reports/a", status: 404 },
  {
    why: "a Host takes the Mappings of its selector",
    url: "https://admin.example.com/reports/a",
    status: 200,
    backend: "web",
    path: "/a",
  },
  { why: "and no others", url: "https://admin.example.com/search", status: 404 },
  { why: "which no other Host has", url: `${shop}/reports/a`, status: 404 },
  { why: "the AuthService refuses", url: `${shop}/account/a`, status: 401 },
  {
    why: "the AuthService allows, and says who it is",
    url: `${shop}/account/a`,
    headers: key,
    status: 200,
    path: "/a",
    sees: { "x-user": "ann" },
  },
  {
    why: "the AuthService is not asked",
    url: `${shop}/account/login`,
    status: 200,
    path: "/account/login",
    sees: { "x-user": null },
  },
  { why: "TLS to a service, with a TLSContext", url: `${shop}/vault/a`, status: 200, backend: "vault", path: "/a" },
  {
    why: "a service is asked again when it fails",
    url: `${shop}/orders/retried`,
    status: 200,
    has: { "x-internal": null },
  },
  { why: "too many requests", url: `${shop}/orders/a`, headers: { "x-caller": "robot" }, status: 429 },
  {
    why: "a preflight of CORS",
    url: `${shop}/orders/a`,
    method: "OPTIONS",
    headers: { origin: "https://m.example.com", "access-control-request-method": "POST" },
    status: 200,
    has: {
      "access-control-allow-origin": "https://m.example.com",
      "access-control-allow-methods": "GET, POST",
      "access-control-max-age": "600",
      "access-control-allow-credentials": "true",
    },
  },
  // Emissary rewrites the path of an Ingress to /; here it goes as it is: docs/compatibility.md.
  { why: "an Ingress", url: "https://blog.example.com/posts/1", status: 200, backend: "web", path: "/posts/1" },
  { why: "an Ingress serves cleartext too", url: "http://blog.example.com/posts", status: 200, backend: "web" },
  { why: "nothing is there", url: `${shop}/nowhere/`, status: 404 },
];

let world: Shop;

function request({ url, method, headers }: Pick<Row, "url" | "method" | "headers">): Promise<Answer> {
  const { protocol, hostname, pathname, search } = new URL(url);
  const secure = protocol === "https:";
  const tls = secure ? { tls: { servername: hostname } } : {};
  return send(world.port(secure ? 8443 : 8080), pathname + search, {
    host: hostname,
    ...(method === undefined ? {} : { method }),
    ...(headers === undefined ? {} : { headers }),
    ...tls,
  });
}

(clusterAvailable ? describe : describe.skip)("what somebody had for Emissary-ingress", () => {
  beforeAll(async () => {
    world = await startShop();
    const { gateway } = world;
    await gateway.until("it is served", async () => (await request({ url: `${shop}/search` })).status === 200);
  }, 240_000);

  afterAll(async () => {
    await world?.stop();
  }, 60_000);

  it.each(rows)("$why: $url", async (row) => {
    const answer = await request(row);
    expect(answer.status).toBe(row.status);
    if (row.location !== undefined) expect(answer.headers.location).toBe(row.location);
    for (const [name, value] of Object.entries(row.has ?? {})) expect(answer.headers[name] ?? null).toBe(value);
    if (row.backend !== undefined) expect(answer.echo().backend).toBe(row.backend);
    if (row.path !== undefined) expect(answer.echo().url).toBe(row.path);
    for (const [name, value] of Object.entries(row.sees ?? {})) expect(answer.echo().headers[name] ?? null).toBe(value);
  });

  it("shares requests with the canary", async () => {
    const seen = new Set<string>();
    for (let i = 0; i < 100; i++) seen.add((await request({ url: `${shop}/catalog/a` })).echo().backend);
    expect([...seen].sort()).toEqual(["catalog", "catalog-next"]);
  });

  it("labels requests for the RateLimitService, the Module's label first", async () => {
    world.limits.asked.length = 0;
    await request({ url: `${shop}/orders/retried`, headers: { "x-caller": "ann" } });
    await request({ url: `${shop}/orders/retried` });
    expect(world.limits.asked).toEqual([
      { domain: "shop", descriptors: [["generic_key=public", "caller=ann", "generic_key=orders"]] },
      { domain: "shop", descriptors: [["generic_key=public", "generic_key=orders"]] },
    ]);
  });

  it("asks the AuthService below its prefix", async () => {
    world.auth.asked.length = 0;
    await request({ url: `${shop}/account/a?b=c`, headers: key });
    expect(world.auth.asked.map(({ url, headers }) => [url, headers["x-api-key"]])).toEqual([
      ["/extauth/account/a?b=c", "secret"],
    ]);
  });

  it("lets no second request into a Mapping whose circuit breaker takes one", async () => {
    const waits = world.web.waiting();
    const slow = request({ url: `${shop}/narrow/`, headers: { "x-answer-delay-ms": "1500" } });
    await world.gateway.until("the first one waits", () => world.web.waiting() > waits);
    const refused = await request({ url: `${shop}/narrow/` });
    expect([refused.status, refused.headers["x-envoy-overloaded"]]).toEqual([503, "true"]);
    expect((await slow).status).toBe(200);
  });

  it("upgrades to WebSockets", async () => {
    const lines = ["host: any.example.com", "connection: upgrade", "upgrade: websocket", "sec-websocket-version: 13"];
    const text = ["GET /chat/room HTTP/1.1", ...lines, "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", "", ""].join(
      "\r\n",
    );
    const answer = await rawRequest(world.port(8080), text, (so) => so.includes("/room\n"));
    expect(answer).toMatch(/^HTTP\/1.1 101 [^]*\/room\n$/);
  });

  it("carries gRPC by HTTP/2", async () => {
    const servername = "shop.example.com";
    const session = http2.connect(`https://127.0.0.1:${world.port(8443)}`, { rejectUnauthorized: false, servername });
    try {
      const headers = { ":method": "POST", ":path": "/test.Echo/Say", ":authority": servername, te: "trailers" };
      const stream = session.request({ ...headers, "content-type": "application/grpc" });
      const message = Buffer.from([0, 0, 0, 0, 2, 104, 105]);
      stream.end(message);
      let trailers: http2.IncomingHttpHeaders = {};
      stream.on("trailers", (got) => (trailers = got));
      const chunks: Buffer[] = [];
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      await once(stream, "end");
      expect(Buffer.concat(chunks)).toEqual(message);
      expect(trailers["grpc-status"]).toBe("0");
    } finally {
      session.destroy();
    }
  });

  it("hands TCP on", async () => {
    expect(await reached({ port: world.port(6379) })).toMatch(/^cache/);
  });

  it("is read back in the version that it was written in", async () => {
    const { stdout } = await world.world.cluster.kubectl([
      ...["get", "mappings.v2.getambassador.io", "-n", "shop", "search-beta", "orders", "-o", "json"],
    ]);
    const { items } = JSON.parse(stdout) as { items: readonly { apiVersion: string; spec: object }[] };
    expect(items).toMatchObject([
      { apiVersion: "getambassador.io/v2", spec: { headers: { "x-beta": true } } },
      {
        apiVersion: "getambassador.io/v2",
        spec: { cors: { origins: "https://shop.example.com,https://m.example.com" } },
      },
    ]);
  });

  it("is nothing to complain of", () => {
    const lines = world.gateway.log
      .split("\n")
      .filter((line) => /\b(?:error|warn)\b.*(?:default|shop|emissary|identity)\//.test(line));
    expect(lines).toEqual([]);
  });
});
