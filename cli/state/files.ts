import fs from "node:fs";
import path from "node:path";
import { type ManifestFile, manifestReader } from "../../compile/manifests.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { readManifestFiles } from "../../runtime/manifest-files.ts";
import { userPath } from "../assets.ts";
import { exitCodes } from "../output/exit-codes.ts";
import type { Environment, State } from "./state.ts";

/** The path that stands for standard input: `helm template . | nuncio check -`. */
const STDIN = "-";

/** Manifests of directories, files and standard input, all together one state. @throws FatalError for a path that is not there */
export function readPaths(paths: readonly string[], env: Environment): State {
  const { resources, problems, skipped } = manifestReader()(manifestFiles(paths, env));
  return {
    resources,
    settings: fileSettings(env),
    problems: [...problems, ...skipped],
    from: paths.map((given) => (given === STDIN ? "standard input" : given)).join(", "),
  };
}

/** The files themselves, under their names as they were given, so that an editor at the terminal can open them. */
export function manifestFiles(paths: readonly string[], env: Environment): ReadonlyMap<string, ManifestFile> {
  const files = new Map<string, ManifestFile>();
  for (const given of paths) {
    if (given === STDIN) {
      files.set("<stdin>", { kind: "text", text: fs.readFileSync(0, "utf8") });
      continue;
    }
    const resolved = existing(given, env);
    for (const [file, content] of readManifestFiles(resolved)) files.set(shown(file, given, resolved), content);
  }
  return files;
}

/** The path as the file system has it. @throws FatalError when nothing is there */
export function existing(given: string, env: Environment): string {
  const resolved = userPath(given, env);
  if (!fs.existsSync(resolved)) throw new FatalError(`there is no file or directory ${given}`, exitCodes.usage);
  return resolved;
}

function shown(file: string, given: string, resolved: string): string {
  return file === resolved ? given : path.join(given, path.relative(resolved, file));
}

/** Those of a gateway that serves a directory. */
export function fileSettings(env: Environment): CompileSettings {
  return {
    ambassadorId: env["AMBASSADOR_ID"] ?? "default",
    ownNamespace: env["AMBASSADOR_NAMESPACE"] ?? "default",
    bindAddress: env["AMBASSADOR_ENVOY_BIND_ADDRESS"] ?? "0.0.0.0",
    inCluster: false,
    knative: /^(true|1|yes|on|t|y)$/i.test(env["AMBASSADOR_KNATIVE_SUPPORT"] ?? ""),
  };
}
