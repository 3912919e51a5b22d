import { describe, expect, it } from "@jest/globals";
import type { Problem, ProblemCode, Severity } from "../../ir/problem.ts";
import { isOlder } from "../../runtime/informers/version.ts";
import { verdictsOf } from "../../status/conditions.ts";
import { type Progress, progressOf, type Replica } from "../../status/progress.ts";
import { readReport, type ReplicaReport, writeReport } from "../../status/report.ts";
import { statusOf, type Status } from "../../status/status.ts";

const object = { kind: "Mapping", namespace: "default", name: "quote" };

function problem(code: ProblemCode, severity: Severity): Problem {
  return { code, severity, object, path: ["spec", "prefix"], message: "is wrong", advice: "mend it" };
}

const everywhere: Progress = { total: 3, having: 3, waitingFor: [], refusedBy: 0, refusal: undefined };
const text = "spec.prefix: is wrong; mend it";

/** `Accepted ResolvedRefs Programmed`, each as status and reason. */
function judged(problems: readonly Problem[], progress = everywhere, isKept = false): readonly string[] {
  return verdictsOf({ problems, isKept, progress }).map(({ status, reason, message }) =>
    [status, reason, message].join(" ").trim(),
  );
}

describe("conditions", () => {
  const well = "True ResolvedRefs";
  const rows: readonly [string, readonly Problem[], readonly string[]][] = [
    ["nothing wrong", [], ["True Accepted", well, "True Programmed 3/3 proxies"]],
    [
      "an error",
      [problem("InvalidField", "error")],
      [`False InvalidField ${text}`, well, "False InvalidField it is not served; see Accepted"],
    ],
    ["a warning", [problem("UnknownField", "warning")], [`True Accepted ${text}`, well, "True Programmed 3/3 proxies"]],
    [
      "a reference without which it cannot be used",
      [problem("SecretNotFound", "error")],
      ["True Accepted", `False SecretNotFound ${text}`, "False SecretNotFound it is not served; see ResolvedRefs"],
    ],
    [
      "a reference without which it is served all the same",
      [problem("ServiceNotFound", "warning")],
      ["True Accepted", `False ServiceNotFound ${text}`, "True Programmed 3/3 proxies"],
    ],
    [
      "no Host that takes it",
      [problem("NotAttached", "warning")],
      [`False NotAttached ${text}`, well, "False NotAttached it is not served; see Accepted"],
    ],
    [
      "an error after a warning",
      [problem("UnknownField", "warning"), problem("InvalidRegex", "error")],
      [`False InvalidRegex ${text}`, well, "False InvalidRegex it is not served; see Accepted"],
    ],
    [
      "what this replica's own Envoy says",
      [problem("EnvoyRejected", "error")],
      ["True Accepted", well, "True Programmed 3/3 proxies"],
    ],
  ];
  it.each(rows)("of %s", (_, problems, expected) => {
    expect(judged(problems)).toEqual(expected);
  });

  it("say that the last good version serves in its place", () => {
    const [, , programmed] = judged([problem("InvalidField", "error")], everywhere, true);
    expect(programmed).toBe("False InvalidField its last good version keeps serving; see Accepted");
  });

  const progress: readonly [string, Progress, string][] = [
    ["no proxy", { ...everywhere, total: 0, having: 0 }, "False Pending no proxy is ready"],
    ["two of three", { ...everywhere, having: 2, waitingFor: ["b"] }, "False Pending 2/3 proxies; waiting for b"],
    [
      "many missing",
      { ...everywhere, total: 8, having: 0, waitingFor: [..."abcdefgh"] },
      "False Pending 0/8 proxies; waiting for a, b, c, d, e and 3 more",
    ],
    [
      "one that refuses",
      { ...everywhere, having: 2, refusedBy: 1, refusal: "Envoy's words" },
      "False RejectedByProxy refused by 1/3 proxies: Envoy's words",
    ],
  ];
  it.each(progress)("count proxies: %s", (_, state, expected) => {
    expect(judged([], state)[2]).toBe(expected);
  });
});

