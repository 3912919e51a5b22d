import { type KindState } from "../../runtime/informers/follow.ts";
import { startInformers } from "../../runtime/informers.ts";
import { silentLog } from "../../runtime/log.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { isHopeless } from "../../status/conditions.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { clusterOf } from "../state/cluster.ts";
import type { Environment } from "../state/state.ts";
import type { WaitFlags } from "./commands.ts";
import { type ObjectStatus, objectStatus, readObjectName, reasonOf, watchedKind, type Writer } from "./objects.ts";

/** Watches one object until a condition holds for its newest generation, or never will. @returns the exit code */
export async function waitFor(
  object: string,
  flags: WaitFlags,
  env: Environment,
  { out, error }: Writer,
): Promise<number> {
  const { row, name } = readObjectName(object);
  if (name === undefined) throw new FatalError(`${object}: write KIND/NAME`, exitCodes.usage);
  const { kubeConfig, namespace } = clusterOf(flags, env);
  const type = flags.for === "accepted" ? "Accepted" : "Programmed";
  const over = new AbortController();
  let latest: ObjectStatus | undefined;
  let state: KindState | undefined;
  /** It is wrong in itself. */
  let isOver = false;

  const reached = await new Promise<boolean>((resolve) => {
    const timer = setTimeout(() => resolve(false), flags.timeout);
    const look = (now: ObjectStatus | undefined): void => {
      latest = now;
      const { Accepted: accepted } = now?.conditions ?? {};
      const isHere = now?.conditions[type]?.status === "True";
      isOver = !isHere && accepted !== undefined && isHopeless(accepted);
      if (!isHere && !isOver) return;
      clearTimeout(timer);
      resolve(isHere);
    };
    startInformers<ObjectStatus>({
      kubeConfig,
      kinds: [watchedKind(row)],
      namespace: flags.namespace ?? namespace,
      fieldSelector: `metadata.name=${name}`,
      parse: objectStatus,
      sink: { replace: (_, [only]) => look(only), put: (_, one) => look(one), remove: () => look(undefined) },
      log: silentLog,
      signal: over.signal,
      onSynced: () => undefined,
      onState: (_, now) => (state = now),
    });
  });
  over.abort();
  const what = `${row.kind} ${flags.namespace ?? namespace}/${name}`;
  if (reached) {
    out(`${what} is ${flags.for}: ${latest?.conditions[type]?.message || "generation " + latest?.generation}\n`);
    return exitCodes.ok;
  }
  if (state?.phase === "waiting") {
    error(`${what} cannot be seen: ${state.message}\n`);
    return exitCodes.unreachable;
  }
  const reason = latest === undefined ? "it is not there" : (reasonOf(latest) ?? "");
  const when = isOver ? ", and no waiting would change that" : ` after ${flags.timeout / 1000} s`;
  error(`${what} is not ${flags.for}${when}: ${reason}\n`);
  return exitCodes.findings;
}
