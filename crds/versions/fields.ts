/** The fields that v2 and v3alpha1 write differently. */
import { type Fields, fromEntries, has, isFields, mapItems, mapValues, renamed, withField, without } from "./json.ts";
import { eachLabel, type Step, unknownToV2 } from "./step.ts";

/**
 * Ids of v2 are a string or a list. Ids that were written in v3alpha1 get a prefix in v2, so that instances of 1.x, which read
 * v2, leave these objects alone.
 */
const V3_ONLY = "--apiVersion-v3alpha1-only--";

export const ambassadorIds: Step = {
  up: (spec) => withField(spec, "ambassador_id", idsUp(spec["ambassador_id"])),
  down: (spec) => withField(spec, "ambassador_id", idsDown(spec["ambassador_id"])),
  written: (path, spec) =>
    path[0] === "ambassador_id" && typeof spec["ambassador_id"] === "string" ? ["ambassador_id"] : undefined,
};

function idsUp(ids: unknown): unknown {
  return mapItems(typeof ids === "string" ? [ids] : ids, (id) => (typeof id === "string" ? withoutPrefix(id) : id));
}

function idsDown(ids: unknown): unknown {
  return mapItems(ids ?? ["default"], (id) => (typeof id === "string" ? V3_ONLY + withoutPrefix(id) : id));
}

function withoutPrefix(id: string): string {
  return id.startsWith(V3_ONLY) ? id.slice(V3_ONLY.length) : id;
}

/** Hosts of v2 may have their ids under a second name, which protobuf's JSON gave them. */
export const hostIds: Step = {
  up: (spec) => {
    const second = spec["ambassadorId"];
    if (second === undefined) return spec;
    const list = (ids: unknown): unknown[] =>
      ids === undefined || ids === null ? [] : Array.isArray(ids) ? ids : [ids];
    const ids = [...list(spec["ambassador_id"]), ...list(second)];
    return withField(without(spec, "ambassadorId"), "ambassador_id", ids.length === 0 ? undefined : ids);
  },
  down: (spec) => without(spec, "ambassadorId"),
  written: (path, spec) =>
    path[0] === "ambassador_id" && spec["ambassador_id"] === undefined && has(spec, "ambassadorId")
      ? ["ambassadorId"]
      : undefined,
};

/** A Mapping without `hostname`, which its Hosts take by label alone, is one that v2 must not take for every host. */
const NO_HOST = "_skip_mapping_with_empty_host_";

/** v2's `host` is v3alpha1's `hostname`, unless it is a regular expression; no host means every one. */
export const mappingHost: Step = {
  up: (written, note) => {
    const spec = unknownToV2(written, "hostname", note, "write host");
    const { host = "", host_regex: isRegex } = spec;
    if (isRegex === true || (typeof host !== "string" && host !== null)) return spec;
    if (host === NO_HOST) return without(spec, "host");
    if (host === "" || host === null) return withField(without(spec, "host"), "hostname", "*");
    return renamed(spec, "host", "hostname");
  },
  down: (spec) => {
    const { hostname = "", host = "", host_regex: isRegex } = spec;
    if (hostname !== "") {
      const bare = without(spec, "hostname", "host");
      const flagged = isRegex === undefined ? bare : withField(bare, "host_regex", false);
      return hostname === "*" ? flagged : withField(flagged, "host", hostname);
    }
    const bare = without(spec, "hostname");
    if (isRegex === true) return bare;
    if (host === "") return withField(bare, "host", NO_HOST);
    return host === "*" ? without(bare, "host") : bare;
  },
  written: (path, spec) => (path[0] === "hostname" && !has(spec, "hostname") ? ["host", ...path.slice(1)] : undefined),
};

