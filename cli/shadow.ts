import { systemClock } from "../runtime/clock.ts";
import { runControlPlane } from "../runtime/control-plane.ts";
import { errorText, FatalError } from "../runtime/fatal.ts";
import type { Log } from "../runtime/log.ts";
import type { Settings } from "../runtime/settings.ts";
import { version } from "./assets.ts";

export interface ShadowOptions {
  readonly settings: Settings;
  readonly log: Log;
  /** Ends the process: what it watches keeps it alive. */
  readonly exit: (code: number) => void;
}

/** Nobody started us who would want to hear. */
const noChannel = { connected: false, on: () => undefined };

/** `nuncio run --shadow`: the control plane alone, to see what it says of another gateway's resources. Ends by `exit` alone. */
export async function shadow({ settings, log, exit }: ShadowOptions): Promise<never> {
  log.warn(
    "SHADOW: this serves nothing. It starts no Envoy, opens no port of any Listener and writes nothing to the cluster; " +
      `it compiles what is there and reports problems: here, and on /metrics of port ${settings.adminPort}`,
  );
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    process.on(signal, () => {
      log.info(`${signal}: stopping`);
      exit(0);
    });
  }
  try {
    await runControlPlane({
      settings,
      adminAt: { address: settings.adminAddress, port: settings.adminPort },
      env: process.env,
      envoy: undefined,
      version,
      log,
      clock: systemClock,
      channel: noChannel,
      exit,
    });
  } catch (error) {
    log.error(errorText(error));
    exit(error instanceof FatalError ? error.exitCode : 1);
  }
  return new Promise<never>(() => undefined);
}
