/** What is to be written down of what is in quarantine. */
import type { Quarantined } from "../../compile/last-good.ts";
import { recordOf } from "../../compile/record.ts";
import type { Refusal } from "../../compile/refusal.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { memoByKey } from "../../ir/memo.ts";
import { formatObject, type ObjectRef, type Problem, subjectsOf } from "../../ir/problem.ts";
import { measured, secretName, type Writing } from "./secret.ts";

const MOST_REASON = 1000;

/**
 * By the names of their Secrets. One mistake can put thousands of objects in quarantine: a record, which is read back to see that
 * it can be, is made once, and problems are sorted by object before any of them is looked for.
 */
export function writingsFor(
  ambassadorId: string,
): (quarantined: readonly Quarantined[], problems: readonly Problem[]) => ReadonlyMap<string, Writing> {
  const recorded = memoByKey((object: ObjectRef, [serving, ...refusals]) => {
    const known = { serving: serving as AnyResource | undefined, refusals: refusals as readonly Refusal[] };
    const record = recordOf({ object, ...known });
    return record && { name: secretName(ambassadorId, record), ...measured(record) };
  });
  return (quarantined, problems) => {
    const said = messagesByObject(problems);
    const writings = new Map<string, Writing>();
    for (const { object, serving, refusals } of quarantined) {
      const known = recorded(object, [serving, ...refusals]);
      if (known === undefined) continue;
      const { name, ...writing } = known;
      const reason = (said.get(formatObject(object)) ?? []).join("; ").slice(0, MOST_REASON);
      writings.set(name, { ...writing, reason });
    }
    return writings;
  };
}

function messagesByObject(problems: readonly Problem[]): ReadonlyMap<string, readonly string[]> {
  const messages = new Map<string, string[]>();
  for (const problem of problems) {
    if (problem.severity !== "error") continue;
    for (const name of new Set(subjectsOf(problem).map(formatObject))) {
      const known = messages.get(name);
      if (known === undefined) messages.set(name, [problem.message]);
      else known.push(problem.message);
    }
  }
  return messages;
}