/** v2 takes true for "whatever its value", and false for nothing. */
export function booleans(exact: string, regex: string, memory: string): Step {
  return {
    up: (written, note) => {
      const spec = unknownToV2(written, memory, note, `write ${exact} with true as value`);
      const map = spec[exact];
      if (!isFields(map)) return spec;
      const wanted = Object.keys(map).filter((name) => map[name] === true);
      const kept = Object.entries(map).filter(([, value]) => typeof value !== "boolean" && value !== null);
      if (kept.length === Object.keys(map).length) return spec;
      const left = kept.length === 0 ? without(spec, exact) : withField(spec, exact, fromEntries(kept));
      if (wanted.length === 0) return left;
      const regexes = isFields(spec[regex]) ? spec[regex] : {};
      const present = fromEntries(wanted.map((name) => [name, ".*"]));
      return withField(withField(left, regex, { ...present, ...regexes }), memory, wanted);
    },
    down: (spec) => {
      const { [memory]: names, [regex]: regexes, [exact]: map = {} } = spec;
      const bare = without(spec, memory);
      if (!Array.isArray(names) || !isFields(regexes) || !isFields(map)) return bare;
      const back = names.filter(
        (name) => typeof name === "string" && has(regexes, name) && !has(map, name),
      ) as string[];
      if (back.length === 0) return bare;
      const left = without(regexes, ...back.filter((name) => regexes[name] === ".*"));
      const all = { ...map, ...fromEntries(back.map((name) => [name, true])) };
      return withField(
        Object.keys(left).length === 0 ? without(bare, regex) : withField(bare, regex, left),
        exact,
        all,
      );
    },
    written: (path, spec) => {
      const [first, name] = path;
      const map = spec[exact];
      const isBoolean = first === regex && typeof name === "string" && isFields(map) && map[name] === true;
      const regexes = spec[regex];
      return isBoolean && !(isFields(regexes) && has(regexes, name)) ? [exact, name] : undefined;
    },
  };
}

/** v2 takes origins as one string with commas, and the other lists as one string. */
export const cors: Step = {
  up: (spec) => {
    const written = spec["cors"];
    if (!isFields(written)) return spec;
    let cors = without(written, "v2CommaSeparatedOrigins");
    const { origins } = cors;
    if (typeof origins === "string") {
      const list = origins.split(",").map((origin) => origin.trim());
      cors = { ...cors, origins: list.filter((origin) => origin !== ""), v2CommaSeparatedOrigins: true };
    }
    for (const field of ["methods", "headers", "exposed_headers"]) {
      if (typeof cors[field] === "string") cors = withField(cors, field, [cors[field]]);
    }
    return withField(spec, "cors", cors);
  },
  down: (spec) => {
    const cors = spec["cors"];
    if (!isFields(cors)) return spec;
    const { origins, v2CommaSeparatedOrigins: isOne } = cors;
    const bare = without(cors, "v2CommaSeparatedOrigins");
    const joined = isOne === true && Array.isArray(origins) ? withField(bare, "origins", origins.join(",")) : bare;
    return withField(spec, "cors", joined);
  },
  written: (path, spec) => {
    const [first, field] = path;
    const cors = spec["cors"];
    if (first !== "cors" || typeof field !== "string" || !isFields(cors)) return undefined;
    return typeof cors[field] === "string" ? ["cors", field] : undefined;
  },
};

const namedLabels = ["source_cluster", "destination_cluster", "remote_address"];

/** v2 writes labels as strings, and as objects whose key is the label's own. */
export const labels: Step = {
  up: (spec) => withField(spec, "labels", eachLabel(spec["labels"], labelUp)),
  down: (spec) => withField(spec, "labels", eachLabel(spec["labels"], labelDown)),
  // labels, domain, group's place, group's name, label's place
  written: (path) => (path[0] === "labels" && path.length > 5 ? path.slice(0, 5) : undefined),
};

