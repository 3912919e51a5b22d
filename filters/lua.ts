import { nothing, settings } from "../features/feature.ts";
import { text } from "../features/fields.ts";
import { pack } from "../features/proto.ts";
import { Lua } from "../xds/generated/envoy/extensions/filters/http/lua/v3/lua.ts";
import type { ModuleFilter } from "./filter.ts";

export const luaFields = {
  lua_scripts: text("Lua that runs on every request, with the functions envoy_on_request and envoy_on_response."),
};

export const lua: ModuleFilter<typeof luaFields, string> = {
  name: "envoy.filters.http.lua",
  alone: true,
  fields: luaFields,
  // Only Envoy can say whether it runs: what it refuses leaves the last good script, and is told at the key.
  fromModule: ({ lua_scripts: script = "" }) => (script.trim() === "" ? nothing : settings(script)),
  toFilter: (script) => pack(Lua, { defaultSourceCode: { specifier: { $case: "inlineString", value: script } } }),
};
