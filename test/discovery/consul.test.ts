import { describe, expect, it } from "@jest/globals";
import { instancesOf, notAsked, step, type WatchEvent, type WatchState } from "../../discovery/consul.ts";
import { fillVariables, parseConsulAddress } from "../../ir/consul-address.ts";

const answered = (index: string | undefined, tookMs = 5000): WatchEvent => ({ kind: "answered", index, tookMs });
const failed: WatchEvent = { kind: "failed" };

/** Index of the next query, and the wait before it, after each event. */
function run(...events: readonly WatchEvent[]): readonly (readonly [index: number, delayMs: number])[] {
  let state: WatchState = notAsked;
  return events.map((event) => {
    const [next, delayMs] = step(state, event);
    state = next;
    return [state.index, delayMs];
  });
}

describe("queries for a service", () => {
  it("wait for what is newer than the last answer, at once after each", () => {
    expect(run(answered("7", 1), answered("9"), answered("9"))).toEqual([
      [7, 0],
      [9, 0],
      [9, 0],
    ]);
  });

  it("start again when the index goes backwards, and when there is none", () => {
    expect(run(answered("900"), answered("20"), answered("20"))).toEqual([
      [900, 0],
      [0, 100],
      [20, 0],
    ]);
    expect(run(answered(undefined), answered("0"), answered("-3"), answered("x"))).toEqual([
      [0, 1000],
      [0, 1000],
      [0, 1000],
      [0, 1000],
    ]);
  });

  it("are no busy loop where nothing blocks", () => {
    expect(run(answered("7", 1), answered("7", 1))).toEqual([
      [7, 0],
      [7, 1000],
    ]);
  });

  it("are repeated after longer and longer waits while they fail, from the start, and at once after an answer", () => {
    const delays = run(answered("7"), ...Array.from({ length: 11 }, () => failed), answered("3"), failed);
    expect(delays.map(([, delayMs]) => delayMs)).toEqual([
      0, 0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000, 0, 0,
    ]);
    expect(delays.slice(1, 12).every(([index]) => index === 0)).toBe(true);
  });
});

describe("instances", () => {
  const entry = (address: string, port: unknown, node = "10.0.0.9") => ({
    Node: { Address: node },
    Service: { Address: address, Port: port },
  });

  it("are those with a port, each once, in an order of their own", () => {
    const answer = [entry("10.0.0.2", 80), entry("", 81), entry("10.0.0.1", 80), entry("10.0.0.2", 80)];
    expect(instancesOf(answer)).toEqual([
      { host: "10.0.0.1", port: 80 },
      { host: "10.0.0.2", port: 80 },
      { host: "10.0.0.9", port: 81 },
    ]);
    expect(instancesOf([entry("10.0.0.1", 0), entry("", 80, ""), entry("a", "80"), null, 7, {}])).toEqual([]);
  });

  it("are not read from what is no answer of Consul's", () => {
    expect([instancesOf(undefined), instancesOf({}), instancesOf("[]")]).toEqual([undefined, undefined, undefined]);
  });
});

describe("addresses of Consul", () => {
  it.each([
    ["consul-server:8500", { kind: "tcp", tls: undefined, host: "consul-server", port: 8500 }],
    ["10.0.0.1", { kind: "tcp", tls: undefined, host: "10.0.0.1", port: 80 }],
    ["http://consul.example.com:8500/", { kind: "tcp", tls: false, host: "consul.example.com", port: 8500 }],
    ["https://consul", { kind: "tcp", tls: true, host: "consul", port: 443 }],
    ["[::1]:8500", { kind: "tcp", tls: undefined, host: "::1", port: 8500 }],
    ["unix:///run/consul.sock", { kind: "unix", path: "/run/consul.sock" }],
  ])("%s is one", (text, address) => {
    expect(parseConsulAddress(text)).toEqual(address);
  });

  it.each(["", "consul:8500:1", "tcp://consul:8500", "consul:0", "consul:99999", "a b", "consul/v1", "unix://x"])(
    "%j is none",
    (text) => {
      expect(parseConsulAddress(text)).toBeUndefined();
    },
  );

  it("have variables of the environment filled in, and name those that are not set", () => {
    const env = { HOST_IP: "10.0.0.1", PORT: "8500", EMPTY: "" };
    expect(fillVariables("$HOST_IP:${PORT}", env)).toEqual({ text: "10.0.0.1:8500" });
    expect(fillVariables("$NOT_SET:${EMPTY}$", env)).toEqual({ missing: ["NOT_SET", "EMPTY"] });
    expect(fillVariables("consul:8500", env)).toEqual({ text: "consul:8500" });
  });
});
