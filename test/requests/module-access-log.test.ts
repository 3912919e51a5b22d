import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let directory: string;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-"));
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
  fs.rmSync(directory, { recursive: true, force: true });
});

type Config = Readonly<Record<string, unknown>>;

const apply = (config: Config) =>
  gateway.apply(moduleOf(config) + mapping("m", { prefix: "/", service: backend.service, rewrite: "" }));

let files = 0;

/** The line of one request to /logged, logged by these settings to a file of their own. */
async function lineOf(config: Config): Promise<string> {
  const file = path.join(directory, `${files++}.log`);
  expect(await apply({ envoy_log_path: file, ...config })).toEqual([]);
  await gateway.request("/logged", { headers: { "user-agent": "tester", "x-name": "value" } });
  await eventually("a line in the log", () =>
    Promise.resolve(fs.existsSync(file) && fs.readFileSync(file, "utf8") !== ""),
  );
  return fs.readFileSync(file, "utf8");
}

describe("the access log", () => {
  // shows: Module.envoy_log_path
  it("goes to envoy_log_path, in Emissary's text", async () => {
    expect(await lineOf({})).toMatch(
      /^ACCESS \[\d{4}-[^\]]+Z\] "GET \/logged HTTP\/1\.1" 200 - 0 \d+ \d+ \d+ "[\d.]+" "tester" "[0-9a-f-]{36}" "example\.com" "127\.0\.0\.1:\d+"\n$/,
    );
  });

  // shows: Module.envoy_log_format
  it("has the text of envoy_log_format, one line for each request", async () => {
    expect(await lineOf({ envoy_log_format: "%REQ(X-NAME)% 100%% %RESPONSE_CODE%" })).toBe("value 100% 200\n");
  });

  // shows: Module.envoy_log_type
  it("is JSON with envoy_log_type, Emissary's fields or others", async () => {
    for (const envoy_log_type of ["json", "typed_json"]) {
      expect(JSON.parse(await lineOf({ envoy_log_type }))).toMatchObject({
        method: "GET",
        path: "/logged",
        response_code: 200,
        user_agent: "tester",
        authority: "example.com",
        istio_policy_status: null,
      });
      const envoy_log_format = { code: "%RESPONSE_CODE%", nested: { name: "<%REQ(X-NAME)%>" }, list: ["a", 1, true] };
      expect(JSON.parse(await lineOf({ envoy_log_type, envoy_log_format }))).toEqual({
        code: 200,
        nested: { name: "<value>" },
        list: ["a", 1, true],
      });
    }
  });

  it("goes on as it was where a format cannot be used, and the field is told", async () => {
    const told = async (config: Config) =>
      (await apply(config)).map(({ severity, path, message }) => [severity, path.slice(2), message]);
    expect(await told({ envoy_log_format: { code: "%RESPONSE_CODE%" } })).toEqual([
      ["error", ["envoy_log_format"], "it is a map, and envoy_log_type is text"],
    ]);
    expect(await told({ envoy_log_type: "json", envoy_log_format: "text" })).toEqual([
      ["error", ["envoy_log_format"], "it is a string, and envoy_log_type is json"],
    ]);
    expect(await told({ envoy_log_format: "%NO_SUCH_THING%" })).toEqual([
      ["error", ["envoy_log_format"], '"%NO_SUCH_THING%" in it is not a command of Envoy\'s'],
    ]);
    expect(await told({ envoy_log_type: "json", envoy_log_format: { a: ["%REQ%"] } })).toEqual([
      ["error", ["envoy_log_format", "a", 0], '"%REQ%" in it lacks its argument'],
    ]);
    expect(await told({ envoy_log_path: "access.log" })).toEqual([
      ["error", ["envoy_log_path"], '"access.log" is not the absolute path of a file'],
    ]);
    expect((await gateway.request("/")).status).toBe(200);
  });

  it("goes on where it went when Envoy cannot open the file, and the field is told", async () => {
    const before = path.join(directory, "before.log");
    expect(await apply({ envoy_log_path: before })).toEqual([]);
    const problems = await apply({ envoy_log_path: "/nowhere/access.log" });
    expect(problems.map(({ code, object, path: at }) => [code, object.kind, at])).toEqual([
      ["EnvoyRejected", "Module", ["spec", "config", "envoy_log_path"]],
    ]);
    expect((await gateway.request("/logged")).status).toBe(200);
    await eventually("a line in the log", () => Promise.resolve(fs.readFileSync(before, "utf8").includes("/logged")));
  });
});
