/** What it costs to have contents judged by an Envoy that serves nobody, before they are served. */
import fs from "node:fs";
import { lua } from "../../filters/lua.ts";
import type { FreeContent } from "../../ir/free-content.ts";
import { Redacted } from "../../ir/redacted.ts";
import { silentLog } from "../../runtime/log.ts";
import { temporaryValidator } from "../../runtime/validator/temporary.ts";
import type { Validator } from "../../runtime/validator/validator.ts";
import { selfSigned } from "../../test/support/certificates.ts";
import { envoyPath } from "../paths.mjs";
import { loadAverage, memory } from "./machine.ts";
import type { Session } from "./session.ts";
import { type Distribution, distribution, rounded } from "./statistics.ts";

const kinds = ["script", "format", "certificate"] as const;
type Kind = (typeof kinds)[number];

export interface VerdictRow {
  readonly kind: Kind;
  readonly loadAverage: readonly number[];
  /** From the first content to its verdict, the start of the process with it. */
  readonly coldMs: Distribution;
  /** One content after the other, each a new one. */
  readonly warmMs: Distribution;
  /** A thousand at once, until the last has its verdict. */
  readonly thousandMs: number;
  /** Of the process: all of it, and what it shares with no file. After the first content, and after all of them. */
  readonly memoryMb: {
    readonly first: { readonly rss: number; readonly own: number };
    readonly all: { readonly rss: number; readonly own: number };
  };
}

const MANY = 1000;

export async function measureVerdicts(session: Session, quick: boolean): Promise<readonly VerdictRow[]> {
  const contentOf = await contents();
  const rows: VerdictRow[] = [];
  for (const kind of kinds) {
    session.say(`verdict: ${kind}`);
    const coldMs: number[] = [];
    for (let i = 0; i < (quick ? 3 : 10); i++) {
      await withValidator(session, async (validator) => {
        coldMs.push(await timed(validator, [contentOf(kind, `cold ${i}`)]));
      });
    }
    await withValidator(session, async (validator) => {
      await timed(validator, [contentOf(kind, "first")]);
      const first = memoryOf(validator);
      const warmMs: number[] = [];
      for (let i = 0; i < (quick ? 50 : 500); i++) warmMs.push(await timed(validator, [contentOf(kind, `warm ${i}`)]));
      const many = Array.from({ length: MANY }, (_, i) => contentOf(kind, `many ${i}`));
      const thousandMs = rounded(await timed(validator, many));
      const memoryMb = { first, all: memoryOf(validator) };
      const spread = { coldMs: distribution(coldMs), warmMs: distribution(warmMs) };
      rows.push({ kind, loadAverage: loadAverage(), ...spread, thousandMs, memoryMb });
    });
  }
  return rows;
}

function withValidator(session: Session, use: (validator: Validator) => Promise<void>): Promise<void> {
  return session.scope(async (scope) => {
    const validator = temporaryValidator(envoyPath, silentLog);
    scope.defer(() => validator.close());
    await use(validator);
  });
}

/** Each text makes another content, and Envoy takes all of them. */
async function contents(): Promise<(kind: Kind, text: string) => FreeContent> {
  const { certificatePem, keyPem } = await selfSigned({ hosts: ["a.test"] });
  const key = new Redacted(Buffer.from(keyPem));
  return (kind, text) => {
    if (kind === "format") return { kind, text: `${text} %REQ(a?b)% %START_TIME(%s)%`, in: "header" };
    if (kind === "certificate")
      return { kind, name: text, chain: new Redacted(Buffer.from(`${text}\n${certificatePem}`)), key };
    const { typeUrl = "", value: message = new Uint8Array() } = lua.toFilter(`x = "${text}"`);
    return { kind: "filter", name: lua.name, typeUrl, message };
  };
}

async function timed(validator: Validator, some: readonly FreeContent[]): Promise<number> {
  const startedMs = performance.now();
  const answers = await validator.judge(some);
  const other = answers.find(({ kind }) => kind !== "accepted");
  if (other !== undefined) throw new Error(`the validator says ${JSON.stringify(other)}`);
  return performance.now() - startedMs;
}

/** The binary's pages are shared with the Envoy that serves. */
function memoryOf({ pid = 0 }: Validator): { rss: number; own: number } {
  const own = /^RssAnon:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return { rss: memory(pid).rssMb, own: rounded(Math.round(Number(own) / 102.4) / 10) };
}

/** For people. */
export function verdictTable(rows: readonly VerdictRow[]): string {
  if (rows.length === 0) return "";
  const spread = ({ p50, p90, max }: Distribution) => [p50, p90, max].map((each) => each.toFixed(1)).join(" / ");
  const lines = rows.map(({ kind, coldMs, warmMs, thousandMs, memoryMb: { first, all } }) =>
    [
      `  ${kind.padEnd(12)} one, with the start of the process ${spread(coldMs)}`,
      `one ${spread(warmMs)}`,
      `${MANY} at once ${Math.round(thousandMs)}`,
      `memory ${first.rss} MB, ${first.own} of its own; after all ${all.rss}, ${all.own}`,
    ].join("; "),
  );
  return ["\nverdict of an Envoy that serves nobody, ms (p50 / p90 / max)", ...lines, ""].join("\n");
}
