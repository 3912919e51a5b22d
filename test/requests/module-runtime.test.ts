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

type Config = Readonly<Record<string, unknown>>;

const apply = (config: Config) =>
  gateway.apply(moduleOf(config) + mapping("m", { prefix: "/", service: backend.service }));

interface Runtime {
  readonly entries: Readonly<Record<string, { readonly final_value: string }>>;
}

async function flag(name: string): Promise<string | undefined> {
  const { body } = await gateway.envoy.admin("/runtime?format=json");
  return (JSON.parse(body) as Runtime).entries[name]?.final_value;
}

describe("runtime_flags", () => {
  // shows: Module.runtime_flags
  it("are set, changed and taken back while Envoy runs", async () => {
    const streams = "overload.premature_reset_total_stream_count";
    const goaway = "envoy.restart_features.send_goaway_for_premature_rst_streams";
    const before = await flag(streams);
    expect(await apply({ runtime_flags: { [streams]: 7, [goaway]: false } })).toEqual([]);
    expect([await flag(streams), await flag(goaway)]).toEqual(["7", "false"]);
    expect(await apply({ runtime_flags: { [streams]: 8, "http.max_requests_per_io_cycle": 3 } })).toEqual([]);
    expect([await flag(streams), await flag("http.max_requests_per_io_cycle")]).toEqual(["8", "3"]);
    expect(await apply({})).toEqual([]);
    expect(await flag(streams)).toBe(before);
    expect((await gateway.request("/")).status).toBe(200);
  });

  it("are those that Emissary knows, with values that they can have", async () => {
    const problems = await apply({
      runtime_flags: {
        "re2.max_program_size.error_level": 1,
        "http.max_requests_per_io_cycle": 0,
        "envoy.restart_features.send_goaway_for_premature_rst_streams": 1,
      },
    });
    expect(problems.map(({ severity, path, message }) => [severity, path.slice(3), message])).toEqual([
      ["error", ["envoy.restart_features.send_goaway_for_premature_rst_streams"], "1 is not a boolean"],
      ["error", ["http.max_requests_per_io_cycle"], "0 is not a whole number from 1 on"],
      ["warning", ["re2.max_program_size.error_level"], "this key of Envoy's runtime cannot be set"],
    ]);
    // That of the bootstrap stays.
    expect(Number(await flag("re2.max_program_size.error_level"))).toBeGreaterThan(4e9);
  });
});

describe("regex_max_size", () => {
  const regex = "/(a|bb|ccc|dddd|eeeee){1,20}/";

  // shows: Module.regex_max_size
  it("limits the regular expressions of Mappings, and is told at the Mapping", async () => {
    const applied = (config: Config) =>
      gateway.apply(moduleOf(config) + mapping("m", { prefix: regex, prefix_regex: true, service: backend.service }));
    expect(await applied({})).toEqual([]);
    expect((await gateway.request("/abbccc/")).status).toBe(200);
    const problems = await applied({ regex_max_size: 200 });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ code: "InvalidRegex", severity: "error", object: { kind: "Mapping" } });
    expect(problems[0]?.message).toMatch(/too large: \d+ instructions of at most 200/);
    expect(problems[0]?.advice).toBe("make it smaller, or raise the Module's regex_max_size, to 1000 at most");
    const above = await applied({ regex_max_size: 5000 });
    expect(above.map(({ code, path }) => [code, path])).toEqual([
      ["IgnoredField", ["spec", "config", "regex_max_size"]],
    ]);
  });
});
