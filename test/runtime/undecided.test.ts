import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { createCompiler } from "../../compile/compile.ts";
import type { Judged } from "../../compile/last-good.ts";
import { recordOf } from "../../compile/record.ts";
import { createStore } from "../../compile/store.ts";
import { freeJudge } from "../../compile/verdicts.ts";
import { accepted, type FreeContent, type Verdict } from "../../ir/free-content.ts";
import { formatProblem } from "../../ir/problem.ts";
import { type Clock, systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { createReconciler } from "../../runtime/reconciler.ts";
import { createValidator } from "../../runtime/validator/validator.ts";
import { createVerdicts } from "../../runtime/validator/verdicts.ts";
import { host, listener, mapping, object } from "../admission/reviews.ts";
import { put, settings, storeWith } from "../admission/state.ts";
import { selfSigned } from "../support/certificates.ts";
import { ENVOY_BINARY } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";

/** Waits of a minute and more end when the test says so. */
function patientClock(): Clock & { pass(ms: number): void } {
  const waits = new Set<{ readonly endsMs: number; readonly action: () => void }>();
  let passedMs = 0;
  const now = () => systemClock.now() + passedMs;
  return {
    now,
    setTimer(delayMs, action) {
      if (delayMs < 30_000) return systemClock.setTimer(delayMs, action);
      const wait = { endsMs: now() + delayMs, action };
      waits.add(wait);
      return () => void waits.delete(wait);
    },
    pass(ms) {
      passedMs += ms;
      for (const wait of [...waits].filter(({ endsMs }) => endsMs <= now())) {
        waits.delete(wait);
        wait.action();
      }
    },
  };
}

const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-undecided-"));
afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

/** The machine has no time for Envoy as long as this file is there. */
const busy = path.join(directory, "busy");
const asked = path.join(directory, "asked");
const script = (text: string) => object("Module", "ambassador", { config: { lua_scripts: text } });
const slow = `local f = io.open("${asked}", "a") f:write(".") f:close() while io.open("${busy}") do end`;
const validatorOf = () =>
  createValidator({
    ...{ envoyPath: ENVOY_BINARY, directory, clock: systemClock, log: silentLog },
    ...{ answerMs: 1000, aloneMs: 1000 },
  });
const timesAsked = () => (fs.existsSync(asked) ? fs.readFileSync(asked, "utf8").length : 0);

describe("a content that Envoy does not get over", () => {
  it("is not refused: its object serves as before, nothing of it is written down, and it is asked about again", async () => {
    fs.writeFileSync(busy, "");
    const clock = patientClock();
    const validator = validatorOf();
    let questions = 0;
    const counting = {
      ...validator,
      judge(contents: readonly FreeContent[]) {
        questions++;
        return validator.judge(contents);
      },
    };
    const store = createStore(() => undefined);
    let judged: Judged | undefined;
    const reconciler = createReconciler({
      settings,
      resources: store.resources,
      verdicts: createVerdicts(counting, { clock }),
      onSnapshot: () => undefined,
      onJudged: (each) => (judged = each),
      onCompiled: () => undefined,
      clock,
      log: silentLog,
    });
    const served = () => judged?.effective.modules[0]?.spec.config["lua_scripts"];
    const errors = () => (judged?.problems ?? []).filter(({ severity }) => severity === "error").map(formatProblem);
    const quiet = async (times: number) => {
      await eventually(`asked ${times} times`, () => timesAsked() === times && validator.pid === undefined);
      await eventually("told", () => errors().some((text) => text.includes("could not be judged")));
    };
    try {
      put(store, listener("web", 8080), host("all", "*"), mapping("m"), script("a = 1"));
      reconciler.changed();
      await eventually("the first script serves", () => served() === "a = 1");

      put(store, script(slow));
      reconciler.changed();
      await quiet(2);
      expect(served()).toBe("a = 1");
      expect(errors()).toEqual([
        expect.stringMatching(
          /^Module default\/ambassador: spec\.config\.lua_scripts: the script could not be judged by Envoy \(Envoy said nothing for 1000 ms .*\), is not served, and is judged again in a minute or more; /,
        ),
      ]);
      expect(judged?.quarantined.map((each) => recordOf(each)?.refused)).toEqual([[]]);

      // A pause of a minute, and then of two. Other changes do not wait for it.
      const before = questions;
      clock.pass(59_000);
      put(store, mapping("other"));
      reconciler.changed();
      await eventually("the other serves", () => judged?.effective.mappings.length === 2);
      clock.pass(1_000);
      await quiet(4);
      clock.pass(60_000);
      expect(served()).toBe("a = 1");
      expect(questions).toBe(before + 1);
      fs.rmSync(busy);
      clock.pass(60_000);
      await eventually("it serves", () => served() === slow);
      expect(questions).toBe(before + 2);
      expect(errors()).toEqual([]);
      expect(judged?.quarantined).toEqual([]);
    } finally {
      reconciler.stop();
      await validator.close();
    }
  });

  it("is remembered for a minute by who judges one change after the other, and then judged anew", async () => {
    fs.writeFileSync(busy, "");
    const clock = patientClock();
    const validator = validatorOf();
    try {
      const verdicts = createVerdicts(validator, { where: "elsewhere", clock });
      const resources = storeWith(script(`${slow} a = 2`)).resources();
      const judge = () => verdicts.judge(createCompiler(), resources, settings, undefined);
      await verdicts.ask(judge().unjudged);
      expect(judge()).toMatchObject({ undecided: [expect.anything()], unjudged: [] });
      fs.rmSync(busy);
      clock.pass(60_000);
      await verdicts.ask(judge().unjudged);
      expect(judge()).toMatchObject({ undecided: [], unjudged: [] });
    } finally {
      await validator.close();
    }
  });

  it("as a certificate, is told of its Host until it has a verdict, and then serves", async () => {
    const { certificatePem, keyPem } = await selfSigned({ hosts: ["a.test"] });
    const stringData = { "tls.crt": certificatePem, "tls.key": keyPem };
    const secret = { ...object("Secret", "served", {}), apiVersion: "v1", type: "kubernetes.io/tls", stringData };
    const tls = object("Listener", "tls", {
      ...{ port: 8443, protocol: "HTTPS", securityModel: "XFP" },
      hostBinding: { namespace: { from: "ALL" } },
    });
    const resources = storeWith(tls, secret, host("a", "a.test", { tlsSecret: { name: "served" } })).resources();
    const compile = createCompiler();
    let verdict: Verdict = { kind: "undecided", reason: "Envoy was killed by SIGKILL" };
    const judge = freeJudge(() => verdict);
    for (let time = 0; time < 2; time++) {
      const { judged, undecided } = judge(compile, resources, settings, undefined);
      expect(undecided.map(({ kind }) => kind)).toEqual(["secret"]);
      expect(judged.problems.filter(({ code }) => code === "InvalidSecret").map(formatProblem)).toEqual([
        expect.stringContaining("could not be judged by Envoy (Envoy was killed by SIGKILL), is not served"),
      ]);
    }
    verdict = accepted;
    const { judged, undecided } = judge(compile, resources, settings, undefined);
    expect(undecided).toEqual([]);
    expect(judged.problems.map(({ code }) => code)).not.toContain("InvalidSecret");
  });
});
