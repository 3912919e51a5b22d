import { LONGEST_MS } from "./fields.ts";

const units: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Milliseconds of a duration as Go writes it (`2s`, `1.5s`, `500ms`, `1m30s`), which holds those of protobuf's JSON too.
 * undefined: it is none, is negative or is longer than Envoy accepts.
 */
export function durationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let sum = 0;
  for (const [, digits, unit] of text.matchAll(/([\d.]+)([a-zµ]+)/g)) sum += Number(digits) * (units[unit ?? ""] ?? 0);
  return sum <= LONGEST_MS ? Math.round(sum * 1000) / 1000 : undefined;
}

export const DURATION_ADVICE = "write a number and a unit, such as 2s, 500ms or 1m30s";
