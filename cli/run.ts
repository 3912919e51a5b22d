import fs from "node:fs";
import { runControlPlane } from "../runtime/control-plane.ts";
import { systemClock } from "../runtime/clock.ts";
import { FatalError } from "../runtime/fatal.ts";
import { createLog, type Log } from "../runtime/log.ts";
import { formatSettingProblem, readSettings, type RunFlags, type Settings } from "../runtime/settings.ts";
import { supervise } from "../runtime/supervisor.ts";
import { findEnvoy, program, userPath, version } from "./assets.ts";

const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

function settingsOf(flags: RunFlags): { settings: Settings; log: Log } {
  const config = flags.config === undefined ? undefined : userPath(flags.config, process.env);
  const namespace = fs.existsSync(NAMESPACE_FILE) ? fs.readFileSync(NAMESPACE_FILE, "utf8") : undefined;
  const { settings, problems } = readSettings({ ...flags, config }, process.env, namespace);
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

/** Flags as the control plane's command line repeats them. */
function flagArguments(flags: RunFlags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (value === undefined) return [];
    const given = name === "config" ? userPath(value, process.env) : value;
    return [`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, given];
  });
}

/** `nuncio run`: the supervisor, with Envoy and the control plane as its children. @returns the exit code */
export function run(flags: RunFlags): Promise<number> {
  const { settings, log } = settingsOf(flags);
  return supervise({
    settings,
    envoyPath: findEnvoy(flags.envoy, process.env),
    controlPlane: (runDir) => ({
      command: process.execPath,
      args: [
        program,
        "control-plane",
        ...flagArguments(flags),
        "--xds-socket",
        runDir.xdsSocketPath,
        "--envoy-admin-socket",
        runDir.adminSocketPath,
      ],
    }),
    env: process.env,
    log: log.child("supervisor"),
    clock: systemClock,
    signals: process,
  });
}

export interface ControlPlaneFlags extends RunFlags {
  readonly xdsSocket: string;
  readonly envoyAdminSocket: string;
}

/** The hidden command that the supervisor starts. */
export async function controlPlane(flags: ControlPlaneFlags): Promise<void> {
  const { settings, log } = settingsOf(flags);
  // All state is in the cluster or in files: there is nothing to save.
  process.on("SIGTERM", () => process.exit(0));
  // A Ctrl-C that reaches the whole process group is the supervisor's to judge.
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  await runControlPlane({
    settings,
    xdsSocketPath: flags.xdsSocket,
    envoyAdminSocketPath: flags.envoyAdminSocket,
    version,
    log,
    clock: systemClock,
    channel: process,
    exit: (code) => process.exit(code),
  });
}
