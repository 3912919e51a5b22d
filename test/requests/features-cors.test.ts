import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const apply = (spec: object, module: Readonly<Record<string, unknown>> = {}) =>
  gateway.apply(moduleOf(module) + mapping("m", { prefix: "/", service: backend.service, ...spec }));

/** Asks as a browser does before a request that is not a simple one. */
const preflight = (origin: string) =>
  gateway.request("/", {
    method: "OPTIONS",
    headers: { origin, "access-control-request-method": "PUT", "access-control-request-headers": "x-token" },
  });

const trusted = "https://app.example.com";
const cors = {
  origins: [trusted, "http://localhost:3000"],
  methods: ["GET", "PUT"],
  headers: ["x-token", "content-type"],
  exposed_headers: ["x-total", "x-page"],
  max_age: "600",
  credentials: true,
};

describe("CORS", () => {
  // shows: Mapping.cors
  it("answers a preflight request of an allowed origin itself", async () => {
    expect(await apply({ cors })).toEqual([]);
    const before = backend.seen.length;
    const answer = await preflight(trusted);
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      "access-control-allow-origin": trusted,
      "access-control-allow-methods": "GET, PUT",
      "access-control-allow-headers": "x-token, content-type",
      "access-control-allow-credentials": "true",
      "access-control-max-age": "600",
    });
    expect(backend.seen.length).toBe(before);
  });

  it("marks answers to allowed origins and to no other", async () => {
    await apply({ cors });
    const allowed = await gateway.request("/", { headers: { origin: "http://localhost:3000" } });
    expect(allowed.headers).toMatchObject({
      "access-control-allow-origin": "http://localhost:3000",
      "access-control-expose-headers": "x-total, x-page",
    });
    for (const origin of ["https://evil.example.com", "https://app.example.com.evil.org", "https://xapp.example.com"]) {
      expect((await gateway.request("/", { headers: { origin } })).headers).not.toHaveProperty(
        "access-control-allow-origin",
      );
      expect((await preflight(origin)).headers).not.toHaveProperty("access-control-allow-origin");
    }
  });

  it('allows every origin by "*"', async () => {
    expect(await apply({ cors: { origins: ["*"], methods: ["GET"] } })).toEqual([]);
    for (const origin of [trusted, "http://other.example.org"]) {
      expect((await preflight(origin)).headers).toMatchObject({ "access-control-allow-origin": origin });
    }
  });

  // shows: Module.cors
  it("takes the Module's where a Mapping has none, commas and all", async () => {
    const module = { cors: { origins: `${trusted}, http://b.example.com`, methods: "GET, POST" } };
    expect(await apply({}, module)).toEqual([]);
    expect((await preflight("http://b.example.com")).headers).toMatchObject({
      "access-control-allow-origin": "http://b.example.com",
      "access-control-allow-methods": "GET, POST",
    });
    await apply({ cors: { origins: [trusted] } }, module);
    expect((await preflight("http://b.example.com")).headers).not.toHaveProperty("access-control-allow-origin");
  });

  it("warns of what cannot work or is dangerous", async () => {
    const problems = await apply({
      cors: { origins: ["*", "https://*.example.com", "https://a.example.com/"], credentials: true, max_age: "24h" },
    });
    expect(problems.map(({ severity, path, message }) => [severity, path.slice(1), message])).toEqual([
      ["warning", ["cors", "max_age"], '"24h" is not a number of seconds, and browsers would not take it'],
      ["warning", ["cors", "origins"], '"*" with credentials lets every web site read what the user may read'],
      [
        "warning",
        ["cors", "origins", 1],
        '"https://*.example.com" is compared as it is written, and no origin has a "*"',
      ],
      ["warning", ["cors", "origins", 2], '"https://a.example.com/" ends in a slash, and no origin does'],
    ]);
  });
});
