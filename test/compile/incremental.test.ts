import { describe, expect, it } from "@jest/globals";
import { type Compiled, compile, createChecker, createCompiler } from "../../compile/compile.ts";
import { createStore } from "../../compile/store.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import type { FreeUse } from "../../ir/free-content.ts";
import { formatProblem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { harnessOf } from "../../xds/resources/harness.ts";
import type { ResourceMap } from "../../xds/snapshot.ts";
import { selfSigned } from "../support/certificates.ts";
import { seeded, seedOfRun } from "../support/random.ts";
import { ambassador, randomMapping, randomOther } from "./random-objects.ts";

const settings: CompileSettings = {
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "127.0.0.1",
  inCluster: true,
  knative: true,
  ownService: "127.0.0.1:8877",
};

function versions(map: ResourceMap): [string, string][] {
  return [...map.values()]
    .map(({ name, version }): [string, string] => [name, version])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function textOf(use: FreeUse): string {
  const { name } = harnessOf(use.content).resource;
  return use.kind === "field" ? `${name} ${formatProblem(use.problem)}` : `${name} ${use.content.name}`;
}

function view({ snapshot, problems, endpoints, certificates, freeUses }: Compiled, endpointMap: ResourceMap): unknown {
  return {
    runtime: versions(snapshot.runtime),
    extension: versions(snapshot.extension),
    cluster: versions(snapshot.cluster),
    listener: versions(snapshot.listener),
    route: versions(snapshot.route),
    secret: versions(snapshot.secret),
    endpoint: versions(endpointMap),
    endpoints: [...endpoints.keys()].sort(),
    problems: problems.map(formatProblem),
    certificates,
    freeUses: freeUses.map(textOf).sort(),
  };
}

describe("an incremental compile", () => {
  it("gives the bytes and the problems of a fresh one after every one of 1,000 random edits", async () => {
    const good = await Promise.all([
      selfSigned({ hosts: ["a.example.com"] }),
      selfSigned({ hosts: ["b.example.com"] }),
    ]);
    const seed = seedOfRun();
    const random = seeded(seed);
    const store = createStore(() => undefined);
    const incremental = createCompiler();
    const check = createChecker();
    const discover = endpointDiscovery();
    const all: AnyResource[] = [];
    for (let edit = 0; edit < 1000; edit++) {
      const burst = random.chance(0.1) ? 1 + random.integer(30) : 1;
      for (let i = 0; i < burst; i++) {
        if (all.length > 0 && random.chance(0.25)) {
          const [gone] = all.splice(random.integer(all.length), 1);
          if (gone !== undefined) store.remove(gone.kind, gone.namespace, gone.name);
        } else {
          const put = random.chance(0.7) ? randomMapping(random) : randomOther(random, { good });
          store.put(put);
          all.push(put);
        }
      }
      const resources = store.resources();
      const now = incremental(resources, settings);
      const fresh = compile(resources, settings);
      const checked = check(resources, settings).problems.map(formatProblem);
      expect(checked).toEqual(now.problems.map(formatProblem));
      const seen = view(now, discover(now.endpoints, resources));
      const expected = view(fresh, endpointDiscovery()(fresh.endpoints, resources));
      if (JSON.stringify(seen) !== JSON.stringify(expected)) {
        expect({ seed, edit, ...(seen as object) }).toEqual({ seed, edit, ...(expected as object) });
      }
    }
  });

  it("gives the same bytes whatever the order in which resources arrive", () => {
    const random = seeded(7);
    const some = Array.from({ length: 80 }, () => randomMapping(random));
    const unique = [...new Map(some.map((each) => [each.name, each])).values()];
    const listener = ambassador("Listener", "l", {
      port: 8080,
      protocol: "HTTP",
      securityModel: "XFP",
      hostBinding: { namespace: { from: "ALL" } },
    });
    const results = Array.from({ length: 5 }, () => {
      const store = createStore(() => undefined);
      for (const each of [...unique, listener].sort(() => random.next() - 0.5)) store.put(each);
      const compiled = compile(store.resources(), settings);
      return JSON.stringify(view(compiled, new Map()));
    });
    expect(new Set(results).size).toBe(1);
  });

  it.each([1, 100])(
    "builds one Mapping, one group and one table when one of 10,000 Mappings over %d host names changes",
    (hosts) => {
      const store = createStore(() => undefined);
      const make = (index: number, timeoutMs: number) =>
        ambassador("Mapping", `m${index}`, {
          hostname: hosts === 1 ? "*" : `h${index % hosts}.example.com`,
          prefix: `/p${index}/`,
          service: `10.1.${index >> 8}.${index & 255}`,
          timeout_ms: timeoutMs,
        });
      store.put(
        ambassador("Listener", "l", {
          port: 8080,
          protocol: "HTTP",
          securityModel: "XFP",
          hostBinding: { namespace: { from: "ALL" } },
        }),
      );
      store.replace(
        "Mapping",
        Array.from({ length: 10_000 }, (_, index) => make(index, 3000)),
      );
      const incremental = createCompiler();
      const check = createChecker();
      for (const each of [incremental, check]) {
        const first = each(store.resources(), settings).counters;
        expect(first).toMatchObject({ mappings: 10_002, clusters: 10_001 });
      }
      store.put(make(4711, 1234));
      // It makes no tables, but encodes the route: that may fail, and who asks wants to know.
      expect(check(store.resources(), settings).counters).toMatchObject({ mappings: 1, groups: 1, routes: 1 });
      const changed = incremental(store.resources(), settings);
      expect(changed.counters).toEqual({
        mappings: 1,
        groups: 1,
        domains: 1,
        tables: 1,
        routes: 1,
        clusters: 0,
        listeners: 0,
      });
      expect(incremental(store.resources(), settings).counters).toEqual({
        mappings: 0,
        groups: 0,
        domains: 0,
        tables: 0,
        routes: 0,
        clusters: 0,
        listeners: 0,
      });
    },
  );
});
