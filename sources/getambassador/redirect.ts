import type { MappingSpec } from "../../crds/mapping.ts";
import {
  type FeatureResult,
  type FieldProblem,
  ignored,
  nothing,
  oneLineProblems,
  regexProblems,
} from "../../features/feature.ts";
import type { PathRedirect, RouteAction } from "../../ir/types.ts";

type Redirect = Extract<RouteAction, { kind: "redirect" }>;

/** `host_redirect` makes the route a redirect to `service` as a host; the other fields shape its Location. A shadow has no route. */
export function redirectOf(spec: MappingSpec): FeatureResult<Redirect> {
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
    problems.push(...regexProblems(pattern, ["regex_redirect", "pattern"]));
    problems.push(...oneLineProblems(substitution, ["regex_redirect", "substitution"]));
  }
  problems.push(...oneLineProblems(path, ["path_redirect"]), ...oneLineProblems(prefix, ["prefix_redirect"]));
  problems.push(...oneLineProblems(spec.service, ["service"]));
  const value: Redirect = {
    kind: "redirect",
    code: spec.redirect_response_code ?? 301,
    host: spec.service,
    https: false,
    path: chosen,
  };
  return { value, problems };
}
