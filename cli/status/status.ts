import { customKinds } from "../../capabilities/kinds.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { createApi } from "../../runtime/informers/api.ts";
import { conditionTypes } from "../../status/conditions.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { type Paint, paintFor } from "../output/colour.ts";
import { structured } from "../output/format.ts";
import { table } from "../output/table.ts";
import { clusterOf, listOrFail } from "../state/cluster.ts";
import type { Environment } from "../state/state.ts";
import type { StatusFlags } from "./commands.ts";
import {
  type Found,
  type ObjectStatus,
  objectStatus,
  readObjectName,
  reasonOf,
  watchedKind,
  type Writer,
} from "./objects.ts";
import { painted, summaryOf } from "./words.ts";
import { hostTree } from "./tree.ts";

/** @returns the exit code */
export async function status(
  object: string | undefined,
  flags: StatusFlags,
  env: Environment,
  { out, error }: Writer,
): Promise<number> {
  const asked = object === undefined ? undefined : readObjectName(object);
  const read = await readObjects(asked, flags, env);
  const found = read.map((each) => each.status);
  const isLive = (each: ObjectStatus) => each.conditions.Programmed?.status === "True" && reasonOf(each) === undefined;
  const code = found.every(isLive) ? exitCodes.ok : exitCodes.findings;
  if (flags.output !== "table") {
    out(structured(found, flags.output));
    return code;
  }
  if (found.length === 0) {
    error(`there are no objects of ${asked?.row.kind ?? "getambassador.io"} here; -A shows those of every namespace\n`);
    return exitCodes.ok;
  }
  const paint = paintFor(process.stdout, env);
  const [only] = found;
  if (asked?.name !== undefined && only !== undefined) out(details(only, paint));
  else if (flags.tree === true) out(hostTree(read, paint));
  else out(list(found, flags.allNamespaces === true, paint));
  return code;
}

type Asked = ReturnType<typeof readObjectName>;

async function readObjects(asked: Asked | undefined, flags: StatusFlags, env: Environment): Promise<readonly Found[]> {
  const { kubeConfig, namespace, origin } = clusterOf(flags, env);
  const from = `cluster ${kubeConfig.getCurrentContext()} (${origin})`;
  const where = flags.allNamespaces === true ? undefined : (flags.namespace ?? namespace);
  const api = createApi(kubeConfig);
  const name = asked?.name;
  try {
    const rows = customKinds.filter(({ kind }) => asked === undefined || asked.row.kind === kind);
    const lists = await Promise.all(
      rows.map(async (row) => {
        const selection = {
          namespace: where,
          ...(name === undefined ? {} : { fieldSelector: `metadata.name=${name}` }),
        };
        const objects = await listOrFail(api, watchedKind(row), selection, from);
        return objects.map((raw) => ({ raw, status: objectStatus(row.kind, raw) }));
      }),
    );
    const found = lists.flat();
    if (name !== undefined && found.length === 0)
      throw new FatalError(`there is no ${asked?.row.kind} ${where ?? "*"}/${name}`, exitCodes.usage);
    return found;
  } finally {
    api.close();
  }
}

function list(found: readonly ObjectStatus[], withNamespace: boolean, paint: Paint): string {
  const headings = [...(withNamespace ? ["NAMESPACE"] : []), "OBJECT", "ACCEPTED", "RESOLVED", "PROGRAMMED", "WHY"];
  const rows = found.map((each) => [
    ...(withNamespace ? [each.namespace] : []),
    `${each.kind.toLowerCase()}/${each.name}`,
    ...conditionTypes.map((type) => painted(each.conditions[type]?.status, paint)),
    summaryOf(each),
  ]);
  return table(headings, rows);
}

function details(object: ObjectStatus, paint: Paint): string {
  const lines = [`${object.kind} ${object.namespace}/${object.name}, generation ${object.generation}`];
  for (const type of conditionTypes) {
    const condition = object.conditions[type];
    if (condition === undefined) continue;
    const { status, reason, message, lastTransitionTime } = condition;
    lines.push(`  ${type}: ${painted(status, paint)} ${reason}, since ${lastTransitionTime}`);
    for (const line of message === "" ? [] : message.split("\n")) lines.push(`    ${line}`);
  }
  if (object.conditions.Programmed === undefined) lines.push(`  ${reasonOf(object)}`);
  return `${lines.join("\n")}\n`;
}
