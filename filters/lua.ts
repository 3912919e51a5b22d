import { asked, nothing } from "../features/feature.ts";
import { text } from "../features/fields.ts";
import { pack } from "../features/proto.ts";
import { Lua } from "../xds/generated/envoy/extensions/filters/http/lua/v3/lua.ts";
import type { ModuleFilter } from "./filter.ts";

export const luaFields = {
  lua_scripts: text("Lua that runs on every request, with the functions envoy_on_request and envoy_on_response."),
};

const NAME = "envoy.filters.http.lua";

const toFilter = (script: string) =>
  pack(Lua, { defaultSourceCode: { specifier: { $case: "inlineString", value: script } } });

export const lua: ModuleFilter<typeof luaFields, string> = {
  name: NAME,
  alone: true,
  fields: luaFields,
  fromModule({ lua_scripts: script = "" }) {
    if (script.trim() === "") return nothing;
    const { typeUrl = "", value: message = new Uint8Array() } = toFilter(script);
    const content = { kind: "filter", name: NAME, typeUrl, message } as const;
    const advice = "correct it; Envoy runs it once to see whether it is Lua, and what stands at its top with it";
    return { value: script, problems: [asked(content, ["lua_scripts"], "the script", advice)] };
  },
  toFilter,
};
