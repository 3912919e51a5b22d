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

/** Bytes in parts, to be copied once: what lies in between would share memory with what is kept, and keep all of it. */
type Parts = readonly Uint8Array[];

function lengthOf(parts: Parts): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

function field(number: number, ...parts: Parts): Parts {
  return [fieldHeader(number, lengthOf(parts)), ...parts];
}

const utf8 = new TextEncoder();
const actionName = Buffer.concat(field(EXTENSION_NAME, utf8.encode("route")));
const routeType = Buffer.concat(field(ANY_TYPE_URL, utf8.encode(ROUTE)));
const routeListType = Buffer.concat(field(ANY_TYPE_URL, utf8.encode(ROUTE_LIST)));

export interface RouteBytes {
  /** Not remembered: for what is kept in another form. */
  readonly once: (route: Route) => Uint8Array;
  readonly remembered: (route: Route) => Uint8Array;
}

/** OnMatch { action { name, typed_config } } of one route, or of a list that is tried in order. */
function onMatch(routes: readonly Route[], bytesOf: RouteBytes): Parts {
  const [only] = routes;
  const any =
    routes.length === 1 && only !== undefined
      ? [routeType, ...field(ANY_VALUE, bytesOf.once(only))]
      : [
          routeListType,
          ...field(ANY_VALUE, ...routes.flatMap((route) => field(LIST_ROUTES, bytesOf.remembered(route)))),
        ];
  return field(ON_MATCH_ACTION, actionName, ...field(EXTENSION_TYPED_CONFIG, ...any));
}

/** Encodes the trees of one virtual host from run to run; a leaf is encoded once. */
export function treeFrames(bytesOf: RouteBytes): (tree: RouteTree) => readonly Uint8Array[] {
  const leafFrames = alignedMap(({ key, routes }: Leaf) => {
    const value = field(ENTRY_VALUE, ...onMatch(routes, bytesOf));
    return Buffer.concat(field(MAP_ENTRIES, ...field(ENTRY_KEY, utf8.encode(key)), ...value));
  });
  return ({ leaves, rest }) => {
    const entries = leafFrames(leaves);
    const mapLength = lengthOf(entries);
    const input = frameField(TREE_INPUT, path);
    const mapHeader = fieldHeader(TREE_PREFIX_MATCH_MAP, mapLength);
    const treeHeader = fieldHeader(MATCHER_TREE, input.length + mapHeader.length + mapLength);
    const noMatch = rest.length === 0 ? [] : field(ON_NO_MATCH, ...onMatch(rest, bytesOf));
    return [treeHeader, input, mapHeader, ...entries, ...noMatch];
  };
}
