import { describe, expect, it } from "@jest/globals";
import { type Change, createAdmit } from "../../insight/admit.ts";
import { host, listener, mapping, object } from "./reviews.ts";
import { settings, storeWith } from "./state.ts";

type Fields = Readonly<Record<string, unknown>>;

const admit = createAdmit();

function judge(change: Change, ...others: readonly unknown[]) {
  return admit(change, storeWith(...others).resources(), settings);
}

const created = (candidate: Fields, ...others: readonly unknown[]) =>
  judge({ kind: "create", object: candidate }, ...others).warnings;
const updated = (before: Fields, candidate: Fields, ...others: readonly unknown[]) =>
  judge({ kind: "update", object: candidate, before }, before, ...others).warnings;
const deleted = (candidate: Fields, ...others: readonly unknown[]) =>
  judge({ kind: "delete", object: candidate }, candidate, ...others).warnings;

const service = (name: string) => ({
  ...object("Service", name, { clusterIP: "10.96.0.8", ports: [{ port: 80 }] }),
  apiVersion: "v1",
});
const inTeam = (namespace: string, name: string, spec: Fields = {}): Fields =>
  mapping(name, { service: "quote.default", ...spec }, { namespace });
const guard = object("AuthService", "guard", { auth_service: "10.0.0.1" });

describe("an accepted change is told what it does to others", () => {
  it("says nothing of what everybody expects", () => {
    const root = mapping("root", { prefix: "/" });
    const other = inTeam("other", "everything", { prefix: "/" });
    expect(created(mapping("a"), root)).toEqual([]);
    expect(created(mapping("a"), other)).toEqual([]);
    expect(created(mapping("deep", { prefix: "/a/b/" }), mapping("a"))).toEqual([]);
    expect(created(mapping("canary", { prefix: "/a/", weight: 10 }), mapping("a"))).toEqual([]);
    expect(created(mapping("standby", { prefix: "/a/", weight: 0 }), mapping("a"))).toEqual([]);
    expect(updated(mapping("a"), mapping("a", { timeout_ms: 5000 }), root)).toEqual([]);
    expect(updated(mapping("a"), mapping("a", { service: "other" }), service("other"))).toEqual([]);
  });

  it("requests of a Mapping of the same namespace, where a precedence takes them", () => {
    expect(created(mapping("first", { prefix: "/", precedence: 9 }), mapping("a"))).toEqual([
      "Mapping default/a gets no request at all: Mapping default/first is tried first and takes GET http://example.org/a/7",
    ]);
  });

  it("requests of another team, by whatever means, also a part of them", () => {
    const orders = inTeam("shop", "orders", { prefix: "/orders/" });
    expect(created(mapping("mine", { prefix: "/orders/7/" }), orders)).toEqual([
      "GET http://example.org/orders/7/7 goes to Mapping default/mine, and went to Mapping shop/orders",
    ]);
    expect(created(mapping("mine", { prefix: "/orders/", weight: 20 }), orders)).toEqual([
      "20% of GET http://example.org/orders/7 goes to Mapping default/mine, and went to Mapping shop/orders",
    ]);
  });

  it("a route that comes after another one that takes all of its requests", () => {
    const first = mapping("first", { prefix: "/a", precedence: 5 });
    expect(created(mapping("late", { prefix: "/a/b/" }), first)).toEqual([
      "Mapping default/late gets no request at all: Mapping default/first is tried first and takes GET http://example.org/a/b/7",
    ]);
  });

  it("authorization that is no longer asked for: by the Mapping, or because the AuthService goes", () => {
    expect(updated(mapping("a"), mapping("a", { bypass_auth: true }), guard)).toEqual([
      "GET http://example.org/a/7 is no longer authorized (Mapping default/a)",
    ]);
    // Of all routes that the AuthService judged one is told.
    expect(deleted(guard, mapping("a"), mapping("b"), mapping("open", { bypass_auth: true }))).toEqual([
      "GET http://example.org/b/7 is no longer authorized (Mapping default/b)",
    ]);
  });

  it("cleartext that was sent to https, also of another team", () => {
    const all = (action: string) => host("all", "*", { requestPolicy: { insecure: { action } } });
    const warnings = updated(all("Redirect"), all("Route"), inTeam("shop", "a"));
    expect(warnings).toEqual([
      "GET http://example.org/a/7 is served in cleartext, and was sent to https (Mapping shop/a)",
    ]);
  });

  it("requests that nobody answers any more, and who takes over from what is deleted", () => {
    const a = mapping("a");
    expect(updated(a, mapping("a", { prefix: "/new/" }))).toEqual([
      "GET http://example.org/a/7 becomes 404; Mapping default/a had it",
    ]);
    expect(deleted(a)).toEqual(["GET http://example.org/a/7 becomes 404; Mapping default/a had it"]);
    expect(deleted(a, mapping("root", { prefix: "/" }))).toEqual([
      "GET http://example.org/a/7 goes to Mapping default/root when Mapping default/a is gone",
    ]);
  });

  it("connections that are drained", () => {
    const module = (config: Fields) => object("Module", "ambassador", { config });
    expect(updated(module({}), module({ server_name: "x" }))).toEqual([
      "all connections of Listener default/web are drained (server_name)",
    ]);
    const web = listener("web", 8080);
    const moved = { ...web, spec: { ...(web["spec"] as object), statsPrefix: "other" } };
    expect(updated(web, moved)).toEqual(["all connections of Listener default/web are drained (stat_prefix)"]);
  });

  it("five at most, and how many more; none too long for kubectl", () => {
    const many = Array.from({ length: 9 }, (_, index) =>
      mapping(`m${index}`, { prefix: `/${"long/".repeat(60)}${index}/` }),
    );
    const warnings = created(mapping("first", { prefix: "/", precedence: 9 }), ...many);
    expect(warnings).toHaveLength(6);
    expect(warnings.at(-1)).toBe("... and 4 more effects; nuncio plan tells all of them");
    for (const each of warnings) expect([...each].length).toBeLessThanOrEqual(256);
  });

  it("nothing for what is denied, nor for what changes nothing that is read", () => {
    const refused = judge({ kind: "create", object: listener("late", 8080) }, mapping("a"));
    expect(refused).toMatchObject({ allowed: false, warnings: [] });
    const open = mapping("a", { bypass_auth: true });
    expect(updated(open, { ...open, metadata: { ...(open["metadata"] as object), finalizers: ["f"] } }, guard)).toEqual(
      [],
    );
  });
});
