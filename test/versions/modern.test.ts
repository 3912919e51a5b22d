import { describe, expect, it } from "@jest/globals";
import { deepFreeze } from "../../crds/freeze.ts";
import { modernSpec } from "../../crds/versions/modern.ts";
import { seeded } from "../support/random.ts";
import { kindsOf, randomObject } from "./random-objects.ts";

type Spec = Readonly<Record<string, unknown>>;

const selector = { matchLabels: { a: "b" } };
const tags = [{ tag: "x", request_header: { name: "x" } }];
const body = { max_bytes: 4096, allow_partial: true };

describe("deprecated spellings in today's words", () => {
  it.each<[string, Spec, Spec]>([
    ["Mapping", { host: "a" }, { hostname: "a" }],
    ["Mapping", { host: "a", host_regex: false }, { hostname: "a" }],
    ["Mapping", { host: "a", hostname: "b", host_regex: true }, { hostname: "b" }],
    ["Mapping", { use_websocket: true }, { allow_upgrade: ["websocket"] }],
    ["Mapping", { use_websocket: true, allow_upgrade: ["spdy/3.1"] }, { allow_upgrade: ["spdy/3.1", "websocket"] }],
    ["Mapping", { use_websocket: true, allow_upgrade: ["WebSocket"] }, { allow_upgrade: ["WebSocket"] }],
    ["Mapping", { use_websocket: false }, {}],
    ["Host", { selector }, { mappingSelector: selector }],
    ["Host", { selector: {}, mappingSelector: selector }, { mappingSelector: selector }],
    ["TracingService", { tag_headers: ["x"] }, { custom_tags: tags }],
    ["TracingService", { tag_headers: ["y"], custom_tags: tags }, { custom_tags: tags }],
    ["AuthService", { allow_request_body: true }, { include_body: body }],
    ["AuthService", { allow_request_body: true, include_body: { max_bytes: 1 } }, { include_body: { max_bytes: 1 } }],
    ["AuthService", { allow_request_body: false }, {}],
  ])("%s %j is %j", (kind, spec, expected) => {
    const modern = modernSpec(kind, deepFreeze(spec));
    expect(modern.spec).toEqual(expected);
    expect(modern.changes).toHaveLength(1);
  });

  it.each<[string, Spec]>([
    // It means something else, or nothing.
    ["Mapping", { host: "a.*", host_regex: true }],
    ["Mapping", { host: "*.example.com" }],
    ["Mapping", { host: "" }],
    ["Mapping", { host: 3 }],
    ["Mapping", { use_websocket: "true" }],
    ["Mapping", { use_websocket: true, allow_upgrade: "spdy" }],
    ["Mapping", { selector, tag_headers: ["x"] }],
    ["Host", { selector: "a" }],
    ["Host", { host: "a" }],
    ["TracingService", { tag_headers: [3] }],
    ["toString", { host: "a" }],
  ])("%s %j stays as it is", (kind, spec) => {
    const modern = modernSpec(kind, spec);
    expect(modern.spec).toBe(spec);
    expect(modern.changes).toEqual([]);
  });

  it("is done once: again it changes nothing", () => {
    for (const kind of kindsOf("v3alpha1")) {
      for (let seed = 1; seed <= 150; seed++) {
        const { spec } = randomObject(seeded(seed), kind, "v3alpha1");
        if (typeof spec !== "object" || spec === null || Array.isArray(spec)) continue;
        const once = modernSpec(kind, deepFreeze(spec as Spec));
        expect(modernSpec(kind, once.spec)).toEqual({ spec: once.spec, changes: [] });
        if (once.changes.length === 0) expect(once.spec).toBe(spec);
      }
    }
  });
});
