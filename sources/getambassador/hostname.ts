/**
 * DNS globs of Host and Mapping: `*`, `*.example.com`, `www.*`, or an exact name; a port is part of the text.
 * A `*` is a wildcard only as the first or last character and stands for at least one character there.
 * Source: Emissary `hostglob_matches` and its tests.
 */

import { type FieldProblem, ignored, invalid } from "../../features/feature.ts";
import { HOST_NAME_ADVICE, isHostName } from "../../features/fields.ts";
import type { PathStep } from "../../ir/problem.ts";

type Glob =
  | { readonly kind: "any" }
  | { readonly kind: "exact"; readonly text: string }
  | { readonly kind: "suffix"; readonly text: string }
  | { readonly kind: "prefix"; readonly text: string };

export function parseGlob(pattern: string): Glob {
  const text = pattern.toLowerCase();
  if (text === "*") return { kind: "any" };
  const starts = text.startsWith("*");
  const ends = text.endsWith("*");
  if (starts && ends) return { kind: "exact", text };
  if (starts) return { kind: "suffix", text: text.slice(1) };
  if (ends) return { kind: "prefix", text: text.slice(0, -1) };
  return { kind: "exact", text };
}

/** Whether some host name matches both globs. */
export function globsOverlap(a: string, b: string): boolean {
  const x = parseGlob(a);
  const y = parseGlob(b);
  if (x.kind === "any" || y.kind === "any") return true;
  if (x.kind === "exact") return covers(y, x.text);
  if (y.kind === "exact") return covers(x, y.text);
  if (x.kind === "suffix" && y.kind === "suffix") return x.text.endsWith(y.text) || y.text.endsWith(x.text);
  if (x.kind === "prefix" && y.kind === "prefix") return x.text.startsWith(y.text) || y.text.startsWith(x.text);
  return true; // a prefix and a suffix can always be joined
}

function covers(glob: Glob, host: string): boolean {
  switch (glob.kind) {
    case "any":
      return true;
    case "exact":
      return glob.text === host;
    case "suffix":
      return host.length > glob.text.length && host.endsWith(glob.text);
    case "prefix":
      return host.length > glob.text.length && host.startsWith(glob.text);
  }
}

/** Whether every host name that matches `inner` matches `outer`. */
export function globCovers(outer: string, inner: string): boolean {
  const x = parseGlob(outer);
  const y = parseGlob(inner);
  if (x.kind === "any") return true;
  if (y.kind === "any") return false;
  if (y.kind === "exact") return covers(x, y.text);
  if (x.kind !== y.kind) return false;
  if (x.kind === "suffix") return y.text.endsWith(x.text);
  return x.kind === "prefix" && y.text.startsWith(x.text);
}

export function globMatches(pattern: string, host: string): boolean {
  return covers(parseGlob(pattern), host.toLowerCase());
}

/** The host without its port: what SNI can carry. */
export function withoutPort(hostname: string): string {
  return hostname.replace(/:\d+$/, "");
}

/** A star that no wildcard is made of: no client sends one. */
function isStray(hostname: string): boolean {
  return /.\*./.test(hostname) || /^\*.*\*$/.test(hostname);
}

export function hostNameProblems(hostname: string, path: readonly PathStep[]): readonly FieldProblem[] {
  if (isHostName(hostname)) {
    if (!isStray(hostname)) return [];
    const message = `${JSON.stringify(hostname)} is the host name of no request: a star is a wildcard as the first or the last character alone`;
    return [ignored(path, message, 'write "*.name", "name.*", or each name in an object of its own')];
  }
  const message = `${JSON.stringify(hostname)} holds a blank or a control character, which no host name has`;
  return [invalid(path, message, HOST_NAME_ADVICE)];
}
