import { afterEach, describe, expect, it } from "@jest/globals";
import type { Judged } from "../../compile/last-good.ts";
import { freeJudge } from "../../compile/verdicts.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { accepted, type FreeContent, type Verdict } from "../../ir/free-content.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { createReconciler, type Reconciler } from "../../runtime/reconciler.ts";
import type { Live } from "../../runtime/when-live.ts";
import { eventually } from "../support/eventually.ts";

const slow = "%START_TIME(%s)%";

function object(kind: string, name: string, spec: object): AnyResource {
  const metadata = { name, namespace: "default" };
  const { resource } = parseResource({ apiVersion: "getambassador.io/v3alpha1", kind, metadata, spec });
  if (resource === undefined) throw new Error(`no ${kind}`);
  return resource;
}

const mapping = (name: string, prefix: string, header?: string): AnyResource =>
  object("Mapping", name, {
    ...{ hostname: "*", prefix, service: "10.0.0.1" },
    ...(header === undefined ? {} : { add_request_headers: { x: { value: header } } }),
  });

/** A reconciler without an Envoy: verdicts are given by hand. */
function started(patienceMs = 600_000) {
  let version = 0;
  const store = createStore(() => undefined);
  const known = new Map<FreeContent, Verdict>();
  const asked: (() => void)[] = [];
  const told: Live[] = [];
  const judged: Judged[] = [];
  const reconciler = createReconciler({
    settings: { ambassadorId: "default", ownNamespace: "default", bindAddress: "127.0.0.1", inCluster: false },
    resources: store.resources,
    versions: () => new Map([["Mapping", String(version)]]),
    verdicts: {
      judge: freeJudge((content) => known.get(content)),
      ask: (uses) =>
        new Promise((resolve) => {
          asked.push(() => {
            for (const { content } of uses) known.set(content, accepted);
            resolve();
          });
        }),
      keepAsking: () => () => undefined,
    },
    onComplete: (live) => told.push(live),
    onSnapshot: () => undefined,
    onJudged: (each) => judged.push(each),
    patienceMs,
    onCompiled: () => undefined,
    clock: systemClock,
    log: silentLog,
  });
  return {
    ...{ asked, told, judged, reconciler },
    put(...objects: readonly AnyResource[]): void {
      for (const each of objects) store.put(each);
      version++;
      reconciler.changed();
    },
  };
}

let reconciler: Reconciler | undefined;
afterEach(() => reconciler?.stop());

describe("while the verdict of a content is awaited", () => {
  it("what is told to be served is what is, and not what has been read since", async () => {
    const it = started();
    reconciler = it.reconciler;
    it.put(
      object("Listener", "http", {
        ...{ port: 8080, protocol: "HTTP", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } },
      }),
      mapping("one", "/one/"),
    );
    await eventually("the first is served", () => it.told.length === 1);
    it.put(mapping("two", "/two/", slow));
    await eventually("a verdict is asked for", () => it.asked.length === 1);
    it.reconciler.changed(true);
    const runs = it.told.length;
    await eventually("another run", () => it.told.length > runs);
    expect([it.told.at(-1)?.versions.get("Mapping"), it.told.at(-1)?.resources.mappings.length]).toEqual(["1", 1]);
    it.asked[0]?.();
    await eventually("both are served", () => it.told.at(-1)?.versions.get("Mapping") === "2");
  });

  it("changes of others do not wait for it any longer than for a while", async () => {
    const it = started(50);
    reconciler = it.reconciler;
    it.put(mapping("one", "/one/"), mapping("two", "/two/"));
    await eventually("the first are served", () => it.told.length === 1);
    const serving = () => it.judged.at(-1)?.effective.mappings.map(({ spec }) => spec?.prefix);
    it.put(mapping("two", "/new/", slow), mapping("new", "/slow/", slow));
    await eventually("a verdict is asked for", () => it.asked.length === 1);
    it.put(mapping("one", "/other/"));
    await eventually("the other change is served", () => serving()?.join() === "/other/,/two/");
    expect(it.judged.at(-1)?.problems.map(({ object, message }) => [object.name, message])).toEqual(
      ["two", "new"].map((name) => [name, expect.stringContaining("is not served before Envoy has judged it")]),
    );
    for (const answer of it.asked) answer();
    await eventually("all are served", () => serving()?.join() === "/slow/,/other/,/new/");
    expect(it.judged.at(-1)?.problems).toEqual([]);
  });
});
