import { customKinds } from "../../capabilities/kinds.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { conditionTypes } from "../../status/conditions.ts";
import { compareText } from "../../ir/problem.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { type Paint, paintFor } from "../output/colour.ts";
import { structured } from "../output/format.ts";
import { table } from "../output/table.ts";
import { stateOfSource } from "../state/load-state.ts";
import { type Source, sourceOf } from "../state/source.ts";
import type { Environment } from "../state/state.ts";
import type { StatusFlags } from "./commands.ts";
import { judgedStatuses } from "./judged.ts";
import {
  type Found,
  isWell,
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
  const source = sourceOf(flags, env);
  const read =
    source.kind === "cluster"
      ? await readObjects(asked, flags, env)
      : selected(await offline(source, env, error), asked, flags, source.path);
  const found = read.map((each) => each.status);
  const code = found.every(isWell) ? exitCodes.ok : exitCodes.findings;
  if (flags.output !== "table") {
    out(structured(found, flags.output));
    return code;
  }
  if (found.length === 0) {
    const others = source.kind === "cluster" && flags.allNamespaces !== true;
    const more = others ? "; -A shows those of every namespace" : "";
    error(`there are no objects of ${asked?.row.kind ?? "getambassador.io"} here${more}\n`);
    return exitCodes.ok;
  }
  const paint = paintFor(process.stdout, env);
  const namespaces = new Set(found.map(({ namespace }) => namespace));
  const [only] = found;
  if (asked?.name !== undefined && only !== undefined && found.length === 1) out(details(only, paint));
  else if (flags.tree === true) out(hostTree(read, paint));
  else out(list(found, flags.allNamespaces === true || namespaces.size > 1, paint));
  return code;
}

type Asked = ReturnType<typeof readObjectName>;

/** Of a bundle of a cluster what stands with its objects; of files what the compile says. */
async function offline(
  source: Exclude<Source, { kind: "cluster" }>,
  env: Environment,
  error: Writer["error"],
): Promise<readonly Found[]> {
  if (source.kind === "bundle" && source.bundle.cluster !== undefined) {
    const kinds = new Set<unknown>(customKinds.map(({ kind }) => kind));
    return source.bundle.objects.flatMap((raw) => (kinds.has(raw["kind"]) ? [{ raw, status: objectStatus(raw) }] : []));
  }
  const { compileState } = await import("../state/compiled.ts");
  const { judgedState } = await import("../verdict.ts");
  const state = await stateOfSource(source, env);
  const compiled = await judgedState(compileState(state), env, (line) => error(`${line}\n`));
  const unread = state.problems.filter(({ severity }) => severity === "error").length;
  if (unread > 0) error(`note: not everything could be read; nuncio check --from ${source.path} tells what\n`);
  return judgedStatuses(compiled);
}

/** Of all objects those that were asked for. @param path where they are from */
function selected(
  found: readonly Found[],
  asked: Asked | undefined,
  { namespace, allNamespaces }: StatusFlags,
  path: string,
): readonly Found[] {
  const rows = found.filter(
    ({ status: each }) =>
      (asked === undefined || asked.row.kind === each.kind) &&
      (asked?.name === undefined || asked.name === each.name) &&
      (namespace === undefined || allNamespaces === true || namespace === each.namespace),
  );
  if (asked?.name !== undefined && rows.length === 0)
    throw new FatalError(`there is no ${asked.row.kind} ${namespace ?? "*"}/${asked.name} in ${path}`, exitCodes.usage);
  // As a cluster lists them.
  const place = ({ kind }: ObjectStatus) => customKinds.findIndex((row) => row.kind === kind);
  return [...rows].sort(
    ({ status: a }, { status: b }) =>
      place(a) - place(b) || compareText(a.namespace, b.namespace) || compareText(a.name, b.name),
  );
}

async function readObjects(asked: Asked | undefined, flags: StatusFlags, env: Environment): Promise<readonly Found[]> {
  const { createApi } = await import("../../runtime/informers/api.ts");
  const { clusterOf } = await import("../state/cluster.ts");
  const { listOrFail } = await import("../state/list.ts");
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
        return objects.map((raw) => ({ raw, status: objectStatus(raw) }));
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
  const { isTTY, columns } = process.stdout;
  return table(headings, rows, isTTY ? columns : undefined);
}

function details(object: ObjectStatus, paint: Paint): string {
  const generation = object.generation === 0 ? "" : `, generation ${object.generation}`;
  const lines = [`${object.kind} ${object.namespace}/${object.name}${generation}`];
  for (const type of conditionTypes) {
    const condition = object.conditions[type];
    if (condition === undefined) continue;
    const { status, reason, message, lastTransitionTime } = condition;
    const since = lastTransitionTime === undefined ? "" : `, since ${lastTransitionTime}`;
    lines.push(`  ${type}: ${painted(status, paint)} ${reason}${since}`);
    for (const line of message === "" ? [] : message.split("\n")) lines.push(`    ${line}`);
  }
  if (object.conditions.Programmed === undefined) lines.push(`  ${reasonOf(object)}`);
  return `${lines.join("\n")}\n`;
}
