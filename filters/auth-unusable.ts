import { AUTH_UNUSABLE, REFUSE } from "../features/auth.ts";
import { pack } from "../features/proto.ts";
import type { DataSource } from "../xds/generated/envoy/config/core/v3/base.ts";
import { Lua } from "../xds/generated/envoy/extensions/filters/http/lua/v3/lua.ts";
import type { Filter } from "./filter.ts";

export interface AuthUnusableSettings {
  /** Which objects have to be corrected, for the answer. */
  readonly objects: readonly string[];
}

/** Names of objects have no other signs; what has is not put into a script. */
function harmless(text: string): string {
  return text.replace(/[^A-Za-z0-9 ./_-]/g, "");
}

/** Answers everything with 500 and a JSON that says why. The error's body is Emissary's. */
function script(objects: readonly string[]): DataSource {
  const message = `there is no usable AuthService, see what is wrong with ${objects.map(harmless).join(", ")}`;
  const value = `
function envoy_on_request(request)
  local id = request:headers():get("x-request-id") or ""
  id = id:gsub("[^%w-]", "")
  request:respond(
    {[":status"] = "500", ["content-type"] = "application/json"},
    '{"message": "${message}", "request_id": "' .. id .. '", "status_code": 500}\\n')
end
`;
  return { specifier: { $case: "inlineString", value } };
}

/** Stands in for the authorization while its only services are unusable: what it protects is refused, never let through. */
export const authUnusable: Filter<AuthUnusableSettings> = {
  name: AUTH_UNUSABLE,

  toFilter({ objects }) {
    const refuse = script(objects);
    return pack(Lua, { defaultSourceCode: refuse, sourceCodes: { [REFUSE]: refuse } });
  },
};
