/** A gateway as a process: the supervisor with a stand-in for the control plane. Argument: a GatewayOptions object in JSON. */
import { fileURLToPath } from "node:url";
import { systemClock } from "../../../runtime/clock.ts";
import { createLog } from "../../../runtime/log.ts";
import { readSettings } from "../../../runtime/settings.ts";
import type { Patience } from "../../../runtime/watchdog.ts";
import { supervise } from "../../../runtime/supervisor.ts";

export interface GatewayOptions {
  readonly envoyPath: string;
  readonly runDirBase: string;
  readonly adminPort: number;
  /** Where the stand-in writes what it is told. */
  readonly messageFile: string;
  readonly behaviour: "ready" | "waiting" | "fatal" | "fatal-later" | "with-child" | "stubborn";
  readonly patience?: Patience;
  readonly drainDelaySeconds?: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as GatewayOptions;
const { settings } = readSettings(
  {
    config: "/nowhere",
    runDir: options.runDirBase,
    adminPort: String(options.adminPort),
    logLevel: "debug",
    drainDelay: String(options.drainDelaySeconds ?? 0),
  },
  {},
);
const standIn = fileURLToPath(new URL("./stand-in-control-plane.ts", import.meta.url));
process.exit(
  await supervise({
    settings,
    limits: { concurrency: 1, maxHeapBytes: undefined, maxConnections: undefined },
    envoyPath: options.envoyPath,
    controlPlane: (runDir) => ({
      command: process.execPath,
      args: [standIn, runDir.path, options.messageFile, options.behaviour],
    }),
    env: {},
    log: createLog({ name: "gateway", level: "debug", json: false, out: process.stderr, now: () => new Date() }),
    clock: systemClock,
    signals: process,
    ...(options.patience && { patience: options.patience }),
  }),
);
