import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { systemClock } from "../clock.ts";
import type { Log } from "../log.ts";
import { createValidator, type Validator } from "./validator.ts";

/** A validator outside of a gateway, with a directory of its own, which goes with it. Contents that belong to a gateway's machine are not judged by it. */
export function temporaryValidator(envoyPath: string, log: Log): Validator {
  // Of mode 0700. Not by TMPDIR, which can be longer than a socket's path may be.
  const directory = fs.mkdtempSync(path.join(process.platform === "linux" ? "/tmp" : os.tmpdir(), "nuncio-verdict-"));
  const validator = createValidator({ envoyPath, directory, clock: systemClock, log });
  const remove = () => fs.rmSync(directory, { recursive: true, force: true });
  process.once("exit", remove);
  return {
    judge: (contents) => validator.judge(contents),
    get pid() {
      return validator.pid;
    },
    async close() {
      await validator.close();
      process.off("exit", remove);
      remove();
    },
  };
}
