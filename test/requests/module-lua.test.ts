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

const apply = (config: Readonly<Record<string, unknown>>) =>
  gateway.apply(moduleOf(config) + mapping("m", { prefix: "/", service: backend.service, rewrite: "" }));

describe("lua_scripts", () => {
  // shows: Module.lua_scripts
  it("run on every request and every answer", async () => {
    const script = `
      function envoy_on_request(handle) handle:headers():add("x-lua", "asked") end
      function envoy_on_response(handle) handle:headers():add("x-lua", "answered") end`;
    expect(await apply({ lua_scripts: script })).toEqual([]);
    const answer = await gateway.request("/");
    expect([answer.echo().headers["x-lua"], answer.headers["x-lua"]]).toEqual(["asked", "answered"]);
    expect(await apply({})).toEqual([]);
    expect((await gateway.request("/")).echo().headers["x-lua"]).toBeUndefined();
  });

  it("that are no Lua are an error that names the line, and the last good ones go on", async () => {
    const good = 'function envoy_on_request(handle) handle:headers():add("x-lua", "good") end';
    expect(await apply({ lua_scripts: good })).toEqual([]);
    const problems = await apply({ lua_scripts: "function envoy_on_request(handle)\n  x = \nend" });
    expect(problems.map(({ severity, path }) => [severity, path.at(-1)])).toEqual([["error", "lua_scripts"]]);
    expect(problems[0]?.message).toContain(":3: unexpected symbol near 'end'");
    expect((await gateway.request("/")).echo().headers["x-lua"]).toBe("good");
  });

  // What cannot be found without running it: an error at the top.
  const refusedByEnvoy = 'error("at the top")';

  it("that Envoy refuses are told at the Module, and its last good version goes on, as a whole", async () => {
    const good = 'function envoy_on_request(handle) handle:headers():add("x-lua", "good") end';
    const lua = async () => (await gateway.request("/")).echo().headers["x-lua"];
    expect(await apply({ lua_scripts: good })).toEqual([]);
    expect(await lua()).toBe("good");
    const [problem, ...more] = await apply({ lua_scripts: refusedByEnvoy, ip_deny: [{ peer: "127.0.0.1" }] });
    expect(more).toEqual([]);
    expect(problem).toMatchObject({ code: "EnvoyRejected", object: { kind: "Module", name: "ambassador" } });
    expect(problem?.path).toEqual(["spec", "config", "lua_scripts"]);
    expect(problem?.message).toContain("at the top");
    expect(await lua()).toBe("good");
    expect(await apply({ lua_scripts: refusedByEnvoy, gzip: {} })).toMatchObject([{ code: "EnvoyRejected" }]);
    expect(await lua()).toBe("good");
    expect(await apply({ ip_deny: [{ peer: "127.0.0.1" }] })).toEqual([]);
    expect((await gateway.request("/")).status).toBe(403);
    expect(await apply({})).toEqual([]);
    expect(await lua()).toBeUndefined();
  });

  it("that Envoy refuses from the start are left out, and requests are served", async () => {
    const fresh = await startGateway();
    try {
      const spec = mapping("m", { prefix: "/", service: backend.service });
      const problems = await fresh.apply(moduleOf({ lua_scripts: refusedByEnvoy }) + spec);
      expect(problems.map(({ code, path }) => [code, path.at(-1)])).toEqual([["EnvoyRejected", "lua_scripts"]]);
      expect((await fresh.request("/")).status).toBe(200);
    } finally {
      await fresh.stop();
    }
  });
});
