/** What the capabilities of all kinds do, as plain functions: Pepr runs them, and so does our own host. */
import type { PeprValidateRequest } from "pepr";
import { isFields } from "../crds/metadata.ts";
import { modernSpec } from "../crds/versions/modern.ts";
import type { Change, Verdict } from "../insight/admit.ts";

export interface Hooks {
  /** Judges a change before it is stored. */
  judge(change: Change): Verdict | Promise<Verdict>;
  /** Takes in an object that is there, new or changed. */
  put(object: unknown): void;
  remove(object: unknown): void;
  /** Whether deprecated spellings are rewritten before an object is stored. Default: false. */
  readonly rewrites?: boolean;
}

/** HTTP status of a denial: the object cannot be processed as it is. */
export const REFUSED = 422;
/** HTTP status of no verdict at all, by a fault of ours. */
export const FAILED = 500;

/** Pepr does not export its type of this. */
export type Response = ReturnType<PeprValidateRequest<object>["Approve"]>;

/** The part of a PeprValidateRequest that is used. */
export interface Request {
  readonly Raw: object;
  readonly OldResource: object | undefined;
  readonly Request: { readonly operation: string };
  Approve(warnings?: string[]): Response;
  Deny(message?: string, code?: number, warnings?: string[]): Response;
}

/** Validates an object of any kind. It never throws: Pepr answers "Action failed with error: {}" to whatever is thrown. */
export async function validate(request: Request, hooks: Pick<Hooks, "judge">): Promise<Response> {
  try {
    const { allowed, message, warnings } = await hooks.judge(changeOf(request));
    return allowed ? request.Approve([...warnings]) : request.Deny(message, REFUSED, [...warnings]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return request.Deny(`Nuncio failed to judge it (${reason}); this is a fault of Nuncio, report it`, FAILED);
  }
}

/** Rewrites deprecated spellings of an object that is about to be stored; Pepr makes the patch from what it finds in Raw. */
export function rewrite(request: { readonly Raw: { kind?: string; spec?: unknown } }): void {
  const { Raw: object } = request;
  if (isFields(object.spec)) object.spec = modernSpec(object.kind ?? "", object.spec).spec;
}

function changeOf({ Raw: object, OldResource: before, Request: { operation } }: Request): Change {
  if (operation === "DELETE") return { kind: "delete", object };
  return operation === "UPDATE" ? { kind: "update", object, before } : { kind: "create", object };
}

/** Follows an object of any kind. `phase` as the API server's watch has it: ADDED, MODIFIED or DELETED. */
export function follow(object: object, phase: string, hooks: Pick<Hooks, "put" | "remove">): void {
  if (phase === "DELETED") hooks.remove(object);
  else hooks.put(object);
}
