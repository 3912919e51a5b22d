import type { Fields, Log } from "../../runtime/log.ts";

export interface MemoryLog extends Log {
  /** `warn files: message {"k":1}` */
  readonly lines: string[];
}

/** Keeps what is logged, for tests that look at it. */
export function memoryLog(name = "test", lines: string[] = []): MemoryLog {
  const at = (level: string) => (message: string, fields?: Fields) => {
    lines.push(`${level} ${name}: ${message}${fields === undefined ? "" : ` ${JSON.stringify(fields)}`}`);
  };
  return {
    lines,
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (childName) => memoryLog(childName, lines),
  };
}
