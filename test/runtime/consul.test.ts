import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { sourceMap } from "../../compile/source-map.ts";
import { manifestReader } from "../../compile/manifests.ts";
import type { ConsulEndpoints } from "../../discovery/consul.ts";
import { emptyIr } from "../../ir/empty.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { type Consul, watchConsul } from "../../runtime/consul.ts";
import { silentLog } from "../../runtime/log.ts";
import { createReconciler } from "../../runtime/reconciler.ts";
import { readSettings } from "../../runtime/settings.ts";
import type { EdsEndpoints } from "../../xds/resources/endpoints.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import { startConsul, type TestConsul } from "../support/consul.ts";
import { eventually } from "../support/eventually.ts";
import { listenerAndHost, mapping } from "../support/gateway.ts";

const noSources = sourceMap(emptyIr, []);

let consul: TestConsul;
let stopped: AbortController;
let aheadMs = 0;

/** The system's, moved ahead by hand. */
const clock: Clock = { now: () => systemClock.now() + aheadMs, setTimer: systemClock.setTimer };

beforeEach(async () => {
  consul = await startConsul();
  stopped = new AbortController();
  aheadMs = 0;
});

afterEach(async () => {
  stopped.abort();
  await consul.stop();
});

function watch(onEndpoints: () => void = () => undefined): Consul {
  const settings = readSettings({}, {}).settings.consul;
  return watchConsul({ settings, env: {}, clock, signal: stopped.signal, onEndpoints, onProblems: () => undefined });
}

function needed(...services: readonly string[]): ReadonlyMap<string, EdsEndpoints> {
  return new Map(
    services.map((service) => [
      `cluster-${service}`,
      { kind: "consul", address: consul.address, datacenter: "dc1", service },
    ]),
  );
}

describe("services in Consul", () => {
  it("are waited for from when they are first needed until they are answered, and not for long", async () => {
    consul.set("web", []);
    const watched = watch();
    expect(watched.awaitedMs()).toBe(0);
    watched.need(needed("web"));
    expect(watched.awaitedMs()).toBeGreaterThan(0);
    await eventually("it is answered", () => watched.awaitedMs() === 0 && watched.endpoints().size === 1);
    consul.behave("hang");
    watched.need(needed("web", "other"));
    expect(watched.awaitedMs()).toBeGreaterThan(0);
    aheadMs += 1000;
    expect(watched.awaitedMs()).toBe(0);
  });

  it("are not waited for where Consul cannot be reached", async () => {
    await consul.stop();
    const watched = watch();
    watched.need(needed("web"));
    const answeredNothing = await eventually("it was tried", () => (watched.awaitedMs() === 0 ? watched : undefined));
    expect(answeredNothing.endpoints().size).toBe(0);
    expect(watched.problems(noSources)).toEqual([]);
    aheadMs += 5000;
    expect(watched.problems(noSources)).toMatchObject([{ code: "ConsulUnavailable", severity: "warning" }]);
    await consul.start();
  });

  it("are the same endpoints for as long as their instances are, in whatever order Consul tells them", async () => {
    let changes = 0;
    const watched = watch(() => changes++);
    const [one, two] = [
      { address: "10.0.0.1", port: 80 },
      { address: "10.0.0.2", port: 80 },
    ];
    consul.set("web", [one, two]);
    watched.need(needed("web"));
    await eventually("it is answered", () => changes === 1 && consul.waiting("web") === 1);
    const before = watched.endpoints();
    const asked = consul.queries.length;
    consul.set("web", [two, one]);
    await eventually("it was answered again", () => consul.queries.length > asked && consul.waiting("web") === 1);
    expect([watched.endpoints() === before, changes]).toEqual([true, 1]);
  });
});

describe("a snapshot with a service that is new", () => {
  it("is not published before the service's first answer", async () => {
    const { resources } = manifestReader()(
      new Map([
        [
          "a.yaml",
          {
            kind: "text",
            text: listenerAndHost(1) + mapping("m", { prefix: "/", service: "web", resolver: "consul" }),
          },
        ],
      ]),
    );
    let awaitedMs = 1000;
    let polls = 0;
    let endpoints: ConsulEndpoints = new Map();
    const published: Snapshot[] = [];
    const reconciler = createReconciler({
      settings: { ambassadorId: "default", ownNamespace: "default", bindAddress: "127.0.0.1", inCluster: false },
      resources: () => resources,
      consul: {
        endpoints: () => endpoints,
        awaitedMs() {
          polls++;
          return awaitedMs;
        },
      },
      onSnapshot: (snapshot) => published.push(snapshot),
      onJudged: () => undefined,
      onCompiled: () => undefined,
      clock: systemClock,
      log: silentLog,
    });
    reconciler.changed();
    await eventually("it was looked often whether it has come", () => polls > 5);
    expect(published).toEqual([]);
    endpoints = new Map([['[null,"dc1","web"]', [{ address: "10.0.0.1", port: 80, draining: false }]]]);
    awaitedMs = 0;
    await eventually("it is published", () => published.length > 0);
    expect(published.map(({ endpoint }) => endpoint.size)).toEqual([1]);
    reconciler.stop();
  });
});
