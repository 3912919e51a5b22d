import { describe, expect, it } from "@jest/globals";
import type { Route } from "../../ir/types.ts";
import { literalPrefix, routeTree, treeBuilder } from "../../xds/resources/route-tree.ts";
import { seeded, seedOfRun } from "../support/random.ts";
import { randomRequest, randomTable, routeByList, routeByTree } from "../support/route-tables.ts";

describe("the tree of a route table", () => {
  it("finds for every request the route that the list finds, in 400 random tables", () => {
    const seed = seedOfRun();
    const random = seeded(seed);
    let found = 0;
    let asked = 0;
    for (let table = 0; table < 400; table++) {
      const routes = randomTable(random, 1 + random.integer(120));
      const tree = routeTree(routes);
      if (tree === undefined) continue;
      for (let i = 0; i < 100; i++) {
        const request = randomRequest(random);
        const byList = routeByList(routes, request);
        asked++;
        if (byList !== undefined) found++;
        const byTree = routeByTree(tree, request);
        if (byTree !== byList)
          expect({ seed, request, route: byTree?.name }).toEqual({ seed, request, route: byList?.name });
      }
    }
    // A generator that never hits anything, or tables that never make a tree, would prove nothing.
    expect(asked).toBeGreaterThan(10_000);
    expect(found / asked).toBeGreaterThan(0.5);
  });

  it("would be found out if leaves did not hold their ancestors' routes", () => {
    const random = seeded(5);
    let different = 0;
    for (let table = 0; table < 50; table++) {
      const routes = randomTable(random, 60);
      const tree = routeTree(routes);
      if (tree === undefined) continue;
      const own = tree.leaves.map(({ key, routes }) => ({
        key,
        routes: routes.filter(({ match }) => match.path.kind !== "prefix" || match.path.prefix === key),
      }));
      for (let i = 0; i < 50; i++) {
        const request = randomRequest(random);
        if (routeByTree({ leaves: own, rest: tree.rest }, request) !== routeByList(routes, request)) different++;
      }
    }
    expect(different).toBeGreaterThan(100);
  });

  it("is after every random edit the tree that a fresh build makes", () => {
    const seed = seedOfRun();
    const random = seeded(seed);
    const build = treeBuilder();
    let routes: readonly Route[] = [];
    let trees = 0;
    for (let edit = 0; edit < 600; edit++) {
      const at = random.integer(routes.length + 1);
      const cut = random.chance(0.4) ? random.integer(4) : 0;
      const added = random.chance(0.7) ? randomTable(random, 1 + random.integer(3)) : [];
      routes = random.chance(0.02) ? [] : [...routes.slice(0, at), ...added, ...routes.slice(at + cut)];
      const now = build(routes);
      const fresh = routeTree(routes);
      if (fresh !== undefined) trees++;
      if (JSON.stringify(now) !== JSON.stringify(fresh))
        expect({ seed, edit, tree: now }).toEqual({ seed, edit, tree: fresh });
    }
    expect(trees).toBeGreaterThan(50);
  });

  it("gives way to the list where regexes without a literal would be copied into every leaf", () => {
    const random = seeded(3);
    const routes = randomTable(random, 200).map((route, index) =>
      index % 2 === 0
        ? { ...route, match: { ...route.match, path: { kind: "regex", regex: `.*${index}` } as const } }
        : route,
    );
    expect(routeTree(routes)).toBeUndefined();
  });

  it("gives way to the list where there is no key at all: Envoy takes no empty map", () => {
    const routes = randomTable(seeded(7), 100).map((route) => ({
      ...route,
      match: { ...route.match, path: { kind: "prefix", prefix: "/a" } as const, caseSensitive: false },
    }));
    expect(routeTree(routes)).toBeUndefined();
  });

  it.each([
    ["/a/b", "/a/b"],
    ["/a.b", "/a"],
    ["/ab?c", "/a"],
    ["/ab*c", "/a"],
    ["/ab+c", "/ab"],
    ["/ab{2}", "/a"],
    ["/a|/b", ""],
    ["(?i)/a", ""],
    ["\\/a", ""],
    ["/a\\.b", "/a"],
    ["?", ""],
    ["/a[bc]", "/a"],
  ])("takes from the regex %s the literal %s", (regex, literal) => {
    expect(literalPrefix(regex)).toBe(literal);
  });
});
