import fs from "node:fs";
import { FatalError } from "../runtime/fatal.ts";
import { createLog, type Log } from "../runtime/log.ts";
import { formatSettingProblem, readSettings, type RunFlags, type Settings } from "../runtime/settings.ts";
import { userPath } from "./assets.ts";

const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/** The namespace of the Pod that we run in, if we do. */
export function podNamespace(): string | undefined {
  return fs.existsSync(NAMESPACE_FILE) ? fs.readFileSync(NAMESPACE_FILE, "utf8") : undefined;
}

/** What flags and environment ask for, and the log they ask for. @throws FatalError naming each value that cannot be used */
export function settingsOf(flags: RunFlags): { settings: Settings; log: Log } {
  const config = flags.config === undefined ? undefined : userPath(flags.config, process.env);
  const { settings, problems } = readSettings({ ...flags, config }, process.env, podNamespace());
  if (problems.length > 0) throw new FatalError(problems.map(formatSettingProblem).join("\n"), 2);
  const log = createLog({
    name: "nuncio",
    level: settings.logLevel,
    json: settings.jsonLogging,
    out: process.stderr,
    now: () => new Date(),
  });
  return { settings, log };
}
