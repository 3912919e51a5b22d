import { features } from "../../features/index.ts";
import { assertNever } from "../../ir/assert.ts";
import type {
  FeatureSettings,
  PathRedirect,
  RedirectCode,
  Route as IrRoute,
  RouteMatch as IrRouteMatch,
  ValueMatch,
  VirtualHost as IrVirtualHost,
} from "../../ir/types.ts";
import {
  type HeaderMatcher,
  type QueryParameterMatcher,
  type RedirectAction,
  Route,
  type RouteAction,
  type RouteMatch,
  type VirtualHost,
} from "../generated/envoy/config/route/v3/route_components.ts";
import type { StringMatcher } from "../generated/envoy/type/matcher/v3/string.ts";

function stringMatcher(match: Exclude<ValueMatch, { kind: "present" }>): StringMatcher {
  if (match.kind === "exact") return { matchPattern: { $case: "exact", value: match.value } };
  return { matchPattern: { $case: "safeRegex", value: { regex: match.regex } } };
}

function headerMatcher(match: ValueMatch): HeaderMatcher {
  const { name } = match;
  if (match.kind === "present") return { name, headerMatchSpecifier: { $case: "presentMatch", value: true } };
  return { name, headerMatchSpecifier: { $case: "stringMatch", value: stringMatcher(match) } };
}

function queryMatcher(match: ValueMatch): QueryParameterMatcher {
  const { name } = match;
  if (match.kind === "present") return { name, queryParameterMatchSpecifier: { $case: "presentMatch", value: true } };
  return { name, queryParameterMatchSpecifier: { $case: "stringMatch", value: stringMatcher(match) } };
}

function pathSpecifier(path: IrRouteMatch["path"]): RouteMatch["pathSpecifier"] {
  switch (path.kind) {
    case "prefix":
      return { $case: "prefix", value: path.prefix };
    case "exact":
      return { $case: "path", value: path.path };
    case "regex":
      return { $case: "safeRegex", value: { regex: path.regex } };
    default:
      return assertNever(path);
  }
}

function routeMatch(match: IrRouteMatch, belowPercent: number | undefined): RouteMatch {
  return {
    pathSpecifier: pathSpecifier(match.path),
    // Envoy does not regard it for regexes; their source writes (?i) into the regex itself.
    ...(match.caseSensitive || match.path.kind === "regex" ? {} : { caseSensitive: false }),
    ...(match.headers.length === 0 ? {} : { headers: match.headers.map(headerMatcher) }),
    ...(match.queryParameters.length === 0 ? {} : { queryParameters: match.queryParameters.map(queryMatcher) }),
    ...(belowPercent === undefined
      ? {}
      : { runtimeFraction: { defaultValue: { numerator: belowPercent, denominator: 0 } } }),
  };
}

const codes: Readonly<Record<RedirectCode, RedirectAction["responseCode"]>> = {
  301: 0,
  302: 1,
  303: 2,
  307: 3,
  308: 4,
};

function pathRewrite(path: PathRedirect | undefined): RedirectAction["pathRewriteSpecifier"] {
  if (path === undefined) return undefined;
  switch (path.kind) {
    case "path":
      return { $case: "pathRedirect", value: path.path };
    case "prefix":
      return { $case: "prefixRewrite", value: path.prefix };
    case "regex":
      return { $case: "regexRewrite", value: { pattern: { regex: path.pattern }, substitution: path.substitution } };
    default:
      return assertNever(path);
  }
}

function actionOf(route: IrRoute): Route["action"] {
  const { action } = route;
  if (action.kind === "redirect") {
    return {
      $case: "redirect",
      value: {
        responseCode: codes[action.code],
        ...(action.https ? { schemeRewriteSpecifier: { $case: "httpsRedirect", value: true } } : {}),
        ...(action.host === undefined ? {} : { hostRedirect: action.host }),
        pathRewriteSpecifier: pathRewrite(action.path),
      },
    };
  }
  let value: RouteAction = { clusterSpecifier: { $case: "cluster", value: action.cluster } };
  for (const feature of features) {
    const settings = route.features[feature.name];
    if (settings !== undefined && feature.forward !== undefined) value = feature.forward(settings, value);
  }
  return { $case: "route", value };
}

function withFeatures(route: Route, settings: FeatureSettings): Route {
  let result = route;
  for (const feature of features) {
    const own = settings[feature.name];
    if (own !== undefined && feature.route !== undefined) result = feature.route(own, result);
  }
  return result;
}

/** A route as Envoy's message. */
export function routeMessage(route: IrRoute): Route {
  const message: Route = {
    name: route.name,
    match: routeMatch(route.match, route.belowPercent),
    action: actionOf(route),
  };
  return withFeatures(message, route.features);
}

/** A virtual host as Envoy's message, without its routes. */
export function virtualHostMessage({ name, domain, features: own = {} }: IrVirtualHost): VirtualHost {
  let result: VirtualHost = { name, domains: [domain] };
  for (const feature of features) {
    const settings = own[feature.name];
    if (settings !== undefined && feature.virtualHost !== undefined) result = feature.virtualHost(settings, result);
  }
  return result;
}

export function encodeRoute(route: IrRoute): Uint8Array {
  return Route.encode(routeMessage(route)).finish();
}
