import { pack } from "./proto.ts";
import type { FeatureSettings } from "../ir/types.ts";
import { ExtAuthzPerRoute } from "../xds/generated/envoy/extensions/filters/http/ext_authz/v3/ext_authz.ts";
import { LuaPerRoute } from "../xds/generated/envoy/extensions/filters/http/lua/v3/lua.ts";
import type { Route } from "../xds/generated/envoy/config/route/v3/route_components.ts";
import { type Feature, ignored, nothing, settings } from "./feature.ts";
import { flag, textMap } from "./fields.ts";

/** The filter that asks the authorization service. */
export const EXT_AUTHZ = "envoy.filters.http.ext_authz";
/** The filter that stands in for it while no AuthService can be used: it refuses what would be asked for. */
export const AUTH_UNUSABLE = "nuncio.auth-unusable";
/** Its script, by which a route asks for it that stands among bypassing ones. */
export const REFUSE = "refuse";

export const authFields = {
  bypass_auth: flag("Whether requests skip the external authorization service. Default: false."),
  auth_context_extensions: textMap(
    "Values given to the external authorization service with each request, by name; gRPC services get them as context_extensions.",
  ),
};

export type AuthSettings =
  /** The authorization service is not asked. */
  | { readonly kind: "bypass" }
  /** It is, whatever the virtual host says. */
  | { readonly kind: "ask"; readonly extensions: Readonly<Record<string, string>> };

const bypass: AuthSettings = { kind: "bypass" };

/** Of routes that answer themselves: a redirect gives nothing away, and its target asks. */
export const bypassingAuth: FeatureSettings = { auth: bypass };

/** Of a route that forwards among bypassing ones, unless its Mapping says otherwise. */
export const askingAuth: FeatureSettings = { auth: { kind: "ask", extensions: {} } satisfies AuthSettings };

type PerFilter = NonNullable<Route["typedPerFilterConfig"]>;

const bypassConfig: PerFilter = {
  [EXT_AUTHZ]: pack(ExtAuthzPerRoute, { override: { $case: "disabled", value: true } }),
  [AUTH_UNUSABLE]: pack(LuaPerRoute, { override: { $case: "disabled", value: true } }),
};

/** Written whether or not there is an AuthService: Envoy passes over the settings of a filter that is not there, and so it
 *  does not matter whether routes or filters arrive first. */
function perFilter(auth: AuthSettings): PerFilter {
  if (auth.kind === "bypass") return bypassConfig;
  return {
    [EXT_AUTHZ]: pack(ExtAuthzPerRoute, {
      override: { $case: "checkSettings", value: { contextExtensions: { ...auth.extensions } } },
    }),
    [AUTH_UNUSABLE]: pack(LuaPerRoute, { override: { $case: "name", value: REFUSE } }),
  };
}

export const auth: Feature<typeof authFields, AuthSettings> = {
  name: "auth",
  fields: authFields,

  fromMapping({ bypass_auth: isBypassed, auth_context_extensions: extensions = {} }, { upstream }) {
    const hasExtensions = Object.keys(extensions).length > 0;
    // Without an upstream it is a redirect, or is not used.
    if (isBypassed !== true && upstream !== undefined)
      return hasExtensions ? settings<AuthSettings>({ kind: "ask", extensions }) : nothing;
    const why = isBypassed === true ? "bypass_auth is true" : "a redirect does not ask it";
    const message = `the authorization service is not asked: ${why}`;
    const problems = hasExtensions ? [ignored(["auth_context_extensions"], message, "leave it out")] : [];
    return { value: bypass, problems };
  },

  route: (auth, route) => ({
    ...route,
    typedPerFilterConfig: { ...route.typedPerFilterConfig, ...perFilter(auth) },
  }),

  virtualHost: (auth, virtualHost) => ({
    ...virtualHost,
    typedPerFilterConfig: { ...virtualHost.typedPerFilterConfig, ...perFilter(auth) },
  }),
};
