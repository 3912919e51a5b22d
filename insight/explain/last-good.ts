/** Which of the objects that an explanation names serve in another form than they are asked for. */
import type { Quarantined } from "../../compile/last-good.ts";
import { formatComplaint, formatObject, type ObjectRef, type Problem, subjectsOf } from "../../ir/problem.ts";
import { placeOf } from "./places.ts";
import type { Explanation, LastGood } from "./types.ts";

export interface Quarantine {
  readonly quarantined: readonly Quarantined[];
  /** What is wrong with them, among others. */
  readonly problems: readonly Problem[];
}

export function lastGoodIn(
  explanation: Omit<Explanation, "lastGood">,
  { quarantined, problems }: Quarantine,
): readonly LastGood[] {
  const inTheirPlace = quarantined.filter(isReplaced);
  if (inTheirPlace.length === 0) return [];
  const named = new Set(objectsIn(explanation).map(formatObject));
  return inTheirPlace.flatMap(({ object, serving: { generation } }) => {
    const { object: told } = placeOf(object, []);
    if (!named.has(formatObject(told))) return [];
    const because = problems.filter(
      (problem) =>
        problem.severity === "error" && subjectsOf(problem).some((each) => formatObject(each) === formatObject(object)),
    );
    return [
      { object: told, generation: generation === 0 ? undefined : generation, because: because.map(formatComplaint) },
    ];
  });
}

type Replaced = Quarantined & { readonly serving: NonNullable<Quarantined["serving"]> };

function isReplaced(each: Quarantined): each is Replaced {
  return each.serving !== undefined && each.serving !== each.object;
}

function objectsIn(explanation: Omit<Explanation, "lastGood">): readonly ObjectRef[] {
  const { listener, host, route, answer, rivals, filters, settings } = explanation;
  const places = [
    ...[route, ...rivals].flatMap((each) => each?.rules.map(({ from }) => from) ?? []),
    ...filters.flatMap(({ from }) => from),
    ...settings.map(({ from }) => from),
    ...(answer.kind === "forward" ? [answer.upstream.from] : []),
    ...(answer.kind === "connection" ? answer.from : []),
  ];
  const objects = [listener, host, route, ...rivals].map((each) => each?.object);
  return [...objects, ...places.map((place) => place?.object)].filter((each) => each !== undefined);
}
