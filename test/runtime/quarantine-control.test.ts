import { afterEach, describe, expect, it } from "@jest/globals";
import { createStore } from "../../compile/store.ts";
import type { AnyResource, Resources } from "../../crds/resources.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { controlQuarantine } from "../../runtime/quarantine/control.ts";
import { createReconciler, type Reconciler } from "../../runtime/reconciler.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import { ambassador } from "../compile/random-objects.ts";
import { eventually } from "../support/eventually.ts";

const mapping = (name: string, service: string): AnyResource =>
  ambassador("Mapping", name, { hostname: "*", prefix: `/${name}/`, service });
const listener = ambassador("Listener", "http", {
  ...{ port: 8080, protocol: "HTTP", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } },
});

const refusedService = "10.0.0.9";

/** Envoy's part is played: it refuses a table, which leads to nobody, as long as there is a cluster of that service. */
function gateway(clock: Clock = systemClock) {
  const store = createStore(() => undefined);
  const published: Snapshot[] = [];
  const told: Snapshot[] = [];
  let served: Resources | undefined;
  const quarantine = controlQuarantine({
    settings: { namespace: "default", ambassadorId: "default" },
    metrics: { quarantined: () => undefined },
    ...{ log: silentLog, clock, signal: new AbortController().signal },
    onChange: () => reconciler.changed(),
    onAcknowledged: ({ snapshot }) => told.push(snapshot),
  });
  const reconciler: Reconciler = createReconciler({
    settings: { ambassadorId: "default", ownNamespace: "default", bindAddress: "127.0.0.1", inCluster: false },
    resources: store.resources,
    quarantine,
    onSnapshot(snapshot) {
      published.push(snapshot);
      quarantine.published(snapshot);
      const isBad = [...snapshot.cluster.keys()].some((name) => name.includes(refusedService));
      const refused = { type: "route", name: "t", version: "1", message: "no", keeps: true } as const;
      const event = { kind: "acknowledged", stream: 1, snapshot, refused: isBad ? [refused] : [] } as const;
      setImmediate(() => quarantine.heard(event, () => undefined));
    },
    onJudged: ({ effective }) => (served = effective),
    onCompiled: () => undefined,
    ...{ clock: systemClock, log: silentLog },
  });
  return {
    ...{ quarantine, reconciler, published, told },
    served: () => served?.mappings.map(({ name }) => name),
    put(...objects: readonly AnyResource[]): void {
      for (const each of objects) store.put(each);
      reconciler.changed();
    },
  };
}

let reconciler: Reconciler | undefined;
afterEach(() => reconciler?.stop());

describe("when it is found out who is to blame for a refusal", () => {
  it("the acknowledgement of what serves then is told, though nothing is published after it", async () => {
    const it = gateway();
    reconciler = it.reconciler;
    it.put(listener, mapping("first", "10.0.0.1"));
    await eventually("the first is served", () => it.told.length === 1);
    it.put(mapping("bad", refusedService), mapping("good", "10.0.0.2"), mapping("other", "10.0.0.3"));
    await eventually("others are served", () => it.served()?.join() === "first,good,other");
    await eventually("that is told", () => it.told.at(-1) === it.published.at(-1));
    expect(it.quarantine.isAtWork()).toBe(false);
    expect(it.told).toHaveLength(2);
  });
});

describe("a search that takes too long", () => {
  it("leaves some out, and goes on by itself until every good object is served", async () => {
    const some = Array.from({ length: 90 }, (_, index) =>
      index % 2 === 1 ? mapping(`bad${index}`, refusedService) : mapping(`good${index}`, `10.0.1.${index}`),
    );
    const goodOf = (names: readonly string[] = []) => names.filter((name) => name.startsWith("good")).length;
    const retries: (() => void)[] = [];
    const clock: Clock = { ...systemClock, setTimer: (_, retry) => (retries.push(retry), () => undefined) };
    const it = gateway(clock);
    reconciler = it.reconciler;
    it.put(listener, mapping("first", "10.0.0.1"));
    await eventually("the first is served", () => it.told.length === 1);
    it.put(...some);
    await eventually("the search has ended", () => it.told.length > 1);
    expect(goodOf(it.served())).toBeLessThan(45);
    const refusals = it.quarantine.objects().flatMap((each) => each.refusals);
    expect(refusals.some(({ isHeld }) => isHeld)).toBe(true);
    while (retries.length > 0) {
      retries.shift()?.();
      await eventually("the next search has ended", () => !it.quarantine.isAtWork());
    }
    expect([goodOf(it.served()), it.served()?.length]).toEqual([45, 46]);
  });
});
