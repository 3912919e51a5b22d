import { beforeAll, describe, expect, it } from "@jest/globals";
import { type Compiled, createCompiler } from "../../compile/compile.ts";
import { expiryProblems, nextExpiryMs } from "../../compile/expiry.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { formatProblem } from "../../ir/problem.ts";
import { expiryWatch } from "../../runtime/expiry-watch.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { goldenSettings } from "../support/golden.ts";
import { hostOf, secretOf, tlsContextOf } from "../support/manifests.ts";

const at = (text: string) => Date.parse(`${text}Z`);

let early: Certificate;
let late: Certificate;

beforeAll(async () => {
  const between = (from: string, to: string) => ({ notBefore: new Date(at(from)), notAfter: new Date(at(to)) });
  [early, late] = await Promise.all([
    selfSigned({ hosts: ["early"], ...between("2026-01-01T00:00:00", "2026-03-01T12:00:00") }),
    selfSigned({ hosts: ["late"], ...between("2026-02-01T00:00:00", "2026-06-01T00:00:00") }),
  ]);
});

const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });

const compiler = createCompiler();

function compiled(own: Certificate): Compiled {
  const text =
    secretOf("own", pair(own)) +
    secretOf("ca", { "tls.crt": late.certificatePem }) +
    secretOf("unused", pair(early)) +
    hostOf("www", { hostname: "www.test", tlsSecret: { name: "own" } }) +
    tlsContextOf("up", { ca_secret: "ca" });
  return compiler(manifestReader()(new Map([["t.yaml", { kind: "text", text }]])).resources, goldenSettings);
}

const told = ({ certificates }: Compiled, now: string) => expiryProblems(certificates, at(now)).map(formatProblem);

describe("certificates that are not good now", () => {
  it("are told with the date, of whoever uses them, and of nobody else", () => {
    expect(told(compiled(early), "2026-02-15T00:00:00")).toEqual([]);
    expect(told(compiled(early), "2026-03-01T12:00:00")).toEqual([]);
    expect(told(compiled(early), "2026-03-01T12:00:01")).toEqual([
      "Host default/www: spec.tlsSecret: the certificate of the Secret default/own expired on 2026-03-01 12:00 UTC; renew it; clients refuse it",
    ]);
    expect(told(compiled(late), "2026-01-15T00:00:00")).toEqual([
      "Host default/www: spec.tlsSecret: the certificate of the Secret default/own is valid from 2026-02-01 00:00 UTC; wait, or set the clock right; clients refuse it till then",
      "TLSContext default/up: spec.ca_secret: the certificate authority of the Secret default/ca is valid from 2026-02-01 00:00 UTC; wait, or set the clock right; clients refuse it till then",
    ]);
  });

  it("are no more when the Secret is renewed, which changes neither Host nor chain", () => {
    compiled(early);
    expect(told(compiled(late), "2026-03-02T00:00:00")).toEqual([]);
  });

  it("are told at the moment when nothing else happens", () => {
    const { certificates } = compiled(early);
    let nowMs = at("2026-02-15T00:00:00");
    const timers: { readonly delayMs: number; readonly action: () => void }[] = [];
    const seen: string[][] = [];
    const clock = {
      now: () => 0,
      setTimer(delayMs: number, action: () => void) {
        timers.push({ delayMs, action });
        return () => undefined;
      },
    };
    const watch = expiryWatch({
      wallClock: () => nowMs,
      clock,
      onChange: (problems) => seen.push(problems.map(({ code }) => code)),
    });
    expect(watch.judge(certificates)).toEqual([]);
    expect(nextExpiryMs(certificates, nowMs)).toBe(at("2026-03-01T12:00:00"));
    nowMs = at("2026-03-01T11:59:59");
    timers.at(-1)?.action();
    expect([seen, timers.at(-1)?.delayMs]).toEqual([[[]], 1001]);
    nowMs += 1001;
    timers.at(-1)?.action();
    expect(seen.at(-1)).toEqual(["CertificateExpired"]);
  });
});
