import { pack } from "../../features/proto.ts";
import { alignedMap } from "../../ir/aligned.ts";
import type { Route } from "../../ir/types.ts";
import { HttpRequestHeaderMatchInput } from "../generated/envoy/type/matcher/v3/http_inputs.ts";
import { TypedExtensionConfig } from "../generated/xds/core/v3/extension.ts";
import { fieldHeader, frameField } from "./frame.ts";
import type { Leaf, RouteTree } from "./route-tree.ts";

// Field numbers of xds.type.matcher.v3.Matcher and of envoy.config.route.v3, for messages put together from remembered bytes.
const MATCHER_TREE = 2;
const ON_NO_MATCH = 3;
const TREE_INPUT = 1;
const TREE_PREFIX_MATCH_MAP = 3;
const MAP_ENTRIES = 1;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const ON_MATCH_ACTION = 2;
const EXTENSION_NAME = 1;
const EXTENSION_TYPED_CONFIG = 2;
const ANY_TYPE_URL = 1;
const ANY_VALUE = 2;
const LIST_ROUTES = 1;

const ROUTE = "type.googleapis.com/envoy.config.route.v3.Route";
const ROUTE_LIST = "type.googleapis.com/envoy.config.route.v3.RouteList";

const path = TypedExtensionConfig.encode({
  name: "path",
  typedConfig: pack(HttpRequestHeaderMatchInput, { headerName: ":path" }),
}).finish();

const text = (field: number, value: string): Uint8Array => frameField(field, Buffer.from(value));

/** OnMatch { action { name, typed_config } } of one route, or of a list that is tried in order. */
function onMatch(routes: readonly Route[], bytesOf: (route: Route) => Uint8Array): Uint8Array {
  const [only] = routes;
  const single = routes.length === 1 && only !== undefined;
  const value = single ? bytesOf(only) : Buffer.concat(routes.map((route) => frameField(LIST_ROUTES, bytesOf(route))));
  const any = Buffer.concat([text(ANY_TYPE_URL, single ? ROUTE : ROUTE_LIST), frameField(ANY_VALUE, value)]);
  const action = Buffer.concat([text(EXTENSION_NAME, "route"), frameField(EXTENSION_TYPED_CONFIG, any)]);
  return frameField(ON_MATCH_ACTION, action);
}

/** Encodes the trees of one virtual host from run to run; a leaf is encoded once. */
export function treeFrames(bytesOf: (route: Route) => Uint8Array): (tree: RouteTree) => readonly Uint8Array[] {
  const leafFrames = alignedMap(({ key, routes }: Leaf) => {
    const entry = Buffer.concat([text(ENTRY_KEY, key), frameField(ENTRY_VALUE, onMatch(routes, bytesOf))]);
    return frameField(MAP_ENTRIES, entry);
  });
  return ({ leaves, rest }) => {
    const entries = leafFrames(leaves);
    let mapLength = 0;
    for (const entry of entries) mapLength += entry.length;
    const input = frameField(TREE_INPUT, path);
    const mapHeader = fieldHeader(TREE_PREFIX_MATCH_MAP, mapLength);
    const treeHeader = fieldHeader(MATCHER_TREE, input.length + mapHeader.length + mapLength);
    const noMatch = rest.length === 0 ? new Uint8Array() : frameField(ON_NO_MATCH, onMatch(rest, bytesOf));
    return [treeHeader, input, mapHeader, ...entries, noMatch];
  };
}
