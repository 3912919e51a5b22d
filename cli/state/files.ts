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

/** The files themselves, under their names as they were given. */
export function manifestFiles(paths: readonly string[], env: Environment): ReadonlyMap<string, ManifestFile> {
  return new Map(givenFiles(paths, env).map(({ shown, content }) => [shown, content]));
}

export interface GivenFile {
  /** As it was given, so that an editor at the terminal can open it. */
  readonly shown: string;
  /** Undefined for standard input. */
  readonly file: string | undefined;
  readonly content: ManifestFile;
}

export function givenFiles(paths: readonly string[], env: Environment): readonly GivenFile[] {
  return paths.flatMap((given): readonly GivenFile[] => {
    if (given === STDIN) {
      return [{ shown: "<stdin>", file: undefined, content: { kind: "text", text: fs.readFileSync(0, "utf8") } }];
    }
    const resolved = existing(given, env);
    return [...readManifestFiles(resolved)].map(([file, content]) => {
      return { shown: shownPath(file, given, resolved), file, content };
    });
  });
}

/** The path as the file system has it. @throws FatalError when nothing is there */
export function existing(given: string, env: Environment): string {
  const resolved = userPath(given, env);
  if (!fs.existsSync(resolved)) throw new FatalError(`there is no file or directory ${given}`, exitCodes.usage);
  return resolved;
}

function shownPath(file: string, given: string, resolved: string): string {
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
