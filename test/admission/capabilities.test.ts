import { describe, expect, it } from "@jest/globals";
import { FAILED, follow, type Hooks, type Request, validate } from "../../capabilities/hooks.ts";
import { kinds } from "../../capabilities/kinds.ts";
import { peprHooks } from "../../capabilities/pepr-hooks.ts";
import type { Change, Verdict } from "../../insight/admit.ts";
import { loadCapabilities } from "../../runtime/admission/pepr.ts";
import { listener, mapping, object, review } from "./reviews.ts";
import { settings } from "./state.ts";

const approved: Verdict = { allowed: true, message: "", warnings: [], mayPass: false };

const nothing: Hooks = { judge: () => approved, put: () => undefined, remove: () => undefined };

/** As Pepr's own. */
function request(operation: string, now: object, before?: object): Request {
  return {
    Raw: now,
    OldResource: before,
    Request: { operation },
    Approve: (warnings) => ({ allowed: true, ...(warnings === undefined ? {} : { warnings }) }),
    Deny: (statusMessage = "", statusCode = 0, warnings = []) => ({
      allowed: false,
      statusMessage,
      statusCode,
      warnings,
    }),
  };
}

// Build mode is the one in which Pepr keeps every binding; it is read when Pepr is imported.
process.env["PEPR_MODE"] = "build";
process.env["LOG_LEVEL"] = "silent";
const { capabilities } = await import("../../capabilities/index.ts");

describe("the capabilities", () => {
  const all = capabilities(nothing);

  it("declare what the table of kinds says, once each", () => {
    const declared = all.flatMap(({ bindings }) =>
      bindings.map(({ kind, event, isValidate, isWatch }) => {
        const action = isValidate === true ? "validate" : isWatch === true ? "watch" : "nothing";
        return `${action} ${event} ${kind.group}/${kind.version} ${kind.kind} ${kind.plural}`;
      }),
    );
    const expected = kinds.flatMap(({ group, version, kind, plural, validated, watched }) => [
      ...(validated ? [`validate CREATEORUPDATE ${group}/${version} ${kind} ${plural}`] : []),
      ...(validated === true ? [`validate DELETE ${group}/${version} ${kind} ${plural}`] : []),
      ...(watched
        ? ["CREATEORUPDATE", "DELETE"].map((event) => `watch ${event} ${group}/${version} ${kind} ${plural}`)
        : []),
    ]);
    expect(declared.sort()).toEqual(expected.sort());
  });

  it("are named for their kinds, in the table's order", () => {
    const names = kinds.filter(({ validated, watched }) => validated || watched).map(({ kind }) => kind.toLowerCase());
    expect(all.map(({ name }) => name)).toEqual(names);
  });
});

describe("validate", () => {
  it("asks for a verdict on the change and answers in Pepr's terms", async () => {
    const asked: Change[] = [];
    const judge = (change: Change): Verdict => {
      asked.push(change);
      return asked.length === 1
        ? { ...approved, warnings: ["careful"] }
        : { ...approved, allowed: false, message: "no" };
    };
    expect(await validate(request("CREATE", { a: 1 }), { judge })).toEqual({ allowed: true, warnings: ["careful"] });
    expect(await validate(request("UPDATE", { a: 2 }, { a: 1 }), { judge })).toMatchObject({
      allowed: false,
      statusMessage: "no",
      statusCode: 422,
    });
    expect(asked).toEqual([
      { kind: "create", object: { a: 1 } },
      { kind: "update", object: { a: 2 }, before: { a: 1 } },
    ]);
  });

  it("tells a fault of ours apart from a denial", async () => {
    const judge = () => Promise.reject(new Error("a bug"));
    const response = await validate(request("CREATE", {}), { judge });
    expect(response).toMatchObject({
      allowed: false,
      statusCode: FAILED,
      statusMessage: expect.stringContaining("a bug"),
    });
  });
});

describe("follow", () => {
  it("puts what is added or modified and removes what is deleted", () => {
    const seen: string[] = [];
    const hooks = {
      put: (each: unknown) => seen.push(`put ${String(each)}`),
      remove: (each: unknown) => seen.push(`remove ${String(each)}`),
    };
    for (const phase of ["ADDED", "MODIFIED", "DELETED"]) follow(Object(phase) as object, phase, hooks as never);
    expect(seen).toEqual(["put ADDED", "put MODIFIED", "remove DELETED"]);
  });
});

