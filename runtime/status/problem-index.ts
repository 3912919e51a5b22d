import { diffLists } from "../../ir/aligned.ts";
import type { ObjectRef, Problem } from "../../ir/problem.ts";
import { keyOf } from "../../ir/resource.ts";

/** Problems by the object that they are told of, kept up to date at the cost of what changed. */
export interface ProblemIndex {
  of(id: string): readonly Problem[];
  isKept(id: string): boolean;
  /** @returns the objects of which something else is to be said now */
  set(problems: readonly Problem[], kept: ReadonlySet<ObjectRef>): ReadonlySet<string>;
}

/** `Mapping default/quote` */
export function idOf(object: Pick<ObjectRef, "kind" | "namespace" | "name">): string {
  return `${object.kind} ${keyOf(object)}`;
}

export function problemIndex(): ProblemIndex {
  const byObject = new Map<string, Set<Problem>>();
  let last: readonly Problem[] = [];
  let lastKept: ReadonlySet<ObjectRef> = new Set();
  let kept: ReadonlySet<string> = new Set();
  return {
    of: (id) => [...(byObject.get(id) ?? [])],
    isKept: (id) => kept.has(id),
    set(problems, keptObjects) {
      const touched = new Set<string>();
      const { removed, added } = diffLists(last, problems);
      last = problems;
      for (const problem of removed) {
        const id = idOf(problem.object);
        byObject.get(id)?.delete(problem);
        touched.add(id);
      }
      for (const problem of added) {
        const id = idOf(problem.object);
        const known = byObject.get(id);
        if (known === undefined) byObject.set(id, new Set([problem]));
        else known.add(problem);
        touched.add(id);
      }
      if (keptObjects !== lastKept) {
        lastKept = keptObjects;
        const now = new Set([...keptObjects].map(idOf));
        for (const id of now) if (!kept.has(id)) touched.add(id);
        for (const id of kept) if (!now.has(id)) touched.add(id);
        kept = now;
      }
      for (const id of touched) if (byObject.get(id)?.size === 0) byObject.delete(id);
      return touched;
    },
  };
}
