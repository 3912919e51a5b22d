import { systemClock } from "../runtime/clock.ts";
import { type Farewell, runControlPlane } from "../runtime/control-plane.ts";
import type { RunFlags } from "../runtime/settings.ts";
import { findEnvoy, version } from "./assets.ts";
import { settingsOf } from "./settings.ts";

export interface ControlPlaneFlags extends RunFlags {
  readonly xdsSocket: string;
  readonly envoyAdminSocket: string;
  readonly controlSocket: string;
}

/** The hidden command that the supervisor starts. */
export async function controlPlane(flags: ControlPlaneFlags): Promise<void> {
  const { settings, log } = settingsOf(flags);
  // All state is in the cluster or in files: there is nothing to save. The supervisor ends what does not end in time.
  let farewell: Farewell = () => Promise.resolve();
  process.on("SIGTERM", () => void farewell().finally(() => process.exit(0)));
  // A Ctrl-C that reaches the whole process group is the supervisor's to judge.
  for (const signal of ["SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  farewell = await runControlPlane({
    settings,
    adminAt: { path: flags.controlSocket },
    env: process.env,
    envoy: {
      xdsSocketPath: flags.xdsSocket,
      adminSocketPath: flags.envoyAdminSocket,
      envoyPath: findEnvoy(flags.envoy, process.env),
    },
    version,
    log,
    clock: systemClock,
    channel: process,
    exit: (code) => process.exit(code),
  });
}