describe("the hooks of `pepr dev`", () => {
  const versioned = (name: string, uid: string, resourceVersion: string, spec: object) =>
    object("KubernetesEndpointResolver", name, spec, { uid, resourceVersion });

  it("judge by what they have followed, whatever the order of events", async () => {
    const hooks = peprHooks({ settings, follows: true });
    const change: Change = { kind: "create", object: mapping("m", { resolver: "mine" }) };
    const allowed = async () => (await hooks.judge(change)).allowed;
    expect(await allowed()).toBe(false);
    hooks.put(versioned("mine", "u1", "5", {}));
    expect(await allowed()).toBe(true);
    hooks.put(versioned("mine", "u1", "4", { ambassador_id: ["other"] }));
    expect(await allowed()).toBe(true);
    hooks.put(versioned("mine", "u1", "10", { ambassador_id: ["other"] }));
    expect(await allowed()).toBe(false);
    // Made anew; then comes the end of the old one, and after that a late word of it.
    hooks.put(versioned("mine", "u2", "12", {}));
    hooks.remove(versioned("mine", "u1", "11", {}));
    hooks.put(versioned("mine", "u1", "10", { ambassador_id: ["other"] }));
    expect(await allowed()).toBe(true);
    hooks.remove(versioned("mine", "u2", "13", {}));
    expect(await allowed()).toBe(false);
  });

  it("judge by schema where nothing is followed", async () => {
    const { warnings } = await peprHooks({ settings, follows: false }).judge({
      kind: "create",
      object: mapping("m", { resolver: "x" }),
    });
    expect(warnings).toEqual([expect.stringContaining("this process does not follow the state of the cluster")]);
  });
});

describe("the admission process's door to Pepr", () => {
  it("sets Pepr's environment before it is imported, and runs the callbacks of the right kind", async () => {
    const asked: Change[] = [];
    const failures: string[] = [];
    let verdict: Verdict | Error = approved;
    const judge = (change: Change) => {
      asked.push(change);
      if (verdict instanceof Error) throw verdict;
      return verdict;
    };
    const env: NodeJS.ProcessEnv = { PEPR_WATCH_MODE: "true", PEPR_MODE: "dev", PEPR_PRETTY_LOGS: "true" };
    const run = await loadCapabilities({ judge }, env, (reason) => failures.push(reason));
    expect(env).toEqual({
      PEPR_WATCH_MODE: "false",
      LOG_LEVEL: "silent",
      PEPR_PRETTY_LOGS: "false",
      PEPR_NODE_WARNINGS: "true",
    });
    const ask = (candidate: ReturnType<typeof mapping>, before?: ReturnType<typeof mapping>, more = {}) =>
      run((review(candidate, before, more) as { request: never }).request);

    expect(await ask(mapping("m"))).toMatchObject({ allowed: true });
    verdict = { ...approved, allowed: false, message: "no", warnings: ["w"] };
    expect(await ask(listener("l", 80), listener("l", 81))).toMatchObject({
      allowed: false,
      code: 422,
      message: "no",
      warnings: ["w"],
    });
    expect(asked.map(({ kind, object }) => `${kind} ${(object as { kind: string }).kind}`)).toEqual([
      "create Mapping",
      "update Listener",
    ]);

    // Nothing of ours, a status, another version.
    expect(await ask({ ...mapping("m"), kind: "Filter" })).toMatchObject({ allowed: true });
    expect(await ask(mapping("m"), mapping("m"), { subResource: "status" })).toMatchObject({ allowed: true });
    expect(await ask({ ...mapping("m"), apiVersion: "getambassador.io/v2" })).toMatchObject({ allowed: true });
    expect(asked).toHaveLength(2);

    verdict = { ...approved, warnings: ["gone"] };
    const deletion = { operation: "DELETE", object: null, oldObject: mapping("m") };
    expect(await ask(mapping("m"), undefined, deletion)).toMatchObject({ allowed: true, warnings: ["gone"] });
    expect(asked.at(-1)).toMatchObject({ kind: "delete", object: { metadata: { name: "m" } } });

    verdict = new Error("a bug");
    expect(await ask(mapping("m"))).toBeUndefined();
    expect(failures).toEqual([expect.stringContaining("a bug")]);
  });
});
