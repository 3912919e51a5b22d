import fs from "node:fs";
import { type Bundle, readBundle } from "../bundle/bundle.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { errorText, FatalError } from "../../runtime/fatal.ts";
import { existing } from "./files.ts";
import type { Environment, StateFlags } from "./state.ts";

/** What `--from` names. */
export type Source =
  | { readonly kind: "cluster" }
  | { readonly kind: "bundle"; readonly bundle: Bundle; readonly path: string }
  /** A directory or a file, or `-`. */
  | { readonly kind: "manifests"; readonly path: string };

/** Without `--from` it is the cluster. @throws FatalError for a path that is not there, and for a bundle that cannot be read */
export function sourceOf({ from = "cluster", context }: StateFlags, env: Environment): Source {
  if (from === "cluster") return { kind: "cluster" };
  if (context !== undefined)
    throw new FatalError(`--context is of a cluster; leave it out with --from ${from}`, exitCodes.usage);
  const bundle = from === "-" ? undefined : bundleAt(existing(from, env), from);
  return bundle === undefined ? { kind: "manifests", path: from } : { kind: "bundle", bundle, path: from };
}

function bundleAt(file: string, shown: string): Bundle | undefined {
  if (!fs.statSync(file).isFile()) return undefined;
  try {
    return readBundle(fs.readFileSync(file));
  } catch (error) {
    throw new FatalError(`${shown} is no bundle of nuncio's: ${errorText(error)}`, exitCodes.usage);
  }
}
