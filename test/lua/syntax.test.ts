import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { luaProblem } from "../../ir/lua/problem.ts";
import { ENVOY_BINARY } from "../support/envoy.ts";

/** Scripts that LuaJIT takes. They are compiled by Envoy too, so that none of them is wrong here. */
const good = [
  "",
  "-- nothing",
  "--[[ long\ncomment ]] --[==[ ]] ]==]",
  "function envoy_on_request(handle)\n  handle:headers():add('a', \"b\")\nend",
  "local function f(a, b, ...) local c, d = ... return a, b, c end",
  "local t = { 1, 2; 3, a = 1, ['b'] = 2, [f] = { g() }, function() end, }",
  "for i = 1, 10 do if i == 5 then break end end",
  "for i = 10, 1, -1 do local x = i end",
  "for k, v in pairs({}) do while false do repeat local a until a end end",
  "if a then elseif b then else end",
  "local a = not -#b .. 'c' .. \"d\" == 1 and 2 or 3 ~= 4 ^ 5 % 6 / 7 * 8 <= 9 >= 10 < 11",
  "local s = [[\nlong\nstring]] .. [=[ ]] ]=]",
  "local s = 'a\\n\\t\\\\\\'\\065\\x41\\z   b\\\n'",
  "local n = 0x1F + 1e10 + 1.5E-3 + .5 + 3. + 0x.8p1 + 10LL + 0xffULL + 2i",
  "a.b.c[1]['d'].e = f:g(1)(2){3}'4'[[5]].h",
  "a, b.c, d[1] = 1, 2",
  "f 'x' ; g {} ; (h)(1) ; ('x'):rep(2)",
  "goto done\nlocal x = 1\n::done::",
  "goto goto_\n::goto_::",
  "while true do goto continue ::continue:: end",
  "do return end",
  "return 1, 2;",
  "local function v(...) return select('#', ...), {...} end",
  "local x = ...",
  "local \u00e4 = 1",
  "function a.b.c:d() return self end",
  "local a = b and function() return end or nil",
  "local x = ((((1))))",
  "print(('%d'):format(1))",
  "local t = {f = function(...) return ... end}",
];

const bad: readonly (readonly [script: string, line: number, message: RegExp])[] = [
  ["function envoy_on_request(handle)\n  x = 1", 2, /"end" expected to close "function" of line 1 near the end/],
  ["if a then\n  b()\nelse if c then\nend", 4, /"end" expected to close "if" of line 1/],
  ["local x = ", 1, /unexpected near the end/],
  ["x == 1", 1, /a call or an assignment expected near "=="/],
  ["x", 1, /a call or an assignment expected/],
  ["local 1 = 2", 1, /a name expected near "1"/],
  ["f(1", 1, /"\)" expected/],
  ["f() = 1", 1, /cannot be assigned to/],
  ["(a) = 1", 1, /cannot be assigned to/],
  ["for i = 1 do end", 1, /"," expected near "do"/],
  ["for i do end", 1, /"=" or "in" expected/],
  ["while true do", 1, /"end" expected/],
  ["repeat x()", 1, /"until" expected/],
  ["local s = 'abc", 1, /unfinished string/],
  ["local s = 'a\nb'", 1, /unfinished string/],
  ["local s = [[abc", 1, /unfinished string/],
  ["--[[ abc", 1, /unfinished comment/],
  ["local s = '\\q'", 1, /invalid escape/],
  ["local s = '\\300'", 1, /invalid escape/],
  ["local n = 3x", 1, /malformed number near "3x"/],
  ["local n = 0x", 1, /malformed number/],
  ["local n = 1..2", 1, /malformed number/],
  ["if x != 1 then end", 1, /unexpected "!"/],
  ["x += 1", 1, /a call or an assignment expected/],
  ["local t = { 1, 2", 1, /"}" expected/],
  ["end", 1, /unexpected near "end"/],
  ["return 1 x()", 1, /unexpected near "x"/],
  ["function f() return ... end", 1, /no further arguments/],
  ["break", 1, /no loop to leave/],
  ["function () end", 1, /a name expected/],
  ["local function f(a,) end", 1, /a name expected/],
  ["local a = 1 2", 1, /a call or an assignment expected|unexpected/],
  ["a:b", 1, /arguments expected/],
  ["a.1 = 2", 1, /./],
  ["then", 1, /unexpected near "then"/],
  ["local and = 1", 1, /a name expected near "and"/],
  ["x = @", 1, /unexpected "@"/],
  ["f(a b)", 1, /"\)" expected near "b"/],
];

/** Whether Envoy takes a script. Nothing is listened to: it only validates, and of the script only its first line runs. */
async function takenByEnvoy(script: string, directory: string, index: number): Promise<boolean> {
  const typed = (name: string, more: object) => ({
    "@type": `type.googleapis.com/envoy.extensions.filters.${name}`,
    ...more,
  });
  const manager = typed("network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "x",
    route_config: {},
    http_filters: [
      {
        name: "lua",
        typed_config: typed("http.lua.v3.Lua", { default_source_code: { inline_string: `do return end\n${script}` } }),
      },
      { name: "router", typed_config: typed("http.router.v3.Router", {}) },
    ],
  });
  const listener = {
    address: { socket_address: { address: "127.0.0.1", port_value: 0 } },
    filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }],
  };
  const file = path.join(directory, `${index}.json`);
  fs.writeFileSync(file, JSON.stringify({ static_resources: { listeners: [listener] } }));
  const child = spawn(ENVOY_BINARY, ["--mode", "validate", "-c", file, "-l", "off"], { stdio: "ignore" });
  return (await new Promise<number | null>((done) => child.once("exit", (code) => done(code)))) === 0;
}

describe("Lua", () => {
  it("is taken where it is Lua", () => {
    expect(good.map((script) => [script, luaProblem(script)]).filter(([, problem]) => problem !== undefined)).toEqual(
      [],
    );
  });

  it.each(bad)("%j is told by line", (script, line, message) => {
    expect(luaProblem(script)).toEqual({ line, message: expect.stringMatching(message) });
  });

  it("is judged as Envoy judges it", async () => {
    const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-lua-"));
    try {
      const scripts = [...good.filter((script) => script !== ""), ...bad.map(([script]) => script)];
      const differ: string[] = [];
      const queue = [...scripts.entries()];
      const worker = async () => {
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const [index, script] = next;
          if ((await takenByEnvoy(script, directory, index)) !== (luaProblem(script) === undefined))
            differ.push(script);
        }
      };
      await Promise.all([worker(), worker(), worker()]);
      expect(differ).toEqual([]);
    } finally {
      fs.rmSync(directory, { recursive: true, force: true });
    }
  });

  it("may be nested as deep as it likes: that is left to Envoy", () => {
    expect(luaProblem(`x = ${"(".repeat(100_000)}1${")".repeat(100_000)}`)).toBeUndefined();
    expect(luaProblem(`x = ${"{".repeat(100_000)}`)).toBeUndefined();
  });
});
