/** What the compile says of objects that nobody serves, in the form of their status. */
import { customKinds } from "../../capabilities/kinds.ts";
import { isForGateway } from "../../crds/ambassador-id.ts";
import { manifestOf } from "../../crds/manifest.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { formatComplaint, formatObject, type Problem } from "../../ir/problem.ts";
import { verdictsOf } from "../../status/conditions.ts";
import type { CompiledState } from "../state/compiled.ts";
import type { Found, ShownCondition } from "./objects.ts";
import { groupBy } from "../../ir/group-by.ts";

const kinds: ReadonlySet<string> = new Set(customKinds.map(({ kind }) => kind));

const nobody = { total: 0, having: 0, waitingFor: [], refusedBy: 0, refusal: undefined };

/** Programmed is unknown: no proxy is there that could have anything. */
export function judgedStatuses({ state, problems }: CompiledState): readonly Found[] {
  const byObject = groupBy(problems, ({ object }) => formatObject(object));
  const all: readonly AnyResource[] = Object.values(state.resources).flat();
  const { ambassadorId } = state.settings;
  return all
    .filter(({ kind }) => kinds.has(kind))
    .map((object): Found => {
      const { kind, namespace, name, generation } = object;
      const own = byObject.get(formatObject(object)) ?? [];
      const verdicts = verdictsOf({ problems: own, isKept: false, progress: nobody });
      const [accepted, resolved] = isOurs(object, ambassadorId) ? verdicts : foreign(ambassadorId);
      const refusal = own.find(({ code, severity }) => code === "EnvoyRejected" && severity === "error");
      const programmed = refusal === undefined ? unserved : refusedBy(refusal);
      const conditions = { Accepted: accepted, ResolvedRefs: resolved, Programmed: programmed };
      return { status: { kind, namespace, name, generation, conditions }, raw: manifestOf(object) };
    });
}

const unserved: ShownCondition = {
  type: "Programmed",
  status: "Unknown",
  reason: "NotServed",
  message: "nobody serves these files here; this is what a gateway would say",
};

/** By the Envoy that was asked here. */
function refusedBy(problem: Problem): ShownCondition {
  return { type: "Programmed", status: "False", reason: "RejectedByProxy", message: formatComplaint(problem) };
}

function isOurs({ spec }: AnyResource, ambassadorId: string): boolean {
  const { ambassador_id: ids } = spec as { readonly ambassador_id?: readonly string[] };
  return isForGateway(ids, ambassadorId);
}

function foreign(ambassadorId: string): readonly [ShownCondition, ShownCondition] {
  const message = `it is for another gateway: its ambassador_id does not name ${ambassadorId} (AMBASSADOR_ID)`;
  const condition = { status: "Unknown", reason: "OtherGateway", message } as const;
  return [
    { type: "Accepted", ...condition },
    { type: "ResolvedRefs", ...condition },
  ];
}