/** Of a Module's config, which no conversion touches: default_labels, where they are in v2's words. */
export function defaultLabelsUp(config: Fields): Fields {
  const domainUp = (domain: unknown) =>
    isFields(domain) && has(domain, "defaults")
      ? withField(domain, "defaults", mapItems(domain["defaults"], labelUp))
      : domain;
  return has(config, "default_labels")
    ? withField(config, "default_labels", mapValues(config["default_labels"], domainUp))
    : config;
}

function labelUp(label: unknown): unknown {
  if (typeof label === "string") {
    return namedLabels.includes(label)
      ? { [label]: { key: label } }
      : { generic_key: { value: label, v2Shorthand: true } };
  }
  if (!isFields(label)) return label;
  const { generic_key: value, v3Key: key } = label;
  if (typeof value === "string") return { generic_key: key === undefined ? { value } : { key, value } };
  const [name = "", ...others] = Object.keys(label);
  const header = label[name];
  if (others.length > 0 || !isFields(header) || typeof header["header"] !== "string") return label;
  return { request_headers: { key: name, header_name: header["header"], ...without(header, "header") } };
}

function labelDown(label: unknown): unknown {
  if (!isFields(label)) return label;
  const [kind = "", ...others] = Object.keys(label);
  const body = label[kind];
  if (others.length > 0 || !isFields(body)) return label;
  if (namedLabels.includes(kind)) return body["key"] === kind ? kind : label;
  if (kind === "generic_key") {
    const { key = "", value, v2Shorthand: short } = body;
    if (typeof value !== "string") return label;
    if (short === true && key === "" && !namedLabels.includes(value)) return value;
    return { generic_key: value, ...(key === "" ? {} : { v3Key: key }) };
  }
  const { key, header_name: name } = body;
  if (kind !== "request_headers" || typeof key !== "string" || typeof name !== "string") return label;
  return { [key]: { header: name, ...without(body, "key", "header_name") } };
}

/** v3alpha1 knows `selector` too, as the old name of `mappingSelector`; v2 has room for one. */
export const hostSelector: Step = {
  up: (spec, note) =>
    renamed(unknownToV2(spec, "mappingSelector", note, "write selector"), "selector", "mappingSelector"),
  down: (spec) => {
    const { mappingSelector: chosen } = spec;
    return chosen === undefined ? spec : withField(without(spec, "mappingSelector"), "selector", chosen);
  },
  written: (path, spec) =>
    path[0] === "mappingSelector" && has(spec, "selector") && !has(spec, "mappingSelector")
      ? ["selector", ...path.slice(1)]
      : undefined,
};

/** v2's `tag_headers` are custom tags with the values of the headers of their names. */
export const tracingTags: Step = {
  up: (written, note) => {
    const spec = unknownToV2(written, "custom_tags", note, "write v3CustomTags");
    const { tag_headers: headers, v3CustomTags: tags } = spec;
    const bare = without(spec, "tag_headers", "v3CustomTags");
    if (tags !== undefined && headers !== undefined) {
      note({
        code: "IgnoredField",
        path: ["tag_headers"],
        message: "tag_headers and v3CustomTags are both set; tag_headers is ignored",
        advice: "write its headers as v3CustomTags with request_header",
      });
    }
    return withField(bare, "custom_tags", tags ?? tagsOf(headers));
  },
  down: (spec) => {
    const { tag_headers: headers, custom_tags: tags } = spec;
    return withField(without(spec, "tag_headers", "custom_tags"), "v3CustomTags", tags ?? tagsOf(headers));
  },
  written: (path, spec) => {
    if (path[0] !== "custom_tags" || has(spec, "custom_tags")) return undefined;
    const fromHeaders = spec["v3CustomTags"] === undefined && spec["tag_headers"] !== undefined;
    return fromHeaders ? ["tag_headers", ...path.slice(1, 2)] : ["v3CustomTags", ...path.slice(1)];
  },
};

function tagsOf(headers: unknown): unknown {
  return mapItems(headers, (name) => ({ tag: name, request_header: { name } }));
}
