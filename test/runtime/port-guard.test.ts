import { describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import net from "node:net";
import type { AddressInfo } from "node:net";
import type { Clock } from "../../runtime/clock.ts";
import { createPortGuard, type Place } from "../../runtime/port-guard.ts";
import { isHeldByOthers } from "../../runtime/ports.ts";
import { emptySnapshot, type Snapshot, type XdsResource } from "../../xds/snapshot.ts";

const bytes = new Uint8Array();

/** A Listener `name` on a port: its version says which. */
function listener(name: string, port: number): { readonly place: Place; readonly resource: XdsResource } {
  const place = { name, address: "127.0.0.1", port };
  return { place, resource: { name, version: String(port), frame: bytes, body: bytes } };
}

function offerOf(...listeners: readonly ReturnType<typeof listener>[]): readonly [Snapshot, readonly Place[]] {
  const entries = listeners.map(({ resource }) => [resource.name, resource] as const);
  return [{ ...emptySnapshot, listener: new Map(entries) }, listeners.map(({ place }) => place)];
}

/** A guard whose ports are held as the test says. */
function start() {
  const held = new Set<number>();
  const published: string[] = [];
  const told: string[] = [];
  const looked: number[] = [];
  const timers: (() => void)[] = [];
  const clock: Clock = { now: () => 0, setTimer: (_, action) => (timers.push(action), () => undefined) };
  const guard = createPortGuard<Place>({
    isHeld: async ({ port }) => {
      looked.push(port);
      return await Promise.resolve(held.has(port));
    },
    publish: ({ listener: map }) =>
      published.push([...map.values()].map(({ name, version }) => `${name}:${version}`).join(" ")),
    onHeld: (places) => told.push(places.map(({ name, port }) => `${name}:${port}`).join(" ")),
    clock,
    retryMs: 500,
  });
  const turn = () => new Promise((done) => setImmediate(done));
  const offer = (...listeners: readonly ReturnType<typeof listener>[]) => guard.offer(...offerOf(...listeners), 0);
  const retry = async () => {
    timers.shift()?.();
    await turn();
  };
  return { held, published, told, looked, timers, offer, retry, turn };
}

describe("the guard of ports", () => {
  it("looks at a port once, and lets everything after that through at once", async () => {
    const { offer, turn, published, looked } = start();
    offer(listener("a", 1));
    await turn();
    offer(listener("a", 1));
    offer(listener("a", 1));
    expect(published).toEqual(["a:1", "a:1", "a:1"]);
    expect(looked).toEqual([1]);
  });

  it("keeps back the Listener whose port is held, says so once, and opens it when the port is free", async () => {
    const { offer, turn, retry, held, published, told, timers } = start();
    held.add(2);
    offer(listener("a", 1), listener("b", 2));
    await turn();
    offer(listener("a", 1), listener("b", 2));
    await retry();
    expect(published).toEqual(["a:1", "a:1"]);
    expect(told).toEqual(["b:2"]);
    held.clear();
    await retry();
    expect(published).toEqual(["a:1", "a:1", "a:1 b:2"]);
    expect(told).toEqual(["b:2", ""]);
    expect(timers).toHaveLength(0);
  });

  it("leaves a Listener where it is when it moves to a port that is held", async () => {
    const { offer, turn, retry, held, published } = start();
    held.add(2);
    offer(listener("a", 1));
    await turn();
    offer(listener("a", 2));
    await turn();
    held.clear();
    await retry();
    expect(published).toEqual(["a:1", "a:1", "a:2"]);
  });

  it("publishes the newest of what came while it looked, and nothing of what that overtook", async () => {
    const { offer, turn, published, looked } = start();
    offer(listener("a", 1));
    offer(listener("a", 1), listener("b", 2));
    offer(listener("a", 1), listener("c", 3));
    await turn();
    expect(published).toEqual(["a:1 c:3"]);
    expect(looked).toEqual([1, 3]);
  });

  it("looks again at a port that was given up meanwhile", async () => {
    const { offer, turn, looked } = start();
    offer(listener("a", 1));
    await turn();
    offer();
    offer(listener("a", 1));
    await turn();
    expect(looked).toEqual([1, 1]);
  });

  it("stops looking when the Listener goes", async () => {
    const { offer, turn, retry, held, told, timers } = start();
    held.add(2);
    offer(listener("b", 2));
    await turn();
    offer();
    await retry();
    expect(told).toEqual(["b:2", ""]);
    expect(timers).toHaveLength(0);
  });
});

describe("a port", () => {
  const place = (port: number) => ({ name: "a", address: "127.0.0.1", port });

  it("is not held when nobody listens, and is left to Envoy when Envoy cannot be asked", async () => {
    const server = net.createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    expect(await isHeldByOthers(place(port), "/nowhere/admin.sock")).toBe(false);
    server.close();
    await once(server, "close");
    expect(await isHeldByOthers(place(port), "/nowhere/admin.sock")).toBe(false);
  });
});
