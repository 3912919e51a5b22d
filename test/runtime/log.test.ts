import { describe, expect, it } from "@jest/globals";
import { Writable } from "node:stream";
import { envoyLogReader } from "../../runtime/envoy-log.ts";
import { createLog } from "../../runtime/log.ts";
import type { LogOptions } from "../../runtime/log.ts";
import { Redacted } from "../../ir/redacted.ts";
import { memoryLog } from "./memory-log.ts";

function logged(options: Partial<LogOptions>, write: (log: ReturnType<typeof createLog>) => void): readonly string[] {
  let text = "";
  const out = new Writable({ write: (chunk, _encoding, done) => ((text += String(chunk)), done()) });
  const now = () => new Date(2026, 0, 2, 12, 1, 2, 123);
  write(createLog({ name: "gateway", level: "info", json: false, out, now, ...options }));
  return text.split("\n").slice(0, -1);
}

describe("the log", () => {
  it("is short text by default, with fields as k=v", () => {
    const lines = logged({}, (log) => {
      log.child("xds").info("sent", { type: "route", bytes: 45, version: "a b", none: undefined, list: [1, 2] });
      log.error("no", { reason: new Error("it broke") });
    });
    expect(lines).toEqual([
      '12:01:02.123 info  xds: sent type=route bytes=45 version="a b" list=[1,2]',
      '12:01:02.123 error gateway: no reason="it broke"',
    ]);
  });

  it("is one JSON object per line on request, and no field can pass for another", () => {
    const [line = ""] = logged({ json: true }, (log) =>
      log.warn("two\nlines", { level: "mine", bytes: 1, reason: new Error("it broke") }),
    );
    expect(JSON.parse(line)).toEqual({
      timestamp: new Date(2026, 0, 2, 12, 1, 2, 123).toISOString(),
      level: "warn",
      logger: "gateway",
      message: "two\nlines",
      level_: "mine",
      bytes: 1,
      reason: "it broke",
    });
  });

  it("writes nothing below its level", () => {
    expect(logged({ level: "warn" }, (log) => (log.info("no"), log.debug("no"), log.warn("yes")))).toHaveLength(1);
  });

  it("lets no text of others forge a line or drive the terminal", () => {
    const lines = logged({}, (log) => log.info("a\n12:01:02.123 error gateway: forged \u001b[31m"));
    expect(lines).toEqual([
      "12:01:02.123 info  gateway: a",
      "             | 12:01:02.123 error gateway: forged \\x1b[31m",
    ]);
  });

  it("shows no secret", () => {
    expect(logged({}, (log) => log.info("s", { key: new Redacted(Buffer.from("k")) }))[0]).toContain("[redacted]");
  });
});

describe("Envoy's lines", () => {
  const read = (...lines: readonly string[]) => {
    const log = memoryLog("envoy");
    const reader = envoyLogReader(log);
    for (const line of lines) reader.line(line);
    return { lines: log.lines, lastError: reader.lastError() };
  };

  it("keep their level; a line without one goes on with the last", () => {
    const { lines, lastError } = read(
      "before",
      "[warning][config] bad",
      "  more",
      "[critical][main] worse",
      "[trace][http] t",
    );
    expect(lines).toEqual([
      "info envoy: before",
      'warn envoy: bad {"part":"config"}',
      "warn envoy:   more",
      'error envoy: worse {"part":"main"}',
      'debug envoy: t {"part":"http"}',
    ]);
    expect(lastError).toBe("worse");
  });

  it("that say what the supervisor knows are for debugging only", () => {
    const { lines } = read(
      "[warning][config] DeltaAggregatedResources gRPC config stream to xds_cluster closed since 0s ago: 14, upstream",
    );
    expect(lines[0]).toMatch(/^debug/);
  });

  it("are cut when they hold a whole resource", () => {
    expect(read(`[warning][config] ${"x".repeat(5000)}`).lines[0]).toMatch(/x{500} \.\.\. \(5000 characters\)/);
  });

  it("show no private key, on one line or on many, escaped or as bytes", () => {
    const { lines } = read(
      '[warning][config] rejected: private_key { inline_string: "-----BEGIN PRIVATE KEY-----\\nSECRET\\n-----END PRIVATE KEY-----\\n" } end1',
      "[error][main] key -----BEGIN RSA PRIVATE KEY-----",
      "SECRET",
      "-----END RSA PRIVATE KEY----- end2",
      '[error][main] {"inline_bytes":"SECRET=="} end3',
      '[error][main] cut off: inline_bytes: "SECRET',
    );
    expect(lines.join("\n")).not.toMatch(/SECRET/);
    expect(lines.join("\n")).toMatch(/end1[^]*end2[^]*end3/);
  });
});
