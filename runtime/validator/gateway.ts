import path from "node:path";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { recordProcess } from "../orphans.ts";
import { systemProcesses } from "../processes.ts";
import { createValidator } from "./validator.ts";
import { createVerdicts, type Verdicts } from "./verdicts.ts";

/** The Envoy that a control plane serves: its binary judges too. */
export interface ServingEnvoy {
  readonly xdsSocketPath: string;
  readonly adminSocketPath: string;
  readonly envoyPath: string;
}

/** The gateway's, in its run directory. The validator is on record there: one whose owners are all killed is ended at the next start. */
export function gatewayVerdicts({ envoyPath, xdsSocketPath }: ServingEnvoy, clock: Clock, log: Log): Verdicts {
  const directory = path.dirname(xdsSocketPath);
  const processes = systemProcesses();
  const file = (name: string) => path.join(directory, name);
  const validator = createValidator({
    envoyPath,
    directory,
    clock,
    log,
    onStarted(pid) {
      log.debug("an Envoy that judges has started", { pid });
      recordProcess({ runDir: { file }, processes, log, role: "validator", pid });
    },
  });
  return createVerdicts(validator, { clock });
}
