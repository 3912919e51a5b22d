import { FatalError } from "../../runtime/fatal.ts";
import type { Api } from "../../runtime/informers/api.ts";
import type { Failure } from "../../runtime/informers/failure.ts";
import { resourceOf, type Selection, type WatchedKind } from "../../runtime/informers/kind.ts";
import { listOnce } from "../../runtime/informers/list-once.ts";
import type { RawObject } from "../../runtime/informers/raw.ts";
import { exitCodes } from "../output/exit-codes.ts";

const ANSWER_MS = 10_000;

/** @throws FatalError when the cluster cannot be reached, or does not let us read */
export async function listOrFail(
  api: Api,
  kind: WatchedKind,
  selection: Selection,
  from: string,
): Promise<readonly RawObject[]> {
  const signal = new AbortController().signal;
  const listed = await listOnce(api, kind, { selection, signal, answerWithinMs: ANSWER_MS });
  if (listed.ok) return listed.objects;
  const { failure } = listed;
  // Without its CRD there can be no object of the kind; optional ones need not be shown to everybody.
  if (failure.kind === "absent" || (kind.optional === true && failure.kind === "refused")) return [];
  throw new FatalError(`${from}: ${reasonOf(failure, kind, api)}`, exitCodes.unreachable);
}

function reasonOf(failure: Failure, kind: WatchedKind, { server }: Api): string {
  if (failure.kind === "unreachable") return `the API server ${server} cannot be reached: ${failure.message}`;
  if (failure.kind === "refused" && failure.status === 401)
    return `the API server ${server} does not accept the credentials (401); log in again, or choose another --context`;
  if (failure.kind === "refused")
    return `${resourceOf(kind)} cannot be read: ${failure.message}; ask for the verb list, or name a namespace that you may read with -n`;
  if (failure.kind === "failed")
    return `the API server ${server} answers ${failure.status} to list ${resourceOf(kind)}: ${failure.message}`;
  return `${resourceOf(kind)} cannot be read`;
}
