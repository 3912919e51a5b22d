/** What becomes of a request's path before a route is looked for. Measured on Envoy 1.40, every byte, raw and escaped. */
import type { ConnectionManager } from "../../ir/types.ts";

export type NormalizedPath =
  /** With its query. */
  { readonly kind: "path"; readonly path: string } | { readonly kind: "refused"; readonly because: PathRefusal };

/** Why Envoy answers 400 before it looks for a route. */
export type PathRefusal =
  | "not a path"
  | "not ASCII"
  | "a fragment"
  | "an escaped NUL"
  /** The Module's reject_requests_with_escaped_slashes. */
  | "an escaped slash";

/** Characters that say the same escaped or not, and so are never left escaped. RFC 3986, unreserved. */
const UNRESERVED = /^[A-Za-z0-9._~-]$/;
/** Characters that no URL has unescaped. */
const ESCAPED = /["<>^`{|}]/g;

/** Envoy's `normalize_path`, `merge_slashes` and `path_with_escaped_slashes_action`, in its order. */
export function normalizePath(
  path: string,
  { rejectEscapedSlashes, mergeSlashes }: Pick<ConnectionManager, "rejectEscapedSlashes" | "mergeSlashes">,
): NormalizedPath {
  const refused = (because: PathRefusal): NormalizedPath => ({ kind: "refused", because });
  if (!path.startsWith("/")) return refused("not a path");
  if (!/^[\x21-\x7e]*$/.test(path)) return refused("not ASCII");
  if (path.includes("#")) return refused("a fragment");
  const at = path.indexOf("?");
  const bare = at === -1 ? path : path.slice(0, at);
  const query = at === -1 ? "" : path.slice(at);
  if (rejectEscapedSlashes === true && /%(2f|5c)/i.test(bare)) return refused("an escaped slash");
  if (bare.includes("%00")) return refused("an escaped NUL");
  const plain = withoutDots(unescaped(bare));
  return { kind: "path", path: (mergeSlashes === true ? withMergedSlashes(plain) : plain) + query };
}

function unescaped(path: string): string {
  return path
    .replaceAll("\\", "/")
    .replace(/%([0-9a-f]{2})/gi, (escape, digits: string) => {
      const character = String.fromCharCode(parseInt(digits, 16));
      return UNRESERVED.test(character) ? character : escape;
    })
    .replace(ESCAPED, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** As Envoy does it: where there is nothing between the slashes, the first and the last one are left, and "//" stays "//". */
function withMergedSlashes(path: string): string {
  if (!path.includes("//")) return path;
  const segments = path.split("/").filter((segment) => segment !== "");
  return `/${segments.join("/")}${path.endsWith("/") ? "/" : ""}`;
}

function withoutDots(path: string): string {
  if (!/\/\.\.?(\/|$)/.test(path)) return path;
  const [, ...segments] = path.split("/");
  const kept: string[] = [];
  for (const segment of segments) {
    if (segment === "..") kept.pop();
    else if (segment !== ".") kept.push(segment);
  }
  const last = segments.at(-1);
  // What ends in a dot segment is a directory.
  return `/${kept.join("/")}${(last === "." || last === "..") && kept.length > 0 ? "/" : ""}`;
}

/** Routes are compared with the path alone. */
export function withoutQuery(path: string): string {
  const at = path.indexOf("?");
  return at === -1 ? path : path.slice(0, at);
}

/** Of a query parameter that is there several times the first one counts, and nothing is unescaped, as in Envoy. */
export function queryParametersOf(path: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const at = path.indexOf("?");
  if (at === -1) return found;
  for (const part of path.slice(at + 1).split("&")) {
    const equals = part.indexOf("=");
    const name = equals === -1 ? part : part.slice(0, equals);
    if (!found.has(name)) found.set(name, equals === -1 ? "" : part.slice(equals + 1));
  }
  return found;
}
