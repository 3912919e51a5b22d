import { describe, expect, it } from "@jest/globals";
import { EventEmitter } from "node:events";
import { noFailures, restartDelay } from "../../runtime/back-off.ts";
import { parseControlPlaneMessage, parseSupervisorMessage } from "../../runtime/ipc.ts";
import { connectParent } from "../../runtime/parent.ts";

describe("a restart", () => {
  it("is immediate the first time, then waits twice as long each time, up to the longest, and afresh after a long life", () => {
    const lives = [10, 10, 10, 10, 10, 10, 10, 10, 10, 30_000, 10];
    let state = noFailures;
    const delays = lives.map((livedMs) => {
      const [next, delayMs] = restartDelay(state, livedMs, { maxMs: 5000, resetAfterMs: 30_000 });
      state = next;
      return delayMs;
    });
    expect(delays).toEqual([0, 100, 200, 400, 800, 1600, 3200, 5000, 5000, 0, 100]);
  });
});

describe("messages between supervisor and control plane", () => {
  it("are read whole or not at all", () => {
    expect(parseSupervisorMessage({ type: "envoyStarted", pid: 1, restarts: 0 })).toEqual({
      type: "envoyStarted",
      pid: 1,
      restarts: 0,
    });
    const ended = { type: "envoyEnded", how: "exited with code 1" };
    expect(parseSupervisorMessage(ended)).toEqual(ended);
    expect(parseControlPlaneMessage({ type: "fatal", message: "m", exitCode: 2 })).toEqual({
      type: "fatal",
      message: "m",
      exitCode: 2,
    });
    for (const odd of [
      undefined,
      null,
      "ready",
      {},
      { type: "envoyStarted", pid: "1", restarts: 0 },
      { type: "envoyEnded" },
      { type: "fatal" },
    ]) {
      expect([parseSupervisorMessage(odd), parseControlPlaneMessage(odd)]).toEqual([undefined, undefined]);
    }
  });
});

describe("the control plane's end of the channel", () => {
  class Channel extends EventEmitter {
    connected = true;
    readonly sent: unknown[] = [];
    send = (message: unknown, done: (error: Error | null) => void): boolean => {
      this.sent.push(message);
      done(null);
      return true;
    };
  }

  it("is none in a process that no supervisor started", () => {
    const on = () => undefined;
    expect(connectParent({ channel: { connected: false, on }, onMessage: on, onGone: on })).toBeUndefined();
  });

  it("passes messages on and tells once that the supervisor is gone, after which sending does no harm", async () => {
    const channel = new Channel();
    const events: unknown[] = [];
    const parent = connectParent({
      channel,
      onMessage: (message) => events.push(message),
      onGone: () => events.push("gone"),
    });
    channel.emit("message", { type: "draining" });
    channel.emit("message", { type: "unknown" });
    await new Promise((done) => setImmediate(done));
    await parent?.send({ type: "ready", envoyPid: 7 });
    channel.connected = false;
    channel.emit("disconnect");
    channel.emit("disconnect");
    await parent?.send({ type: "ready", envoyPid: 7 });
    expect(events).toEqual([{ type: "draining" }, "gone"]);
    expect(channel.sent).toEqual([{ type: "ready", envoyPid: 7 }]);
  });

  it("tells that the supervisor is gone also when that happened before", async () => {
    const channel = new Channel();
    channel.connected = false;
    await new Promise<void>((resolve) => {
      connectParent({ channel, onMessage: () => undefined, onGone: resolve });
    });
  });
});
