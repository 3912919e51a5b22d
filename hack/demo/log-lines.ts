/** Whether a line is shown, and how. */
type Rule = (level: string, name: string, message: string) => Shown | undefined;

/** What the demo shows of the gateway's output: less than `nuncio run` prints, so that the lines can be read as they come. */
export interface LogLines {
  /** A line of standard output, where Envoy writes its access log. */
  access(line: string): string;
  /** A line of standard error, the gateway's own log at level debug. Undefined: not shown. */
  log(line: string): Shown | undefined;
}

export interface Shown {
  readonly text: string;
  /** Something is wrong: it is shown at any time, other lines only below the page. */
  readonly isAlarm: boolean;
}

// ACCESS [2026-11-21T15:17:38.970Z] "GET /quote/ HTTP/1.1" 200 - 0 98 1 0 "127.0.0.1" "curl/7.88.1" "..." "127.0.0.1:8080" "127.0.0.1:9001"
const accessLine = /^ACCESS \[[^\]]*T([\d:.]+)Z?\] "(\S+) (\S+) [^"]*" (\d+) (\S+) \S+ \S+ (\d+) .*"([^"]*)"$/;
// 15:20:33.847 debug nuncio: live ms=27.5
const logLine = /^\S+ (debug|info |warn |error) (\w+): (.*)$/;

export function logLines(): LogLines {
  /** A problem was told since the last configuration went live. */
  let hasNews = false;
  return {
    access(line) {
      const [, , method, path, status, flags, milliseconds, upstream] = accessLine.exec(line) ?? [];
      if (method === undefined) return line;
      const from = upstream === "-" ? "" : ` from ${upstream}`;
      const why = flags === "-" ? "" : ` (${flags})`;
      return `access: ${method} ${path} -> ${status}${why} in ${milliseconds} ms${from}`;
    },

    log: logReader(textOf),
  };

  function textOf(level: string, name: string, message: string): ReturnType<Rule> {
    if (level === "warn " || level === "error") {
      hasNews = true;
      return { text: `${level.trim()}: ${message.replace(/ code=(\w+)$/, " [$1]")}`, isAlarm: true };
    }
    if (level === "info ") return name === "xds" ? undefined : { text: `${name}: ${message}`, isAlarm: false };
    const live = name === "nuncio" ? /^live(?: ms=([\d.]+))?$/.exec(message) : null;
    if (live === null) return undefined;
    const isPlain = !hasNews;
    hasNews = false;
    if (!isPlain) return undefined;
    const after = live[1] === undefined ? "" : ` ${live[1]} ms after the change was seen`;
    return { text: `nuncio: live${after}`, isAlarm: false };
  }
}

/** Of the admission process: what it refused, and what is wrong with it. */
export function admissionLines(): Pick<LogLines, "log"> {
  return {
    log: logReader((level, _, message) => {
      if (level === "warn " || level === "error")
        return { text: `admission: ${level.trim()}: ${message}`, isAlarm: true };
      return message.startsWith("denied: ") ? { text: `admission: ${message}`, isAlarm: false } : undefined;
    }),
  };
}

function logReader(rule: Rule): LogLines["log"] {
  let shown: Shown | undefined;
  return (line) => {
    const [, level, name = "", message = ""] = logLine.exec(line) ?? [];
    if (level === undefined) {
      // A line that goes on with the one before, or one that is not the log's: a stack trace, a last word.
      return shown !== undefined || !/^ +\| /.test(line) ? { text: line, isAlarm: shown?.isAlarm ?? true } : undefined;
    }
    shown = rule(level, name, message);
    return shown;
  };
}
