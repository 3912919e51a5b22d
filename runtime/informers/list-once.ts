/** A kind's objects as they are now, without a watch: for commands that look once. */

import { errorText } from "../fatal.ts";
import { type Api, readText } from "./api.ts";
import { type Failure, failureOf, shorten, statusFailure } from "./failure.ts";
import { pathOf, type Selection, type WatchedKind } from "./kind.ts";
import { parseJson, type RawObject, readList } from "./raw.ts";

export interface ListOnceOptions {
  readonly selection: Selection;
  readonly signal: AbortSignal;
  readonly answerWithinMs: number;
  /** Objects per page. */
  readonly pageSize?: number;
}

export type Listed =
  | { readonly ok: true; readonly objects: readonly RawObject[] }
  | { readonly ok: false; readonly failure: Failure };

/** The complete list, page by page. Never rejects. */
export async function listOnce(api: Api, kind: WatchedKind, options: ListOnceOptions): Promise<Listed> {
  try {
    const paged = await list(api, kind, options, options.pageSize ?? 500);
    // The pages' version was compacted away between two of them. One answer has no such limit.
    return paged.ok || paged.failure.kind !== "expired" ? paged : await list(api, kind, options, undefined);
  } catch (error) {
    return { ok: false, failure: { kind: "unreachable", message: shorten(errorText(error)) } };
  }
}

async function list(
  api: Api,
  kind: WatchedKind,
  { selection, signal, answerWithinMs }: ListOnceOptions,
  pageSize: number | undefined,
): Promise<Listed> {
  const limit: Readonly<Record<string, string>> = pageSize === undefined ? {} : { limit: String(pageSize) };
  const objects: RawObject[] = [];
  let next = "";
  do {
    const query = next === "" ? limit : { ...limit, continue: next };
    const response = await api.get(pathOf(kind, selection, query), { signal, answerWithinMs });
    const body = await readText(response);
    const status = response.statusCode ?? 0;
    if (status !== 200) {
      return { ok: false, failure: failureOf("list", { status, retryAfter: response.headers["retry-after"], body }) };
    }
    const page = readList(parseJson(body), kind);
    if (page === undefined) return { ok: false, failure: statusFailure("list", 200, "its body is no list of objects") };
    objects.push(...page.objects);
    next = page.next;
  } while (next !== "");
  return { ok: true, objects };
}
