import { afterAll, beforeAll, beforeEach, describe, expect, it } from "@jest/globals";
import { allowed, type GrpcAuthServer, grpcAuthServer } from "../support/auth-servers.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { authServiceOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let auth: GrpcAuthServer;

beforeAll(async () => {
  [gateway, backend, auth] = await Promise.all([startGateway(), echoBackend("one"), grpcAuthServer()]);
});

afterAll(async () => {
  auth.close();
  await Promise.all([gateway.stop(), backend.close()]);
});

beforeEach(() => {
  auth.asked.length = 0;
  auth.metadata.length = 0;
  auth.verdict = () => allowed;
});

type Spec = Readonly<Record<string, unknown>>;

function apply(spec: Spec = {}, ...mappings: readonly Spec[]) {
  const all = mappings.length === 0 ? [{ prefix: "/" }] : mappings;
  return gateway.apply(
    authServiceOf("a", { auth_service: `127.0.0.1:${auth.port}`, proto: "grpc", protocol_version: "v3", ...spec }) +
      all.map((each, index) => mapping(`m${index}`, { service: backend.service, rewrite: "", ...each })).join(""),
  );
}

describe("an AuthService by gRPC", () => {
  it("is asked with the whole request, and its headers go on", async () => {
    expect(await apply()).toEqual([]);
    auth.verdict = () => ({
      status: { code: 0 },
      httpResponse: {
        $case: "okResponse",
        value: {
          headers: [{ header: { key: "x-user", value: "u" }, append: false }],
          headersToRemove: ["x-secret"],
          responseHeadersToAdd: [{ header: { key: "x-seen", value: "yes" } }],
        },
      },
    });
    const headers = { "x-user": "forged", "x-secret": "s", "x-other": "o" };
    const answer = await gateway.request("/path?q=1", { headers });
    expect(auth.asked[0]?.attributes?.request?.http).toMatchObject({
      method: "GET",
      path: "/path?q=1",
      host: "example.com",
      headers: { "x-user": "forged", "x-other": "o" },
    });
    expect(auth.metadata[0]).toHaveProperty(":authority", `127.0.0.1:${auth.port}`);
    expect(answer.echo().headers).toMatchObject({ "x-user": "u", "x-other": "o" });
    expect(answer.echo().headers).not.toHaveProperty("x-secret");
    expect(answer.headers).toHaveProperty("x-seen", "yes");
  });

  it("gives the client its denial", async () => {
    await apply();
    auth.verdict = () => ({
      status: { code: 16 },
      httpResponse: {
        $case: "deniedResponse",
        value: {
          status: { code: 302 },
          headers: [
            { header: { key: "location", value: "https://login.example.com/" } },
            { header: { key: "set-cookie", value: "a=1" } },
            { header: { key: "set-cookie", value: "b=2" } },
          ],
          body: "sign in",
        },
      },
    });
    const answer = await gateway.request("/");
    expect(answer).toMatchObject({ status: 302, body: "sign in" });
    expect(answer.headers).toMatchObject({ location: "https://login.example.com/", "set-cookie": ["a=1", "b=2"] });
    auth.verdict = () => ({ status: { code: 7 } });
    expect((await gateway.request("/")).status).toBe(403);
  });

  // shows: Mapping.auth_context_extensions Mapping.bypass_auth
  it("gets the values of the Mapping, and is not asked where the Mapping bypasses it", async () => {
    const problems = await apply(
      {},
      { prefix: "/plain/" },
      { prefix: "/extended/", auth_context_extensions: { tenant: "a", level: "1" } },
      { prefix: "/open/", bypass_auth: true },
      { prefix: "/said/", bypass_auth: false },
    );
    expect(problems).toEqual([]);
    const extensions = async (path: string) => {
      auth.asked.length = 0;
      expect((await gateway.request(path)).status).toBe(200);
      return auth.asked.map(({ attributes }) => attributes?.contextExtensions);
    };
    expect(await extensions("/plain/")).toEqual([{}]);
    expect(await extensions("/extended/")).toEqual([{ tenant: "a", level: "1" }]);
    expect(await extensions("/open/")).toEqual([]);
    expect(await extensions("/said/")).toEqual([{}]);
    const told = await apply({}, { prefix: "/", bypass_auth: true, auth_context_extensions: { a: "b" } });
    expect(told.map(({ code, path }) => [code, path])).toEqual([["IgnoredField", ["spec", "auth_context_extensions"]]]);
  });

  it("gets the body when it is to, and the service's name by Linkerd's header", async () => {
    await apply({ include_body: { max_bytes: 4, allow_partial: true }, add_linkerd_headers: true });
    await gateway.request("/", { method: "POST", body: "0123456789" });
    expect(auth.asked[0]?.attributes?.request?.http?.body).toBe("0123");
    expect(auth.metadata[0]).toHaveProperty("l5d-dst-override", `127.0.0.1:${auth.port}`);
  });

  it("is told what has no effect with gRPC, and is not used with v2", async () => {
    const found = async (spec: Spec) =>
      (await apply(spec)).map(({ severity, path }) => [severity, ...path.slice(1)].join(" "));
    expect(
      await found({
        path_prefix: "/x",
        allowed_request_headers: ["a"],
        allowed_authorization_headers: ["a"],
        add_auth_headers: { a: "b" },
      }),
    ).toEqual([
      "warning add_auth_headers",
      "warning allowed_authorization_headers",
      "warning allowed_request_headers",
      "warning path_prefix",
    ]);
    expect(await found({ protocol_version: "v2" })).toEqual(["error protocol_version"]);
  });
});