describe("progress", () => {
  function replica(name: string, version: string, more: Partial<ReplicaReport> = {}): Replica {
    return { name, report: { ready: true, versions: { Mapping: version }, refused: [], ...more } };
  }
  const of = (...replicas: Replica[]) => progressOf({ ...object, version: "100" }, replicas, isOlder);

  it("counts who serves that version or a newer one, by number and not by text", () => {
    expect(of(replica("a", "100"), replica("b", "1000"), replica("c", "99"))).toEqual({
      ...{ total: 3, having: 2, waitingFor: ["c"], refusedBy: 0, refusal: undefined },
    });
  });

  it("does not count who is not ready, and waits for who knows nothing of the kind", () => {
    const nothing = { name: "b", report: { ready: true, versions: {}, refused: [] } };
    expect(of(replica("a", "1", { ready: false }), nothing)).toMatchObject({ total: 1, having: 0, waitingFor: ["b"] });
  });

  it("tells a refusal of this very version only", () => {
    const refused = [{ ...object, message: "no" }];
    expect(of(replica("a", "100", { refused }))).toMatchObject({ having: 0, refusedBy: 1, refusal: "no" });
    expect(of(replica("a", "99", { refused }))).toMatchObject({ refusedBy: 0, waitingFor: ["a"] });
  });

  it("is that of each object, though a replica refuses more than it can list with words", () => {
    const refused = Array.from({ length: 1000 }, (_, i) => ({ ...object, name: `bad-${i}`, message: "no" }));
    const report = { ready: true, versions: { Mapping: "100" }, refused };
    const other = { name: "a", report: readReport(writeReport(report)) as ReplicaReport };
    expect(of(other)).toMatchObject({ having: 1, refusedBy: 0, waitingFor: [] });
    const last = progressOf({ ...object, name: "bad-999", version: "100" }, [other], isOlder);
    expect([last.having, last.refusedBy, last.refusal]).toEqual([0, 1, expect.stringContaining("log")]);
  });

  it("waits for who refuses more than it can list", () => {
    expect(of(replica("a", "100", { more: true }))).toMatchObject({ having: 0, waitingFor: ["a"] });
  });
});

describe("a report", () => {
  const report: ReplicaReport = { ready: true, versions: { Mapping: "7" }, refused: [], types: {} };

  it("is read as it was written", () => {
    expect(readReport(writeReport(report))).toEqual(report);
  });

  it("stays small whatever is refused, and says that there is more", () => {
    const refused = Array.from({ length: 10_000 }, (_, i) => ({
      ...object,
      name: `m-${i}`,
      message: "x".repeat(5000),
    }));
    const written = writeReport({ ...report, refused });
    expect(written.length).toBeLessThan(100 * 1024);
    expect(readReport(written)).toMatchObject({ more: true });
  });

  it("is nothing where it is none", () => {
    expect([undefined, "", "{", "{}", '{"ready":"yes"}'].map(readReport)).toEqual(Array(5).fill(undefined));
  });
});

describe("the status of an object", () => {
  const early = "2026-01-01T00:00:00Z";
  const late = "2026-01-02T00:00:00Z";
  function status(problems: readonly Problem[], before: Status | undefined, more: object = {}): Status | undefined {
    const verdicts = verdictsOf({ problems, isKept: false, progress: everywhere });
    const now = before === undefined ? early : late;
    return statusOf({ kind: "Mapping", generation: 1, verdicts, hasCertificate: false, before, now, ...more });
  }
  const first = status([], undefined) ?? {};

  it("is not written when it is there", () => {
    expect(status([], first)).toBeUndefined();
    expect(status([], { ...first, state: "Inactive" })).toBeDefined();
  });

  it("is not written for another number of proxies that all have the object, but for a new generation", () => {
    const verdicts = verdictsOf({ problems: [], isKept: false, progress: { ...everywhere, total: 4, having: 4 } });
    expect(status([], first, { verdicts })).toBeUndefined();
    expect(status([], first, { generation: 2 })?.conditions?.[0]).toMatchObject({ observedGeneration: 2 });
  });

  it("keeps the time of a condition that stays as it is", () => {
    const second = status([problem("InvalidField", "error")], first);
    expect(second?.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([late, early, late]);
  });

  it("has Emissary's words beside, of a Mapping and of a Host", () => {
    const bad = [problem("InvalidField", "error")];
    expect([first, status(bad, undefined)]).toMatchObject([
      { state: "Running", reason: "" },
      { state: "Inactive", reason: text },
    ]);
    expect([
      status([], undefined, { kind: "Host", hasCertificate: true }),
      status(bad, undefined, { kind: "Host" }),
      status([], undefined, { kind: "Listener" }),
    ]).toMatchObject([
      { state: "Ready", tlsCertificateSource: "Other" },
      { state: "Error", errorReason: text, errorTimestamp: early },
      { conditions: [{}, {}, {}] },
    ]);
  });
});
