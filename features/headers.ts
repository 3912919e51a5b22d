import type { z } from "zod";
import type { PathStep } from "../ir/problem.ts";
import type { HeaderValueOption } from "../xds/generated/envoy/config/core/v3/base.ts";
import { type Feature, type FeatureContext, type FieldProblem, ignored, nothing } from "./feature.ts";
import { addedHeaders, flag, texts } from "./fields.ts";
import { headerNameProblems, headerValueProblems } from "./header-value.ts";

export const headersFields = {
  add_request_headers: addedHeaders(
    "Headers added to the request sent upstream, by name. An empty map switches the Module's off. Default: the Module's defaults.",
  ),
  add_response_headers: addedHeaders(
    "Headers added to the response, by name. An empty map switches the Module's off. Default: the Module's defaults.",
  ),
  remove_request_headers: texts(
    "Names of headers removed from the request sent upstream. Default: the Module's defaults.",
  ),
  remove_response_headers: texts("Names of headers removed from the response. Default: the Module's defaults."),
  add_linkerd_headers: flag(
    "Adds the request header l5d-dst-override with the upstream's host and port, for Linkerd. Default: the Module's add_linkerd_headers.",
  ),
};

type Spec = z.output<z.ZodObject<typeof headersFields>>;
type AddField = "add_request_headers" | "add_response_headers";
type RemoveField = "remove_request_headers" | "remove_response_headers";

export interface AddedHeader {
  readonly name: string;
  readonly value: string;
  /** A value that is there already is kept beside it; otherwise it is replaced. */
  readonly append: boolean;
}

export interface HeadersSettings {
  readonly addToRequest: readonly AddedHeader[];
  readonly removeFromRequest: readonly string[];
  readonly addToResponse: readonly AddedHeader[];
  readonly removeFromResponse: readonly string[];
}

/** The Mapping's own value, else `defaults.httpmapping.*`, else `defaults.*` of the Module; and where it stands. */
function valueOf<Field extends AddField | RemoveField>(field: Field, spec: Spec, { defaults }: FeatureContext) {
  const own = spec[field];
  if (own !== undefined) return { value: own, path: [field] };
  const ofMappings = defaults.defaults?.httpmapping?.[field];
  if (ofMappings !== undefined) return { value: ofMappings, path: ["defaults", "httpmapping", field] };
  return { value: defaults.defaults?.[field], path: ["defaults", field] };
}

function added(field: AddField, spec: Spec, context: FeatureContext, problems: FieldProblem[]): AddedHeader[] {
  const { value: map, path } = valueOf(field, spec, context);
  const headers: AddedHeader[] = [];
  for (const [name, { value = "", append = true }] of Object.entries(map ?? {})) {
    const at: PathStep[] = [...path, name];
    problems.push(...headerNameProblems(name, at), ...headerValueProblems(value, [...at, "value"]));
    // Envoy drops headers that are empty from the start, and Emissary does not ask it to keep them.
    if (value === "") problems.push(ignored(at, "its value is empty, so that no header is added", "write a value"));
    else headers.push({ name, value, append });
  }
  return headers;
}

function removed(field: RemoveField, spec: Spec, context: FeatureContext, problems: FieldProblem[]): readonly string[] {
  const { value: names = [], path } = valueOf(field, spec, context);
  names.forEach((name, index) => problems.push(...headerNameProblems(name, [...path, index])));
  return names;
}

/** Linkerd must see this service, whatever the client sent, so the header is replaced. */
function linkerdHeader(spec: Spec, { defaults, upstream }: FeatureContext): AddedHeader[] {
  if ((spec.add_linkerd_headers ?? defaults.add_linkerd_headers) !== true || upstream === undefined) return [];
  const host = upstream.host.includes(":") ? `[${upstream.host}]` : upstream.host;
  return [{ name: "l5d-dst-override", value: `${host}:${upstream.port}`, append: false }];
}

const APPEND_IF_EXISTS_OR_ADD = 0;
const OVERWRITE_IF_EXISTS_OR_ADD = 2;

export function headerValueOption({ name, value, append }: AddedHeader): HeaderValueOption {
  const appendAction = append ? APPEND_IF_EXISTS_OR_ADD : OVERWRITE_IF_EXISTS_OR_ADD;
  return { header: { key: name, value }, appendAction };
}

export const headers: Feature<typeof headersFields, HeadersSettings> = {
  name: "headers",
  fields: headersFields,
  ofGroup: { merge: ["add_request_headers", "add_response_headers"] },

  fromMapping(spec, context) {
    const problems: FieldProblem[] = [];
    const value: HeadersSettings = {
      addToRequest: [...added("add_request_headers", spec, context, problems), ...linkerdHeader(spec, context)],
      removeFromRequest: removed("remove_request_headers", spec, context, problems),
      addToResponse: added("add_response_headers", spec, context, problems),
      removeFromResponse: removed("remove_response_headers", spec, context, problems),
    };
    const isEmpty = Object.values(value).every((list: readonly unknown[]) => list.length === 0);
    return isEmpty || problems.some(({ severity }) => severity === "error")
      ? { ...nothing, problems }
      : { value, problems };
  },

  route: ({ addToRequest, removeFromRequest, addToResponse, removeFromResponse }, route) => ({
    ...route,
    ...(addToRequest.length === 0 ? {} : { requestHeadersToAdd: addToRequest.map(headerValueOption) }),
    ...(removeFromRequest.length === 0 ? {} : { requestHeadersToRemove: [...removeFromRequest] }),
    ...(addToResponse.length === 0 ? {} : { responseHeadersToAdd: addToResponse.map(headerValueOption) }),
    ...(removeFromResponse.length === 0 ? {} : { responseHeadersToRemove: [...removeFromResponse] }),
  }),
};
