import fs from "node:fs";
import { parseResource } from "../../crds/parse.ts";
import { sortResources } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";
import { errorText, FatalError } from "../../runtime/fatal.ts";
import { type Bundle, readBundle, type SavedProblem } from "../bundle/bundle.ts";
import { reviveSecret } from "../bundle/secrets.ts";
import { exitCodes } from "../output/exit-codes.ts";
import type { State } from "./state.ts";

/** The state that `nuncio bundle` saved; undefined where the file is no bundle. @throws FatalError for one that cannot be read */
export async function loadBundle(file: string, shown: string): Promise<State | undefined> {
  if (!fs.statSync(file).isFile()) return undefined;
  let bundle: Bundle | undefined;
  try {
    bundle = readBundle(fs.readFileSync(file));
  } catch (error) {
    throw new FatalError(`${shown} is no bundle of nuncio's: ${errorText(error)}`, exitCodes.usage);
  }
  if (bundle === undefined) return undefined;
  const objects = await Promise.all(
    bundle.objects.map((raw) => (raw["kind"] === "Secret" ? reviveSecret(raw) : Promise.resolve(raw))),
  );
  const resources = objects.map((raw) => parseResource(raw).resource).filter((each) => each !== undefined);
  return {
    resources: sortResources(resources).value,
    settings: Object.freeze({ ...bundle.settings }),
    problems: bundle.sourceProblems.map(restored),
    from: `${shown} (${bundle.from}, ${bundle.madeAt})`,
  };
}

/** It was a Problem when it was saved. */
function restored(problem: SavedProblem): Problem {
  return problem as Problem;
}
