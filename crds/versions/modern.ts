/**
 * Deprecated spellings of v3alpha1, in today's words. Only what means the same is rewritten, and what was rewritten stays as it is:
 * to do it twice changes nothing more.
 */
import { type Fields, has, isFields, mapValues, renamed, withField, without } from "./json.ts";
import { eachLabel } from "./step.ts";

export interface Modern {
  readonly spec: Fields;
  /** What was rewritten, for people: `host -> hostname`. */
  readonly changes: readonly string[];
}

type Rewrite = (spec: Fields, changed: (what: string) => void) => Fields;

/** A `host` that is an exact name. One with a `*` is an error, and a pattern would take more requests; a regex has no other form. */
const host: Rewrite = (spec, changed) => {
  const { host: name, host_regex: isRegex = false, hostname } = spec;
  if (typeof name !== "string" || typeof isRegex !== "boolean") return spec;
  if (typeof hostname === "string") {
    changed("host removed, beside hostname it is ignored");
    return without(spec, "host", "host_regex");
  }
  if (isRegex || hostname !== undefined || name === "" || name.includes("*")) return spec;
  changed("host -> hostname");
  return renamed(without(spec, "host_regex"), "host", "hostname");
};

const websocket: Rewrite = (spec, changed) => {
  const { use_websocket: isUsed, allow_upgrade: allowed = [] } = spec;
  if (typeof isUsed !== "boolean" || !Array.isArray(allowed)) return spec;
  changed(isUsed ? "use_websocket -> allow_upgrade" : "use_websocket: false removed");
  const has = allowed.some((name) => typeof name === "string" && name.toLowerCase() === "websocket");
  if (!isUsed || has) return without(spec, "use_websocket");
  if (spec["allow_upgrade"] === undefined) {
    return withField(renamed(spec, "use_websocket", "allow_upgrade"), "allow_upgrade", ["websocket"]);
  }
  return withField(without(spec, "use_websocket"), "allow_upgrade", [...allowed, "websocket"]);
};

const selector: Rewrite = (spec, changed) => {
  if (!isFields(spec["selector"])) return spec;
  if (isFields(spec["mappingSelector"])) {
    changed("selector removed, beside mappingSelector it is ignored");
    return without(spec, "selector");
  }
  if (spec["mappingSelector"] !== undefined) return spec;
  changed("selector -> mappingSelector");
  return renamed(spec, "selector", "mappingSelector");
};

const tagHeaders: Rewrite = (spec, changed) => {
  const { tag_headers: headers, custom_tags: tags } = spec;
  if (!Array.isArray(headers) || !headers.every((name) => typeof name === "string")) return spec;
  if (tags !== undefined) {
    if (!Array.isArray(tags)) return spec;
    changed("tag_headers removed, beside custom_tags it is ignored");
    return without(spec, "tag_headers");
  }
  changed("tag_headers -> custom_tags");
  const custom = headers.map((name) => ({ tag: name, request_header: { name } }));
  return withField(renamed(spec, "tag_headers", "custom_tags"), "custom_tags", custom);
};

/** Source: Emissary irauth.py: it stands for the first 4096 bytes of the body, and include_body wins over it. */
const requestBody: Rewrite = (spec, changed) => {
  const { allow_request_body: isAllowed, include_body: body } = spec;
  if (typeof isAllowed !== "boolean") return spec;
  if (isAllowed && body === undefined) {
    changed("allow_request_body -> include_body");
    const partial = { max_bytes: 4096, allow_partial: true };
    return withField(renamed(spec, "allow_request_body", "include_body"), "include_body", partial);
  }
  changed(
    isAllowed ? "allow_request_body removed, beside include_body it is ignored" : "allow_request_body: false removed",
  );
  return without(spec, "allow_request_body");
};

const rewrites: Readonly<Record<string, readonly Rewrite[]>> = {
  Mapping: [host, websocket],
  Host: [selector],
  TracingService: [tagHeaders],
  AuthService: [requestBody],
};

/** Kinds that have deprecated spellings. */
export const rewrittenKinds: readonly string[] = Object.keys(rewrites);

export function modernSpec(kind: string, spec: Fields): Modern {
  const changes: string[] = [];
  const list = has(rewrites, kind) ? (rewrites[kind] ?? []) : [];
  return { spec: list.reduce((now, rewrite) => rewrite(now, (what) => changes.push(what)), spec), changes };
}

/** Without what only a conversion back to v2 would need; for manifests that leave v2 behind. */
export function withoutV2(spec: Fields): Fields {
  const bare = without(spec, "v2ExplicitTLS", "v2BoolHeaders", "v2BoolQueryParameters");
  const cors = bare["cors"];
  const steps: [string, unknown][] = [
    ["cors", isFields(cors) ? without(cors, "v2CommaSeparatedOrigins") : cors],
    ["labels", eachLabel(bare["labels"], plainLabel)],
    ["add_request_headers", plainHeaders(bare["add_request_headers"])],
    ["add_response_headers", plainHeaders(bare["add_response_headers"])],
  ];
  return steps.reduce((now, [name, value]) => (has(bare, name) ? withField(now, name, value) : now), bare);
}

function plainLabel(label: unknown): unknown {
  const generic = isFields(label) ? label["generic_key"] : undefined;
  return isFields(label) && isFields(generic)
    ? withField(label, "generic_key", without(generic, "v2Shorthand"))
    : label;
}

/** null added nothing, and there is no such header in v3alpha1. */
function plainHeaders(headers: unknown): unknown {
  if (!isFields(headers)) return headers;
  const added = without(headers, ...Object.keys(headers).filter((name) => isNull(headers[name])));
  return mapValues(added, (header) => (isFields(header) ? without(header, "v2Representation") : header));
}

function isNull(header: unknown): boolean {
  return isFields(header) && header["v2Representation"] === "null" && header["value"] === undefined;
}
