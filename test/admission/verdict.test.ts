import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { compileState } from "../../cli/state/compiled.ts";
import { judgedState } from "../../cli/verdict.ts";
import type { Change } from "../../insight/admit.ts";
import { formatProblem } from "../../ir/problem.ts";
import { createJudge, type Judge } from "../../runtime/admission/judge.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { temporaryValidator } from "../../runtime/validator/temporary.ts";
import type { Validator } from "../../runtime/validator/validator.ts";
import { createVerdicts } from "../../runtime/validator/verdicts.ts";
import { selfSigned } from "../support/certificates.ts";
import { ENVOY_BINARY } from "../support/envoy.ts";
import { host, mapping, object } from "./reviews.ts";
import { put, settings, storeWith } from "./state.ts";

type Fields = Readonly<Record<string, unknown>>;

let validator: Validator;
let weak: Fields;
const tls = object("Listener", "tls", {
  port: 8443,
  protocol: "HTTPS",
  securityModel: "XFP",
  hostBinding: { namespace: { from: "ALL" } },
});

beforeAll(async () => {
  validator = temporaryValidator(ENVOY_BINARY, silentLog);
  const { certificatePem, keyPem } = await selfSigned({ hosts: ["a.test"], key: "RSA-1024" });
  const stringData = { "tls.crt": certificatePem, "tls.key": keyPem };
  weak = { ...object("Secret", "weak", {}), apiVersion: "v1", type: "kubernetes.io/tls", stringData };
});

afterAll(() => validator.close());

const create = (candidate: unknown): Change => ({ kind: "create", object: candidate });

function judgeOf(judging: Validator | undefined, ...others: readonly unknown[]): Judge {
  const store = storeWith(...others);
  return createJudge({
    settings,
    resources: () => store.resources(),
    synced: () => true,
    clock: systemClock,
    verdicts: createVerdicts(judging, { where: "elsewhere" }),
  });
}

/** What `nuncio check` says of the candidate beside what is there. */
async function checked(candidate: Fields, ...others: readonly Fields[]): Promise<readonly string[]> {
  const store = storeWith(...others);
  put(store, candidate);
  const compiled = compileState({ resources: store.resources(), settings, problems: [], from: "here" });
  const { problems } = await judgedState(compiled, { NUNCIO_ENVOY: ENVOY_BINARY }, (line) => {
    throw new Error(line);
  });
  const { name } = candidate["metadata"] as { name: string };
  return problems.filter((each) => each.object.name === name && each.severity === "error").map(formatProblem);
}

const format = (value: string) => ({ add_request_headers: { x: { value } } });
const candidates: readonly (readonly [string, Fields])[] = [
  ["a script", object("Module", "ambassador", { config: { lua_scripts: "x =" } })],
  ["a format", mapping("m", format("%REQ(a?b?c)%"))],
  ["a certificate", host("late", "a.test", { tlsSecret: { name: "weak" } })],
  [
    "cipher suites",
    host("late", "a.test", { tlsSecret: { name: "weak" }, tls: { cipher_suites: ["TLS_RSA_WITH_FOO"] } }),
  ],
];

describe("an object with a content that only Envoy can judge", () => {
  it.each(candidates)("is denied for %s that Envoy refuses, in the words of check", async (_, candidate) => {
    const { allowed, message } = await judgeOf(validator, tls, weak).judge(create(candidate));
    const texts = await checked(candidate, tls, weak);
    expect(texts.length).toBeGreaterThan(0);
    expect({ allowed, texts: message.split("\n") }).toEqual({ allowed: false, texts });
    expect(message).toContain("refused by Envoy: ");
  });

  it("is admitted where Envoy takes it", async () => {
    const judge = judgeOf(validator);
    expect(await judge.judge(create(mapping("m", format("%REQ(a?b)%:%START_TIME(%s)%"))))).toMatchObject({
      allowed: true,
      warnings: [],
    });
    const script = object("Module", "ambassador", { config: { lua_scripts: "x = 1" } });
    expect((await judge.judge(create(script))).allowed).toBe(true);
  });

  it.each(candidates)("is left to the gateway for %s, where there is no Envoy", async (_, candidate) => {
    const { allowed, message } = await judgeOf(undefined, tls, weak).judge(create(candidate));
    expect({ allowed, message }).toEqual({ allowed: true, message: "" });
  });

  it("is not denied for the file of the access log, which is in another container", async () => {
    const elsewhere = object("Module", "ambassador", { config: { envoy_log_path: "/nowhere/log" } });
    expect((await judgeOf(validator).judge(create(elsewhere))).allowed).toBe(true);
    expect(await checked(elsewhere)).toEqual([]);
  });

  it("is not denied for what another object has", async () => {
    const judge = judgeOf(validator, mapping("bad", format("%REQ(a?b?c)%")), weak);
    expect((await judge.judge(create(mapping("good")))).allowed).toBe(true);
  });
});
