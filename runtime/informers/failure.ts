/** Why a request for objects did not give them, and what a person should read about it. */

import { readStatus, parseJson } from "./raw.ts";
import { namespaceOf, resourceOf } from "./kind.ts";
import type { Selection, WatchedKind } from "./kind.ts";

export type Verb = "list" | "watch";

export type Failure =
  /** No answer, or one that broke off. */
  | { readonly kind: "unreachable"; readonly message: string }
  /** HTTP 401 or 403. */
  | { readonly kind: "refused"; readonly verb: Verb; readonly status: number; readonly message: string }
  /** HTTP 404: the API server knows no such resource. An empty list is no failure. */
  | { readonly kind: "absent" }
  /** 410: the version to go on from is no longer known. */
  | { readonly kind: "expired" }
  /** Any other answer; `retryAfterMs` is how long an overloaded server (429) wants to be left alone, otherwise 0. */
  | {
      readonly kind: "failed";
      readonly verb: Verb;
      readonly status: number;
      readonly message: string;
      readonly retryAfterMs: number;
    };

/** A wish beyond this is a proxy's, not the API server's (which says 1 s). */
const retryAfterMaxMs = 60_000;

/** Texts of other people: kept short and free of objects (the API server's Status quotes none for LIST and WATCH). */
const messageMaxLength = 300;

export interface ErrorAnswer {
  readonly status: number;
  /** The header, in seconds. */
  readonly retryAfter: string | undefined;
  readonly body: string;
}

export function failureOf(verb: Verb, { status, retryAfter, body }: ErrorAnswer): Failure {
  const message = shorten(readStatus(parseJson(body)).message || body);
  // Not for 503: an API server that starts says 5 s there, and is ready for custom resources in 0.1 s (1.36, tried).
  return statusFailure(verb, status, message, status === 429 ? retryAfterMs(retryAfter) : 0);
}

/** The failure that an HTTP status, or the code of an ERROR event in a watch that began well, stands for. */
export function statusFailure(verb: Verb, status: number, message: string, retryAfterMs = 0): Failure {
  if (status === 401 || status === 403) return { kind: "refused", verb, status, message };
  if (status === 404) return { kind: "absent" };
  if (status === 410) return { kind: "expired" };
  return { kind: "failed", verb, status, message, retryAfterMs };
}

function retryAfterMs(header: string | undefined): number {
  const seconds = Number.parseInt(header ?? "", 10);
  return Number.isNaN(seconds) ? 0 : Math.min(retryAfterMaxMs, Math.max(0, seconds * 1000));
}

export function shorten(text: string): string {
  const line = text.trim().replaceAll(/\s+/g, " ");
  return line.length <= messageMaxLength ? line : `${line.slice(0, messageMaxLength)}...`;
}

/** `held` is the number of objects that stay live; undefined before the first complete list. */
export function describeAbsent(kind: WatchedKind, held: number | undefined): string {
  const name = `CRD ${resourceOf(kind)}`;
  if (held === undefined) return `${name} is not installed; waiting for it`;
  return `${name} is gone, or no longer serves ${kind.version}; what it held last stays live (${held} objects) until it is back`;
}

/** The CRD is back, and its objects are not. */
export function describeKept(kind: WatchedKind, missing: number, keepMs: number): string {
  return `${missing} ${resourceOf(kind)} are not there any more since their CRD was deleted; they stay live for ${Math.round(keepMs / 1000)} s, so apply them again`;
}

export function describeRefusal(
  { verb, status, message }: Extract<Failure, { kind: "refused" }>,
  kind: WatchedKind,
  selection: Selection,
): string {
  const resource = resourceOf(kind);
  if (status === 401) {
    return `the API server does not accept our credentials (401) to ${verb} ${resource}; check the token or the certificate of the kubeconfig, trying again`;
  }
  const user = /User "([^"]+)"/.exec(message)?.[1];
  const namespace = namespaceOf(kind, selection);
  const everywhere = kind.namespaced ? "in all namespaces" : "in the cluster";
  const where = namespace === undefined ? everywhere : `in namespace ${namespace}`;
  return (
    `RBAC does not allow ${user ?? "us"} to ${verb} ${resource} ${where}; ` +
    `give its ${namespace === undefined ? "ClusterRole" : "Role"} the verbs list and watch on resource "${kind.plural}" of apiGroup "${kind.group}", trying again`
  );
}

export function describeFailed(
  { verb, status, message }: Extract<Failure, { kind: "failed" }>,
  kind: WatchedKind,
): string {
  // Source: k8s.io/apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go
  if (message.includes("conversion webhook for")) {
    return `${resourceOf(kind)} are stored in an old version, and nobody converts them (${message}); apply manifests/crds-legacy.yaml, so that nuncio admission does, or keep the process running that did, trying again`;
  }
  return `the API server answers ${status} to ${verb} ${resourceOf(kind)} (${message || "no reason given"}); trying again`;
}
