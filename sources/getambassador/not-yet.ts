import type { Resources } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";

/** Kinds that are read and lead to nothing yet: what their objects ask for does not happen, which is told as an error. */
const kinds = ["logServices", "tracingServices", "consulResolvers"] as const satisfies readonly (keyof Resources)[];

export function notYetProblems(usable: Pick<Resources, (typeof kinds)[number]>): readonly Problem[] {
  return kinds.flatMap((kind) =>
    usable[kind].map(
      (object): Problem => ({
        code: "NotYetSupported",
        severity: "error",
        object,
        path: ["kind"],
        message: `${object.kind} is not supported yet, so what it asks for does not happen`,
        advice: "remove it",
      }),
    ),
  );
}
