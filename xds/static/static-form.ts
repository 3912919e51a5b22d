import { type Snapshot, typeUrls, type XdsResource, type XdsType } from "../snapshot.ts";
import { envoyRuntimeFlags, runtimeLayer } from "./runtime-flags.ts";
import { type JsonObject, messageJson, type Registry } from "./registry.ts";

type Json = JsonObject[string];

/** A certificate that stands in for each real one, so that no private key leaves the process and Envoy still accepts the pair. */
export interface ThrowAwayPair {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface StaticFormOptions {
  readonly registry: Registry;
  /** undefined: the real keys are written. */
  readonly throwAway: ThrowAwayPair | undefined;
}

function nameOfType(type: XdsType): string {
  return typeUrls[type].slice(typeUrls[type].indexOf("/") + 1);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Applies `change` to every object inside, innermost first. */
function rewrite(value: Json, change: (object: JsonObject) => JsonObject): Json {
  if (Array.isArray(value)) return value.map((each) => rewrite(each, change));
  if (!isObject(value)) return value;
  return change(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, rewrite(each, change)])));
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([each]) => each !== key));
}

/**
 * The snapshot as a static bootstrap: what ADS would deliver stands inline, so that `envoy --mode validate` can judge it and
 * a reader sees it whole.
 */
export function staticForm(snapshot: Snapshot, { registry, throwAway }: StaticFormOptions): JsonObject {
  const json = (type: XdsType, resource: XdsResource) => messageJson(registry, nameOfType(type), resource.body);
  const all = (type: XdsType): JsonObject[] =>
    [...snapshot[type].values()].sort((a, b) => (a.name < b.name ? -1 : 1)).map((resource) => json(type, resource));

  const inlineRoutes = (object: JsonObject): JsonObject => {
    const { rds } = object;
    if (!isObject(rds)) return object;
    const table = snapshot.route.get(String(rds["route_config_name"]));
    if (table === undefined)
      throw new Error(`the listener names the table ${String(rds["route_config_name"])}, which is not there`);
    return { ...without(object, "rds"), route_config: json("route", table) };
  };
  const inlineExtension = (object: JsonObject): JsonObject => {
    if (!isObject(object["config_discovery"])) return object;
    const extension = snapshot.extension.get(String(object["name"]));
    if (extension === undefined) throw new Error(`no configuration for the filter ${String(object["name"])}`);
    return { name: String(object["name"]), typed_config: json("extension", extension)["typed_config"] ?? {} };
  };
  const staticSecret = (object: JsonObject): JsonObject =>
    "sds_config" in object ? without(object, "sds_config") : object;
  const inlineEndpoints = (object: JsonObject): JsonObject => {
    const eds = object["eds_cluster_config"];
    if (!isObject(eds)) return object;
    const endpoints = snapshot.endpoint.get(String(object["name"]));
    const assignment = endpoints === undefined ? {} : json("endpoint", endpoints);
    const name = object["name"] ?? "";
    return {
      ...without(object, "eds_cluster_config"),
      type: "STATIC",
      load_assignment: { ...assignment, cluster_name: name },
    };
  };

  const every = (objects: JsonObject[], ...changes: ((object: JsonObject) => JsonObject)[]): Json[] =>
    objects.map((object) => rewrite(object, (each) => changes.reduce((result, change) => change(result), each)));
  const layer = snapshot.runtime.get(runtimeLayer);
  const flags = layer === undefined ? undefined : json("runtime", layer)["layer"];
  return {
    layered_runtime: {
      layers: [{ name: "nuncio", static_layer: { ...envoyRuntimeFlags, ...(isObject(flags) ? flags : {}) } }],
    },
    static_resources: {
      listeners: every(all("listener"), inlineRoutes, inlineExtension, staticSecret),
      clusters: every(all("cluster"), inlineEndpoints, staticSecret),
      ...(snapshot.secret.size === 0 ? {} : { secrets: all("secret").map((secret) => hideKey(secret, throwAway)) }),
    },
  };
}

function hideKey(secret: JsonObject, throwAway: ThrowAwayPair | undefined): JsonObject {
  if (throwAway === undefined || !isObject(secret["tls_certificate"])) return secret;
  return {
    ...secret,
    tls_certificate: {
      certificate_chain: { inline_string: throwAway.certificatePem },
      private_key: { inline_string: throwAway.keyPem },
    },
  };
}
