import type { Log } from "./log.ts";

/** Of Envoy's `--log-format`: a level and a logger that we can read back. */
export const envoyLogFormat = "[%l][%n] %v";

const maxLineLength = 500;

/** What Envoy says again and again and a person can do nothing about. */
const noise: readonly RegExp[] = [
  // An edge proxy's limit on connections is a setting of ours to come, not news at each start.
  /^There is no configured limit to the number of allowed active downstream connections/,
  // The control plane is starting or restarts; the supervisor has said so.
  /gRPC config stream to xds_cluster closed/,
];

const levels: Readonly<Record<string, "debug" | "info" | "warn" | "error">> = {
  trace: "debug",
  debug: "debug",
  info: "info",
  warning: "warn",
  error: "error",
  critical: "error",
};

export interface EnvoyLogReader {
  /** One line of Envoy's standard error. */
  line(text: string): void;
  /** The last line of level error or critical: why Envoy ended, when it did. */
  lastError(): string | undefined;
}

/** Puts Envoy's lines into our log, with their level. */
export function envoyLogReader(log: Log): EnvoyLogReader {
  let level: "debug" | "info" | "warn" | "error" = "info";
  let insideKey = false;
  let lastError: string | undefined;
  return {
    lastError: () => lastError,
    line(text) {
      const head = /^\[(trace|debug|info|warning|error|critical)\]\[([\w.]+)\] (.*)$/.exec(text);
      const body = head?.[3] ?? text;
      // A line without a head goes on with the one before: a stack trace, or a resource that was refused.
      if (head !== null) {
        insideKey = false;
        level = noise.some((each) => each.test(body)) ? "debug" : (levels[head[1] ?? ""] ?? "info");
      }
      const [shown, stillInside] = withoutSecrets(body, insideKey);
      insideKey = stillInside;
      if (shown.trim() === "") return;
      const message =
        shown.length > maxLineLength ? `${shown.slice(0, maxLineLength)} ... (${shown.length} characters)` : shown;
      if (level === "error" && head !== null) lastError = message;
      log[level](message, head === null ? undefined : { part: head[2] });
    },
  };
}

/** A message about a refused resource can hold the resource, private keys included. The second value: the text ended inside a PEM block. */
function withoutSecrets(text: string, insideKey: boolean): readonly [string, boolean] {
  let rest = text;
  if (insideKey) {
    const end = /-----END [^-]*-----/.exec(rest);
    if (end === null) return ["", true];
    rest = rest.slice(end.index + end[0].length);
  }
  rest = rest.replace(/-----BEGIN [^-]*-----.*?-----END [^-]*-----/g, "[redacted]");
  // Bytes are printed escaped, or in base64: whatever the form, the value of these fields is not for a log.
  rest = rest.replace(/\b(inline_bytes|inline_string)(["']?\s*:\s*)"(?:[^"\\]|\\.)*"?/g, '$1$2"[redacted]"');
  const open = rest.indexOf("-----BEGIN ");
  return open === -1 ? [rest, false] : [`${rest.slice(0, open)}[redacted]`, true];
}
