import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const apply = (spec: object) =>
  gateway.apply(mapping("m", { prefix: "/old/", service: "example.org", host_redirect: true, ...spec }));

async function location(path: string): Promise<readonly [number, string | undefined]> {
  const { status, headers } = await gateway.request(path, { host: "a.example.com" });
  return [status, headers.location];
}

describe("redirects", () => {
  // shows: Mapping.host_redirect
  it("redirect to service as a host, path and query kept", async () => {
    expect(await apply({})).toEqual([]);
    expect(await location("/old/x?y=z")).toEqual([301, "http://example.org/old/x?y=z"]);
    expect((await location("/other"))[0]).toBe(404);
    expect(await apply({ service: "example.org:8443" })).toEqual([]);
    expect(await location("/old/")).toEqual([301, "http://example.org:8443/old/"]);
    expect(await apply({ service: "https://example.org/" })).toEqual([]);
    expect(await location("/old/")).toEqual([301, "https://example.org/old/"]);
  });

  // shows: Mapping.redirect_response_code
  it.each([301, 302, 303, 307, 308])("answer %i where it is asked for", async (code) => {
    expect(await apply({ redirect_response_code: code })).toEqual([]);
    expect(await location("/old/")).toEqual([code, "http://example.org/old/"]);
  });

  // shows: Mapping.path_redirect
  it("replace the whole path by path_redirect", async () => {
    expect(await apply({ path_redirect: "/new" })).toEqual([]);
    expect(await location("/old/x?y=z")).toEqual([301, "http://example.org/new?y=z"]);
  });

  // shows: Mapping.prefix_redirect
  it("replace the matched prefix by prefix_redirect", async () => {
    expect(await apply({ prefix_redirect: "/new/" })).toEqual([]);
    expect(await location("/old/x?y=z")).toEqual([301, "http://example.org/new/x?y=z"]);
  });

  // shows: Mapping.regex_redirect
  it("rewrite the path by regex_redirect", async () => {
    const regex_redirect = { pattern: "/old/([^/]+)/(.*)", substitution: "/\\2/of/\\1" };
    expect(await apply({ regex_redirect })).toEqual([]);
    expect(await location("/old/ann/mail?y=z")).toEqual([301, "http://example.org/mail/of/ann?y=z"]);
  });

  it("take the plainest of several paths, and say which are left out", async () => {
    const regex_redirect = { pattern: "x", substitution: "y" };
    const problems = await apply({ path_redirect: "/new", prefix_redirect: "/p/", regex_redirect });
    expect(problems.map(({ severity, path }) => [severity, path])).toEqual([
      ["warning", ["spec", "prefix_redirect"]],
      ["warning", ["spec", "regex_redirect"]],
    ]);
    expect((await location("/old/"))[1]).toBe("http://example.org/new");
  });

  it("do not mix with Mappings that forward the same requests: the first one counts", async () => {
    const forward = mapping("a", { prefix: "/old/", service: backend.service });
    const problems = await gateway.apply(
      forward + mapping("b", { prefix: "/old/", service: "example.org", host_redirect: true }),
    );
    expect(problems.map(({ code, object, path }) => [code, object.name, path])).toEqual([
      ["GroupConflict", "b", ["spec", "host_redirect"]],
    ]);
    for (let i = 0; i < 10; i++) expect((await gateway.request("/old/")).status).toBe(200);
  });

  it("refuse what a Location cannot hold", async () => {
    const problems = await apply({ service: "example.org/path", path_redirect: "/a\n/b" });
    expect(problems.map(({ path, message }) => [path.slice(1), message])).toEqual([
      [["path_redirect"], '"/a\\n/b" has a line break'],
      [["service"], '"example.org/path" has a path, and a redirect takes the host from it alone'],
    ]);
    const withoutHost = await gateway.apply(
      mapping("m", { prefix: "/", service: backend.service, path_redirect: "/x" }),
    );
    expect(withoutHost.map(({ code, message }) => [code, message])).toEqual([
      ["IgnoredField", "redirects only together with host_redirect"],
    ]);
  });
});
