import winston from "winston";
import { isError } from "./fatal.ts";

export type Fields = Readonly<Record<string, unknown>>;

/** What the rest of the program knows of logging. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  /** The same log under another name: what a line begins with (`xds: ...`). */
  child(name: string): Log;
}

export const logLevels = ["error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly name: string;
  /** The least important level that is written. */
  readonly level: LogLevel;
  /** One JSON object per line, for machines; otherwise short text. */
  readonly json: boolean;
  /** Standard error: standard output belongs to Envoy's access log. */
  readonly out: NodeJS.WritableStream;
  readonly now: () => Date;
}

export function createLog({ name, level, json, out, now }: LogOptions): Log {
  // A reader that went away (`nuncio run 2>&1 | head`) must not end the gateway.
  out.on("error", () => undefined);
  const logger = winston.createLogger({
    level,
    levels: Object.fromEntries(logLevels.map((each, index) => [each, index])),
    format: winston.format((info) => {
      const entry = readEntry(info);
      info[Symbol.for("message")] = json ? jsonLine(entry, now()) : textLine(entry, now());
      return info;
    })(),
    transports: [new winston.transports.Stream({ stream: out, eol: "\n" })],
  });
  return named(logger, name);
}

/** Drops everything: for tests and for commands that print their own output. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLog,
};

function named(logger: winston.Logger, name: string): Log {
  const at = (level: LogLevel) => (message: string, fields?: Fields) => {
    logger.log({ level, message, name, fields });
  };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (childName) => named(logger, childName),
  };
}

interface Entry {
  readonly level: string;
  readonly name: string;
  readonly message: string;
  readonly fields: Fields;
}

function readEntry(info: winston.Logform.TransformableInfo): Entry {
  const { level, message, name, fields } = info;
  return {
    level,
    message: String(message),
    name: String(name),
    fields: typeof fields === "object" && fields !== null ? { ...fields } : {},
  };
}

/** `12:01:02.123 info  xds: sent type=route bytes=45` in local time. */
function textLine({ level, name, message, fields }: Entry, now: Date): string {
  const pad = (value: number, digits = 2) => String(value).padStart(digits, "0");
  const time = `${pad(now.getHours())}:${pad(now.getMinutes())}:${pad(now.getSeconds())}.${pad(now.getMilliseconds(), 3)}`;
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${fieldText(value)}`);
  return printable(`${time} ${level.padEnd(5)} ${name}: ${message}${pairs.join("")}`);
}

function fieldText(value: unknown): string {
  if (isError(value)) return JSON.stringify(value.message);
  if (typeof value === "string") return /^[^\s"=]+$/.test(value) ? value : JSON.stringify(value);
  if (typeof value === "object" && value !== null) return JSON.stringify(value) ?? String(value);
  return String(value);
}

/** What comes from manifests or from Envoy may hold line breaks and terminal codes: further lines are indented, so that none can
 *  pass for a line of its own, and the rest is shown as `\x1b`. */
function printable(text: string): string {
  return text
    .replace(/\r?\n/g, `\n${" ".repeat(13)}| `)
    .replace(/[^\P{Cc}\n\t]/gu, (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`);
}

function jsonLine({ level, name, message, fields }: Entry, now: Date): string {
  const own: Record<string, unknown> = { timestamp: now.toISOString(), level, logger: name, message };
  for (const [key, value] of Object.entries(fields)) {
    own[key in own ? `${key}_` : key] = isError(value) ? value.message : value;
  }
  return JSON.stringify(own);
}
