import type { MappingSpec } from "../../crds/mapping.ts";
import {
  type FeatureResult,
  type FieldProblem,
  ignored,
  invalid,
  nothing,
  oneLineProblems,
  regexProblems,
} from "../../features/feature.ts";
import type { PathRedirect, RouteAction } from "../../ir/types.ts";

type Redirect = Extract<RouteAction, { kind: "redirect" }>;

/** `host_redirect` makes the route a redirect to `service` as a host; the other fields shape its Location. A shadow has no route. */
export function redirectOf(spec: MappingSpec, regexMaxSize: number | undefined): FeatureResult<Redirect> {
  const { path_redirect: path, prefix_redirect: prefix, regex_redirect: regex } = spec;
  if (spec.host_redirect === true && spec.shadow === true) {
    const message = "shadow is true too and wins: a shadow's answers reach nobody";
    return { value: undefined, problems: [ignored(["host_redirect"], message, "leave one of the two out")] };
  }
  if (spec.host_redirect !== true) {
    const named = (["path_redirect", "prefix_redirect", "regex_redirect"] as const).filter(
      (field) => spec[field] !== undefined,
    );
    if (named.length === 0) return nothing;
    const problems = named.map((field) =>
      ignored([field], "redirects only together with host_redirect", "add host_redirect: true, or remove it"),
    );
    return { value: undefined, problems };
  }
  const problems: FieldProblem[] = [];
  const rival = (field: string, winner: string) =>
    problems.push(ignored([field], `${winner} is set too and wins`, `leave one of ${field} and ${winner} out`));
  let chosen: PathRedirect | undefined;
  if (path !== undefined) {
    chosen = { kind: "path", path };
    if (prefix !== undefined) rival("prefix_redirect", "path_redirect");
    if (regex !== undefined) rival("regex_redirect", "path_redirect");
  } else if (prefix !== undefined) {
    chosen = { kind: "prefix", prefix };
    if (regex !== undefined) rival("regex_redirect", "prefix_redirect");
  } else if (regex !== undefined) {
    const { pattern = "", substitution = "" } = regex;
    chosen = { kind: "regex", pattern, substitution };
    problems.push(...regexProblems(pattern, ["regex_redirect", "pattern"], regexMaxSize));
    problems.push(...oneLineProblems(substitution, ["regex_redirect", "substitution"]));
  }
  problems.push(...oneLineProblems(path, ["path_redirect"]), ...oneLineProblems(prefix, ["prefix_redirect"]));
  const { host, https } = locationHost(spec.service, problems);
  const value: Redirect = { kind: "redirect", code: spec.redirect_response_code ?? 301, host, https, path: chosen };
  return { value, problems };
}

/** Host and port of the Location. Emissary writes a scheme in `service` into it as if it were part of the host. */
function locationHost(service: string, problems: FieldProblem[]): { host: string; https: boolean } {
  problems.push(...oneLineProblems(service, ["service"]));
  const [, scheme = "", rest = service] = /^(https?):\/\/(.*)$/i.exec(service) ?? [];
  const host = rest.replace(/\/$/, "");
  if (host.includes("/")) {
    const message = `${JSON.stringify(service)} has a path, and a redirect takes the host from it alone`;
    problems.push(invalid(["service"], message, "write the path as path_redirect, prefix_redirect or regex_redirect"));
  }
  if (scheme.toLowerCase() === "http") {
    const message = "http:// is left out: a redirect keeps the scheme of the request";
    problems.push(ignored(["service"], message, `write ${JSON.stringify(host)}, or https:// before it`));
  }
  return { host, https: scheme.toLowerCase() === "https" };
}
