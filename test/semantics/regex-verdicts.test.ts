import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { commandProblems, headerCommands } from "../../features/header-value.ts";
import { pack } from "../../features/proto.ts";
import { regexError } from "../../ir/regex.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { type Outcome, ValidatorProcess } from "../../runtime/validator/process.ts";
import { Listener } from "../../xds/generated/envoy/config/listener/v3/listener.ts";
import { Router } from "../../xds/generated/envoy/extensions/filters/http/router/v3/router.ts";
import { HttpConnectionManager } from "../../xds/generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import { type Harness, harnessOf } from "../../xds/resources/harness.ts";
import { ENVOY_BINARY } from "../support/envoy.ts";
import { type Random, seeded, seedOfRun } from "../support/random.ts";

// What the compiler judges by itself, asked of Envoy: random texts made of what the syntax has.

// REGEXES=4000 npm test -- test/semantics/regex-verdicts: as many as there is time for.
const seed = seedOfRun();
const count = Number(process.env["REGEXES"] ?? 400);
let envoy: ValidatorProcess;
let directory: string;

beforeAll(() => {
  directory = mkdtempSync("/tmp/nuncio-regex-");
  envoy = new ValidatorProcess({ envoyPath: ENVOY_BINARY, directory, clock: systemClock, log: silentLog });
});

afterAll(async () => {
  await envoy.close();
  rmSync(directory, { recursive: true, force: true });
});

const pieces = [
  ...[
    "a",
    "b",
    "é",
    "日",
    "/",
    "-",
    "_",
    " ",
    "\\/",
    "\\.",
    ".",
    "^",
    "$",
    "|",
    "|",
    "(",
    ")",
    "(?:",
    "(?i)",
    "(?i:",
    "(?P<n>",
  ],
  ...[
    "(?<n>",
    "(?=",
    "(?!",
    "(?<=",
    "(?>",
    "(?#",
    "(?s-m:",
    "(?U)",
    "[",
    "]",
    "[^",
    "[a-z]",
    "[z-a]",
    "[[:alpha:]]",
    "[[:nope:]]",
  ],
  ...[
    "*",
    "+",
    "?",
    "*?",
    "++",
    "{2}",
    "{2,}",
    "{2,1}",
    "{,2}",
    "{1000}",
    "{1001}",
    "{",
    "}",
    "\\d",
    "\\D",
    "\\w",
    "\\s",
    "\\b",
  ],
  ...[
    "\\B",
    "\\A",
    "\\z",
    "\\Z",
    "\\G",
    "\\1",
    "\\9",
    "\\x41",
    "\\x{41}",
    "\\x{110000}",
    "\\u0041",
    "\\pL",
    "\\p{Greek}",
  ],
  ...[
    "\\p{Nope}",
    "\\PN",
    "\\Q",
    "\\E",
    "\\C",
    "\\K",
    "\\R",
    "\\h",
    "\\v",
    "\\a",
    "\\t",
    "\\e",
    "\\0",
    "\\07",
    "\\8",
    "\\c",
    "\\",
  ],
];

function regexOf(random: Random): string {
  return Array.from({ length: 1 + random.integer(6) }, () => random.pick(pieces)).join("");
}

/** A listener with one route, which matches by this. */
function matching(regex: string, index: number): Harness {
  const name = `regex-${index}`;
  const match = { pathSpecifier: { $case: "safeRegex", value: { regex } } } as const;
  const routes = [{ match, action: { $case: "directResponse", value: { status: 200 } } as const }];
  const manager = pack(HttpConnectionManager, {
    statPrefix: "regex",
    routeSpecifier: { $case: "routeConfig", value: { virtualHosts: [{ name, domains: ["*"], routes }] } },
    httpFilters: [{ name: "envoy.filters.http.router", configType: { $case: "typedConfig", value: pack(Router, {}) } }],
  });
  const listener: Listener = {
    name,
    bindToPort: false,
    address: { address: { $case: "pipe", value: { path: `@${name}` } } },
    filterChains: [{ filters: [{ name: "http", configType: { $case: "typedConfig", value: manager } }] }],
  };
  return { type: "listener", resource: xdsResource("listener", name, [Listener.encode(listener).finish()]) };
}

function refusedOf(outcome: Outcome): ReadonlyMap<string, string> {
  if (outcome.kind !== "answered") throw new Error(`no answer: ${JSON.stringify(outcome)}`);
  return outcome.refused;
}

describe(`${count} random texts, from the seed ${seed}`, () => {
  it("are regular expressions to the compiler if they are to Envoy", async () => {
    const random = seeded(seed);
    const regexes = Array.from({ length: count }, () => regexOf(random));
    const refused = refusedOf(await envoy.ask(regexes.map(matching), 60_000));
    const differ = regexes.flatMap((regex, index) => {
      const said = refused.get(`regex-${index}`);
      return said !== undefined && regexError(regex) === undefined ? [{ regex, said }] : [];
    });
    expect({ seed, differ }).toEqual({ seed, differ: [] });
    expect(refused.size).toBeGreaterThan(count / 20);
    expect(refused.size).toBeLessThan(count);
  });

  it("are formats that need no question only if Envoy takes them", async () => {
    const random = seeded(seed);
    const commands = [
      "REQ",
      "REQUEST_HEADER",
      "RESP",
      "RESPONSE_HEADER",
      "RESPONSE_TRAILER",
      "TRAILER",
      "START_TIME",
      "PATH",
    ];
    const signs = ["a", "B", "7", "-", "_", ":", "?", "?", "x-y"];
    const formats = Array.from({ length: count }, () => {
      const argument = Array.from({ length: random.integer(5) }, () => random.pick(signs)).join("");
      const command = random.pick(random.chance(0.8) ? commands : [...headerCommands.withoutArguments]);
      const length = random.chance(0.2) ? `:${random.integer(100)}` : "";
      return `%${command}${argument === "" ? "" : `(${argument})`}${length}%`;
    });
    const plain = [...new Set(formats)].filter((format) => commandProblems(format, [], "header").length === 0);
    const harnesses = plain.map((text) => harnessOf({ kind: "format", text, in: "header" }));
    const refused = refusedOf(await envoy.ask(harnesses, 60_000));
    expect({ seed, refused: [...refused.values()] }).toEqual({ seed, refused: [] });
    expect(plain.length).toBeGreaterThan(20);
  });
});
