/** Which values of fields are not for everybody's eyes: no message quotes them, and no bundle holds them. */
import type { PathStep } from "./problem.ts";

/** Fields whose entries are headers, or the like, by their names. */
const headerMaps: ReadonlySet<PathStep> = new Set([
  ...["headers", "add_request_headers", "add_response_headers", "add_auth_headers"],
  ...["regex_headers", "query_parameters", "regex_query_parameters"],
]);
const sensitiveName = /authorization|cookie|passw|secret|token|api[-_]?key|credential|session/i;

/** `scheme://user:password@host` in any text. */
const credentials = /(:\/\/)[^/@\s"']+@/g;

/** `authorization` and the like: what such a header says is for two alone. */
export function isSensitiveName(name: string): boolean {
  return sensitiveName.test(name);
}

/** The entry of a map of headers whose name says so. @param field what the map is called */
export function isSensitiveEntry(field: PathStep | undefined, name: PathStep): boolean {
  return field !== undefined && headerMaps.has(field) && typeof name === "string" && isSensitiveName(name);
}

/** The value at this path, or at one above it, is such an entry. */
export function isSensitive(path: readonly PathStep[]): boolean {
  return path.some((step, at) => isSensitiveEntry(path[at - 1], step));
}

/** A text with something else in the place of users and passwords in its URLs. */
export function withoutCredentials(text: string, mark = "[redacted]@"): string {
  return text.replace(credentials, `$1${mark}`);
}

/** A text as a message may have it: in quotes, or where it must not stand in any, what it is. */
export function quoted(text: string, path: readonly PathStep[]): string {
  return isSensitive(path) ? "the value" : JSON.stringify(withoutCredentials(text));
}
