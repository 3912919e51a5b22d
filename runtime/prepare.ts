import fs from "node:fs";
import path from "node:path";
import { envoyBootstrap, type Json } from "./bootstrap.ts";
import type { Clock } from "./clock.ts";
import { type EnvoyLimits, sayLimits } from "./envoy-limits.ts";
import { errorText, FatalError } from "./fatal.ts";
import type { Log } from "./log.ts";
import { claimRunDir } from "./orphans.ts";
import { systemProcesses } from "./processes.ts";
import { openRunDir, type RunDir } from "./run-dir.ts";
import type { Environment, Settings } from "./settings.ts";
import { statsdSink } from "./statsd.ts";

export interface PrepareOptions {
  readonly settings: Settings;
  /** Where Envoy is: settings.envoyPath or the one that set-up installed. */
  readonly envoyPath: string;
  readonly limits: EnvoyLimits;
  /** Added to Envoy's runtime. */
  readonly runtimeFlags?: Readonly<Record<string, Json>>;
  readonly env: Environment;
  readonly log: Log;
  readonly clock: Clock;
}

/** The run directory, claimed, with Envoy's bootstrap in it. A FatalError where that cannot be, or Envoy cannot run. */
export async function prepare(options: PrepareOptions): Promise<RunDir> {
  const { settings, limits, envoyPath, env, log, clock, runtimeFlags } = options;
  checkEnvoy(envoyPath);
  sayLimits(limits, log);
  const { mode, adminPort, ambassadorId, namespace, nodeId, runDirBase, stats } = settings;
  const configPath = mode.kind === "standalone" ? path.resolve(mode.configPath) : "";
  const runDir = openRunDir({
    identity: { adminPort, configPath, ambassadorId },
    base: runDirBase,
    xdgRuntimeDir: env["XDG_RUNTIME_DIR"],
    uid: process.getuid?.(),
  });
  await claimRunDir({ runDir, processes: systemProcesses(), pid: process.pid, log, clock });
  const { adminSocketPath, xdsSocketPath } = runDir;
  const bootstrap = envoyBootstrap({
    nodeId,
    nodeCluster: `${ambassadorId}-${namespace}`,
    adminSocketPath,
    xdsSocketPath,
    limits,
    stats,
    statsd: settings.statsd === undefined ? undefined : await statsdSink(settings.statsd, log),
    runtimeFlags,
  });
  fs.writeFileSync(runDir.bootstrapPath, JSON.stringify(bootstrap), { mode: 0o600 });
  return runDir;
}

/** To be called before Envoy starts: writes its bootstrap again where somebody has taken it away. systemd-tmpfiles does so with files
 *  in /tmp that nobody reads for days. */
export function bootstrapKeeper({ bootstrapPath }: RunDir, log: Log): () => void {
  const bootstrap = fs.readFileSync(bootstrapPath);
  return () => {
    if (fs.existsSync(bootstrapPath)) return;
    try {
      fs.writeFileSync(bootstrapPath, bootstrap, { mode: 0o600 });
      log.warn("Envoy's bootstrap was gone, and is written again", { file: bootstrapPath });
    } catch (error) {
      log.error("Envoy's bootstrap is gone, and cannot be written", { file: bootstrapPath, reason: errorText(error) });
    }
  };
}

function checkEnvoy(envoyPath: string): void {
  try {
    fs.accessSync(envoyPath, fs.constants.X_OK);
  } catch (error) {
    throw new FatalError(
      `cannot run Envoy at ${envoyPath}: ${errorText(error)}; name a binary with --envoy, or have set-up install one`,
    );
  }
}
