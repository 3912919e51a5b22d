import fs from "node:fs";
import path from "node:path";
import { compile, type Compiled } from "../compile/compile.ts";
import { expiryProblems } from "../compile/expiry.ts";
import { type ManifestFile, manifestReader, type Manifests } from "../compile/manifests.ts";
import { endpointDiscovery } from "../discovery/endpoints.ts";
import { compareProblems, type Problem } from "../ir/problem.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { FatalError } from "../runtime/fatal.ts";
import { readManifestFiles } from "../runtime/manifest-files.ts";
import type { Snapshot } from "../xds/snapshot.ts";
import { userPath } from "./assets.ts";

export interface Loaded {
  readonly manifests: Manifests;
  readonly compiled: Compiled;
  readonly snapshot: Snapshot;
  /** Of files, documents, objects and the whole, sorted. */
  readonly problems: readonly Problem[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads and compiles manifests without a cluster: the same functions that the gateway calls.
 * @param nowMs milliseconds since 1970, by which certificates are judged
 */
export function load(paths: readonly string[], env: Environment, nowMs = Date.now()): Loaded {
  const files = new Map<string, ManifestFile>();
  for (const given of paths) {
    const resolved = userPath(given, env);
    if (!fs.existsSync(resolved)) throw new FatalError(`there is no file or directory ${given}`, 2);
    for (const [file, content] of readManifestFiles(resolved)) files.set(shown(file, given, resolved), content);
  }
  const manifests = manifestReader()(files);
  const settings: CompileSettings = {
    ambassadorId: env["AMBASSADOR_ID"] ?? "default",
    ownNamespace: env["AMBASSADOR_NAMESPACE"] ?? "default",
    bindAddress: env["AMBASSADOR_ENVOY_BIND_ADDRESS"] ?? "0.0.0.0",
    inCluster: false,
    knative: /^(true|1|yes|on|t|y)$/i.test(env["AMBASSADOR_KNATIVE_SUPPORT"] ?? ""),
  };
  const compiled = compile(manifests.resources, settings);
  const snapshot: Snapshot = {
    ...compiled.snapshot,
    endpoint: endpointDiscovery()(compiled.endpoints, manifests.resources),
  };
  const found = [...manifests.problems, ...manifests.skipped, ...compiled.problems];
  const problems = [...found, ...expiryProblems(compiled.certificates, nowMs)].sort(compareProblems);
  return { manifests, compiled, snapshot, problems };
}

/** File names as they were given, so that an editor at the terminal can open them. */
function shown(file: string, given: string, resolved: string): string {
  return file === resolved ? given : path.join(given, path.relative(resolved, file));
}
