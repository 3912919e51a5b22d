import type { QuarantineRecord } from "../../compile/record.ts";
import { formatObject } from "../../ir/problem.ts";
import type { Api } from "../../runtime/informers/api.ts";
import type { Selection } from "../../runtime/informers/kind.ts";
import { keptKind } from "../../runtime/quarantine/keeper.ts";
import { readSecret } from "../../runtime/quarantine/secret.ts";
import { listOrFail } from "./list.ts";

/** What is kept for gateways with this id. None where Secrets may not be read. */
export async function readKept(
  api: Api,
  ambassadorId: string,
  selection: Pick<Selection, "namespace">,
  from: string,
): Promise<readonly QuarantineRecord[]> {
  const secrets = await listOrFail(api, keptKind, selection, from);
  const records = secrets.flatMap((secret) => {
    const { remembered } = readSecret(ambassadorId, secret);
    return remembered === undefined ? [] : [remembered.record];
  });
  // Gateways of several namespaces may have the same id; all of them have seen the same object.
  return [...new Map(records.map((record) => [formatObject(record.object), record])).values()];
}
