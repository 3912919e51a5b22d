import fs from "node:fs";
import { containerLimits, openFilesLimit } from "../runtime/cgroup.ts";
import { systemClock } from "../runtime/clock.ts";
import { envoyLimits } from "../runtime/envoy-limits.ts";
import { FatalError } from "../runtime/fatal.ts";
import type { RunFlags } from "../runtime/settings.ts";
import { sayUnread } from "../runtime/unread-variables.ts";
import { supervise } from "../runtime/supervisor.ts";
import { findEnvoy, program, userPath } from "./assets.ts";
import { settingsOf } from "./settings.ts";
import { shadow } from "./shadow.ts";

/** Flags as the control plane's command line repeats them. */
function flagArguments(flags: RunFlags): string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (typeof value !== "string") return [];
    const given = name === "config" ? userPath(value, process.env) : value;
    return [`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`, given];
  });
}

/** `nuncio run`: the supervisor, with Envoy and the control plane as its children. @returns the exit code */
export function run(flags: RunFlags): Promise<number> {
  const { settings, log } = settingsOf(flags);
  // The same words as of the commands that read a directory once, and before anything is started.
  if (settings.mode.kind === "standalone" && !fs.existsSync(settings.mode.configPath))
    throw new FatalError(`there is no file or directory ${flags.config ?? settings.mode.configPath}`, 2);
  sayUnread(process.env, log);
  if (flags.shadow === true) return shadow({ settings, log, exit: (code) => process.exit(code) });
  return supervise({
    settings,
    limits: envoyLimits(settings, containerLimits(), openFilesLimit()),
    envoyPath: findEnvoy(flags.envoy, process.env),
    controlPlane: (runDir) => ({
      command: process.execPath,
      args: [
        // Most of what a change allocates is dead at once: a small young generation costs no measurable time and much less memory at 10,000 Mappings.
        "--max-semi-space-size=4",
        program,
        "control-plane",
        ...flagArguments(flags),
        "--xds-socket",
        runDir.xdsSocketPath,
        "--envoy-admin-socket",
        runDir.adminSocketPath,
        "--control-socket",
        runDir.controlSocketPath,
      ],
    }),
    env: process.env,
    log: log.child("supervisor"),
    clock: systemClock,
    signals: process,
  });
}
