import { parseResource } from "../../crds/parse.ts";
import { sortResources } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Bundle, SavedProblem } from "../bundle/bundle.ts";
import { reviveSecret } from "../bundle/secrets.ts";
import { servedOf } from "./served.ts";
import type { State } from "./state.ts";

/** The state that `nuncio bundle` saved. @param shown its path, as it was given */
export async function bundleState(bundle: Bundle, shown: string): Promise<State> {
  const objects = await Promise.all(
    bundle.objects.map((raw) => (raw["kind"] === "Secret" ? reviveSecret(raw) : Promise.resolve(raw))),
  );
  const resources = objects.map((raw) => parseResource(raw).resource).filter((each) => each !== undefined);
  return {
    resources: sortResources(resources).value,
    settings: Object.freeze({ ...bundle.settings }),
    problems: bundle.sourceProblems.map(restored),
    from: `${shown} (${bundle.from}, ${bundle.madeAt})`,
    served: bundle.cluster === undefined ? undefined : servedOf(bundle.cluster.kept, bundle.objects),
  };
}

/** It was a Problem when it was saved. */
function restored(problem: SavedProblem): Problem {
  return problem as Problem;
}
