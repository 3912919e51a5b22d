import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "@jest/globals";
import { check } from "../../cli/check.ts";
import { type Compiler, createCompiler, type SteppedCompiler } from "../../compile/compile.ts";
import { type Change, admitBySchema, createAdmit, type Verdict } from "../../insight/admit.ts";
import { host, listener, mapping, object } from "./reviews.ts";
import { settings, storeWith } from "./state.ts";

const create = (candidate: unknown): Change => ({ kind: "create", object: candidate });
const update = (before: unknown, candidate: unknown): Change => ({ kind: "update", object: candidate, before });

function judge(change: Change, ...others: readonly unknown[]): Verdict {
  return createAdmit()(change, storeWith(...others).resources(), settings);
}

/** The texts of `nuncio check` about objects of this name, in files whose order is theirs. */
function checked(severity: "error" | "warning", name: string, ...objects: readonly unknown[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), "nuncio-admit-"));
  try {
    objects.forEach((each, index) => writeFileSync(join(directory, `${index}.json`), JSON.stringify(each)));
    const lines: string[] = [];
    check([directory], { output: "text", errorsOnly: false }, {}, (line) => lines.push(line));
    const about = new RegExp(`^.*:\\d+: ${severity}: (\\S+ default/${name}: .*) \\[\\w+\\]$`);
    return lines.flatMap((line) => about.exec(line)?.[1] ?? []);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const base = [listener("web", 8080), host("all", "*")];

describe("admit", () => {
  it("allows a right object, without a word", () => {
    expect(judge(create(mapping("right")))).toEqual({ allowed: true, message: "", warnings: [], mayPass: false });
  });

  it.each([
    ["a wrong type", mapping("wrong", { timeout_ms: "3s" }), []],
    ["two wrong fields", mapping("wrong", { timeout_ms: "3s", prefix: 3 }), []],
    ["a missing field", object("Mapping", "wrong", { hostname: "*", prefix: "/" }), []],
    ["a resolver that does not exist", mapping("wrong", { resolver: "nope" }), []],
    ["an unknown TLSContext", mapping("wrong", { tls: "nope" }), []],
    ["a service that is none", mapping("wrong", { service: "ftp://quote" }), []],
    ["a regex that Envoy refuses", mapping("wrong", { prefix: "/(", prefix_regex: true }), []],
    ["a port that another Listener has", listener("wrong", 8080), []],
    ["a hostname that another Host has", host("wrong", "*"), []],
    [
      "a Host with an unknown TLSContext",
      host("wrong", "a.example", { tlsSecret: { name: "s" }, tlsContext: { name: "nope" } }),
      [],
    ],
    [
      "weights over 100",
      mapping("wrong", { prefix: "/shared/", weight: 60 }),
      [mapping("a", { prefix: "/shared/", weight: 50 })],
    ],
    [
      "a certificate from a file without its key",
      object("TLSContext", "wrong", { hosts: ["a"], cert_chain_file: "/a" }),
      [],
    ],
  ])("denies %s, in the words of check", (_, candidate, others) => {
    const { allowed, message } = judge(create(candidate), ...others);
    const texts = checked("error", "wrong", ...base, ...others, candidate);
    // What only waits for a Secret does not deny.
    expect(message.split("\n")).toEqual(texts.filter((text) => !text.includes("there is no Secret")));
    expect(allowed).toBe(false);
  });

  it("says what a user reads", () => {
    expect(judge(create(listener("late", 8080))).message).toBe(
      "Listener default/late: spec.port: 8080 is the port of the Listener default/web too; choose another port, or remove one of the two; this one is not opened",
    );
  });

  it("lets the latest lose a conflict, whatever its timestamp and name", () => {
    const { message } = judge(create(listener("a", 8080, { creationTimestamp: "2001-01-01T00:00:00Z" })));
    expect(message).toContain("Listener default/a: spec.port: 8080 is the port of the Listener default/web too");
    expect(judge(update(listener("a", 8081), listener("a", 8080)), listener("a", 8081)).message).toBe(message);
  });

  it("gives the candidate's warnings, those of check", () => {
    const candidate = mapping("odd", { hostname: "elsewhere.example", timeout: 3 });
    const others = [listener("web", 8080), host("one", "one.example")];
    const store = storeWith(...others);
    store.remove("Host", "default", "all");
    const { allowed, warnings } = createAdmit()(create(candidate), store.resources(), settings);
    expect(allowed).toBe(true);
    expect(warnings).toEqual(checked("warning", "odd", ...others, candidate));
    expect(warnings).toHaveLength(2);
  });

  it("never denies for problems of others", () => {
    const broken = mapping("broken", { resolver: "nope" });
    expect(judge(create(mapping("right")), broken)).toMatchObject({ allowed: true, warnings: [] });
    // A Module that takes the resolver of others away.
    const module = object("Module", "ambassador", { config: { resolver: "nope" } });
    expect(judge(create(module), mapping("m")).allowed).toBe(true);
  });

  it("allows a Host whose Secret is still to come, with a warning", () => {
    const { allowed, warnings } = judge(create(host("tls", "tls.example", { tlsSecret: { name: "later" } })));
    expect(allowed).toBe(true);
    expect(warnings).toContain(
      "Host default/tls: spec.tlsSecret: there is no Secret default/later; create it; TLS starts as soon as it is there",
    );
  });

  it("does not judge objects of other gateways and objects on their way out", () => {
    expect(judge(create(mapping("other", { resolver: "nope", ambassador_id: ["other"] }))).allowed).toBe(true);
    expect(judge(create(mapping("other", { timeout_ms: "x", ambassador_id: ["other"] }))).allowed).toBe(true);
    expect(judge(create(mapping("all", { resolver: "nope", ambassador_id: ["_automatic_"] }))).allowed).toBe(false);
    const leaving = mapping("gone", { resolver: "nope" }, { deletionTimestamp: "2025-01-01T00:00:00Z" });
    expect(judge(update(mapping("gone"), leaving)).allowed).toBe(true);
  });

  it("judges for its own ambassador_id alone", () => {
    const mine = createAdmit();
    const other = { ...settings, ambassadorId: "other" };
    const candidate = mapping("m", { resolver: "nope", ambassador_id: ["other"] });
    expect(mine(create(candidate), storeWith().resources(), other).allowed).toBe(false);
    expect(mine(create(mapping("m", { resolver: "nope" })), storeWith().resources(), other).allowed).toBe(true);
    // An object that cannot be parsed has its ambassador_id all the same.
    const wrong = mapping("m", { timeout_ms: "x", ambassador_id: ["other"] });
    expect(mine(create(wrong), storeWith().resources(), other).allowed).toBe(false);
  });
});

describe("admit, of an update", () => {
  const broken = mapping("broken", { resolver: "nope" });

  it("denies what it denies when it is created", () => {
    expect(judge(update(mapping("broken"), broken), mapping("broken")).message).toBe(judge(create(broken)).message);
  });

  it("lets pass, with warnings, what changes nothing that is read", () => {
    const annotations = { "kubectl.kubernetes.io/last-applied-configuration": "{}" };
    const touched = mapping("broken", { resolver: "nope" }, { annotations, finalizers: ["a"], resourceVersion: "2" });
    const { allowed, warnings } = judge(update(broken, touched), broken);
    expect(allowed).toBe(true);
    expect(warnings).toEqual(judge(create(broken)).message.split("\n"));
    expect(judge(update(broken, mapping("broken", { resolver: "nope", weight: 1 })), broken).allowed).toBe(false);
    expect(judge(update(broken, mapping("broken", { resolver: "nope" }, { labels: { a: "b" } })), broken).allowed).toBe(
      false,
    );
  });

  it("does not lock the older one of two in conflict", () => {
    const late = listener("late", 8080, { creationTimestamp: "2025-06-01T00:00:00Z" });
    const older = listener("web", 8080);
    expect(
      judge(update(older, { ...older, metadata: { ...(older["metadata"] as object), labels: { a: "b" } } }), late)
        .allowed,
    ).toBe(true);
    expect(
      judge(update(late, { ...late, metadata: { ...(late["metadata"] as object), labels: { a: "b" } } }), late).allowed,
    ).toBe(false);
  });

  it("does not lock the AuthService that is asked because of a younger one", () => {
    const first = object("AuthService", "first", { auth_service: "10.0.0.1" });
    const second = object(
      "AuthService",
      "second",
      { auth_service: "10.0.0.2", timeout_ms: 1 },
      { creationTimestamp: "2025-06-01T00:00:00Z" },
    );
    const changed = object("AuthService", "first", { auth_service: "10.0.0.3" });
    expect(judge(create(second), first).message).toContain("AuthService default/first has other settings");
    expect(judge(update(first, changed), first, second)).toMatchObject({ allowed: true, message: "" });
  });

  it("takes the Module that is in force for that", () => {
    const first = object("Module", "ambassador", { config: {} });
    const second = object(
      "Module",
      "ambassador",
      { config: {} },
      { namespace: "other", creationTimestamp: "2025-06-01T00:00:00Z" },
    );
    const changed = object("Module", "ambassador", { config: { resolver: "endpoint" } });
    expect(judge(update(first, changed), first, second).warnings).toEqual([]);
    expect(judge(create(second), first).warnings).toEqual([
      expect.stringContaining("the Module default/ambassador is in force"),
    ]);
  });
});

describe("admit, of a deletion", () => {
  it("allows it and names what it breaks", () => {
    const resolver = object("KubernetesEndpointResolver", "mine", {});
    const user = mapping("user", { resolver: "mine" });
    const { allowed, warnings } = judge(
      { kind: "delete", object: resolver },
      resolver,
      user,
      mapping("broken", { resolver: "nope" }),
    );
    expect(allowed).toBe(true);
    expect(warnings).toEqual([
      expect.stringContaining('Mapping default/user: spec.resolver: there is no resolver "mine"'),
      "GET http://example.org/user/7 becomes 404; Mapping default/user had it",
    ]);
  });
});

describe("a conflict", () => {
  const young = { creationTimestamp: "2026-01-01T00:00:00Z" };

  it.each([
    ["a port", listener("late", 8081, young), listener("web", 8081), []],
    ["a hostname", host("late", "late.example"), host("all", "late.example"), []],
    [
      "weights over 100",
      mapping("late", { prefix: "/shared/", weight: 60 }, young),
      mapping("older", { prefix: "/shared/", weight: 60 }),
      [mapping("older", { prefix: "/shared/", weight: 10 })],
    ],
  ])("over %s is charged to the older object that is edited into it", (_, other, edited, before) => {
    const [stored] = before;
    const was = stored ?? (edited === undefined ? undefined : { ...edited, spec: {} });
    const { allowed, message } = judge(update(was, edited), other, ...before);
    const { name } = edited["metadata"] as { name: string };
    expect(allowed).toBe(false);
    expect(message.split("\n").every((line) => line.includes(`default/${name}: `))).toBe(true);
  });
});

describe("admit by schema", () => {
  it("denies by the candidate's fields, and says that it knows no more", () => {
    const wrong = mapping("wrong", { timeout_ms: "3s" });
    expect(admitBySchema(create(wrong), "default", "it is dark")).toMatchObject(judge(create(wrong)));
    const { allowed, warnings } = admitBySchema(create(mapping("m", { resolver: "nope" })), "default", "it is dark");
    expect(allowed).toBe(true);
    expect(warnings).toEqual([
      expect.stringContaining("Mapping default/m: judged by its own fields alone: it is dark;"),
    ]);
  });
});

describe("a compiler that fails", () => {
  /** As a bug of ours would: it throws as long as a Mapping of this name is there. */
  const failingAt = (name: string) => (): SteppedCompiler => {
    const compiler = createCompiler();
    const failing: Compiler = (input, of) => {
      const { mappings } = "resources" in input ? input.resources : input;
      if (mappings.some((each) => each.name === name)) throw new TypeError("x is undefined");
      return compiler(input, of);
    };
    return Object.assign(failing, { expand: compiler.expand });
  };

  it("denies the candidate that makes it fail, since it would stop every change of the gateway", () => {
    const admit = createAdmit(failingAt("poison"));
    const resources = storeWith().resources();
    const { allowed, message } = admit(create(mapping("poison")), resources, settings);
    expect(allowed).toBe(false);
    expect(message).toContain("Mapping default/poison: it makes the compiler fail (TypeError: x is undefined)");
    expect(admit(create(mapping("right")), resources, settings).allowed).toBe(true);
    expect(admit(create(listener("late", 8080)), resources, settings).allowed).toBe(false);
  });

  it("denies nobody when it fails without the candidate", () => {
    const admit = createAdmit(failingAt("poison"));
    const resources = storeWith(mapping("poison")).resources();
    expect(admit(create(mapping("right")), resources, settings).allowed).toBe(true);
    expect(admit(create(mapping("wrong", { timeout_ms: "3s" })), resources, settings).allowed).toBe(false);
    expect(admit({ kind: "delete", object: mapping("right") }, resources, settings).allowed).toBe(true);
  });
});
