import fs from "node:fs";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { z } from "zod";
import { check, type CheckFormat } from "../../cli/check.ts";
import { unifiedDiff } from "../../cli/check/diff.ts";
import { seeded } from "../support/random.ts";
import { directoryWith, listener, mapping, nuncio } from "./nuncio.ts";

const late = mapping("late", "prefix: /late/", "service: late", "timeout_ms: 5s", 'host_rewrite: "<&>"');
const odd = mapping("odd", "prefix: /odd/", "service: odd", '"a,b:100%": 1');
const directory = directoryWith({
  "a b.yaml": `${late}---\n${odd}`,
  "gateway.yaml": listener,
  "broken.yaml": "a: [\n",
});

afterAll(() => fs.rmSync(directory, { recursive: true }));

function printed(output: CheckFormat, strict = false): string {
  const lines: string[] = [];
  check([directory], { output, errorsOnly: false, strict }, {}, (line) => lines.push(line));
  return lines.join("\n").replaceAll(directory, "DIR");
}

/** What of SARIF's schema concerns what is written: any other property, or one in another form, is refused. */
const sarif = (() => {
  const text = z.strictObject({ text: z.string().min(1) });
  const rule = z.strictObject({
    id: z.string(),
    shortDescription: text,
    fullDescription: text,
    help: text,
  });
  const location = z.strictObject({
    physicalLocation: z
      .strictObject({
        artifactLocation: z.strictObject({ uri: z.string().regex(/^[!-~]+$/) }),
        region: z.strictObject({ startLine: z.int().min(1) }),
      })
      .optional(),
    logicalLocations: z.array(
      z.strictObject({ name: z.string(), fullyQualifiedName: z.string(), kind: z.literal("resource") }),
    ),
  });
  const result = z.strictObject({
    ruleId: z.string(),
    ruleIndex: z.int().min(0),
    level: z.enum(["none", "note", "warning", "error"]),
    message: text,
    locations: z.array(location),
  });
  const driver = z.strictObject({
    name: z.string(),
    semanticVersion: z.string().regex(/^\d+\.\d+\.\d+(-[\w.]+)?$/),
    rules: z.array(rule),
  });
  const run = z.strictObject({ tool: z.strictObject({ driver }), results: z.array(result) });
  return z.strictObject({ $schema: z.url(), version: z.literal("2.1.0"), runs: z.array(run).length(1) });
})();

describe("the formats of nuncio check", () => {
  it("has SARIF 2.1.0, in which each result has its rule and its place", () => {
    const { runs } = sarif.parse(JSON.parse(printed("sarif")));
    const { tool, results } = runs[0] ?? { tool: undefined, results: [] };
    expect(results.map(({ ruleId, level, locations }) => [ruleId, level, locations[0]?.physicalLocation])).toEqual([
      [
        "InvalidField",
        "error",
        { artifactLocation: { uri: expect.stringMatching(/\/a%20b\.yaml$/) }, region: { startLine: 8 } },
      ],
      ["UnknownField", "warning", expect.anything()],
      ["InvalidYaml", "error", expect.anything()],
    ]);
    for (const { ruleId, ruleIndex } of results) expect(tool?.driver.rules[ruleIndex]?.id).toBe(ruleId);
  });

  it("has GitHub's annotations, with what would end them early escaped", () => {
    const [first = "", second = "", third, sum] = printed("github").split("\n");
    expect(first).toBe(
      '::error file=DIR/a b.yaml,line=8,title=InvalidField::Mapping default/late: spec.timeout_ms: "5s" is not an integer; write a number of milliseconds, for example 5000',
    );
    expect(second).toMatch(/^::warning file=.*,title=UnknownField::Mapping default\/odd: spec\["a,b:100%25"\]: is not/);
    expect(third).toMatch(/^::error file=DIR\/broken.yaml,line=2,title=InvalidYaml::/);
    expect(sum).toBe("3 objects checked: 2 errors, 1 warning");
  });

  it("has JUnit's XML: a suite for each file, a case for each object, which only an error fails", () => {
    const xml = printed("junit");
    expect(xml).toContain('<testsuites name="nuncio check" tests="4" failures="2" errors="0">');
    expect(xml).toMatch(/<testcase classname="DIR\/gateway.yaml" name="Listener default\/http" file=".*" line="1"\/>/);
    expect(xml).toMatch(/<failure type="InvalidField" message="[^"<]*&quot;5s&quot; is not an integer[^"<]*">/);
    expect(xml.match(/<system-out>/g)).toHaveLength(1);
    expect(openAtTheEnd(xml)).toEqual([]);
    expect(printed("junit", true)).toContain('failures="3"');
  });

  it("tells warnings as errors with --strict", () => {
    expect(printed("text", true)).toContain("3 objects checked: 3 errors, 0 warnings");
    expect(printed("github", true)).not.toContain("::warning");
  });
});

describe("nuncio check --fix", () => {
  const bad = mapping("quote", "prefix: /quote/", "service: quote", "timeout_ms: 5s # long");

  it("writes what it can mend into the files, says so, and tells what is left", async () => {
    const cwd = directoryWith({ "gateway.yaml": listener, "a.yaml": `${bad}---\n${odd}` });
    try {
      const dry = await nuncio(["check", "--fix", "--dry-run", "."], { cwd });
      expect(dry.stdout).toBe(
        [
          "--- a.yaml",
          "+++ a.yaml",
          "@@ -5,7 +5,7 @@",
          '   hostname: "*"',
          "   prefix: /quote/",
          "   service: quote",
          "-  timeout_ms: 5s # long",
          "+  timeout_ms: 5000 # long",
          " ---",
          " apiVersion: getambassador.io/v3alpha1",
          " kind: Mapping",
          "",
        ].join("\n"),
      );
      expect(dry).toMatchObject({ code: 1, stderr: expect.stringContaining("a.yaml:1: Mapping default/quote: would") });
      expect(fs.readFileSync(path.join(cwd, "a.yaml"), "utf8")).toBe(`${bad}---\n${odd}`);
      const { code, stdout, stderr } = await nuncio(["check", "--fix", "."], { cwd });
      expect(stderr).toBe("a.yaml:1: Mapping default/quote: mended spec.timeout_ms -> 5000\n");
      expect(stdout).toMatch(/^a.yaml:17: warning: .*\nsee .*\n3 objects checked: 0 errors, 1 warning\n$/);
      expect(code).toBe(1);
      expect(fs.readFileSync(path.join(cwd, "a.yaml"), "utf8")).toBe(`${bad.replace("5s", "5000")}---\n${odd}`);
    } finally {
      fs.rmSync(cwd, { recursive: true });
    }
  });

  it("shows differences that patch could apply, of random texts", () => {
    const { integer, chance, pick } = seeded(7);
    const word = () => pick(["a", "b", "c", "d"]);
    for (let round = 0; round < 300; round++) {
      const before = Array.from({ length: integer(40) }, word);
      const after = before.flatMap((line) => (chance(0.1) ? [] : chance(0.1) ? [line, word()] : [line]));
      const diff = unifiedDiff(
        "x",
        before.map((line) => `${line}\n`).join(""),
        after.map((line) => `${line}\n`).join(""),
      );
      expect(patched(before, diff)).toEqual(after);
    }
  });
});

/** Tags that nobody closed, and those that nobody opened. */
function openAtTheEnd(xml: string): readonly string[] {
  const open: string[] = [];
  for (const [, slash, name = "", empty] of xml.matchAll(/<(\/?)(\w+)[^<>]*?(\/?)>/g)) {
    if (slash === "") {
      if (empty === "") open.push(name);
    } else if (open.at(-1) === name) open.pop();
    else open.push(`/${name}`);
  }
  return open;
}

/** What `patch` makes of it: each hunk must find its lines where it says. */
function patched(before: readonly string[], diff: string): readonly string[] {
  const after: string[] = [];
  let at = 0;
  for (const line of diff.split("\n").slice(2)) {
    const [, from, fromCount] = /^@@ -(\d+),(\d+) /.exec(line) ?? [];
    if (from !== undefined) {
      const start = Number(from) - (Number(fromCount) === 0 ? 0 : 1);
      after.push(...before.slice(at, start));
      at = start;
    } else if (line.startsWith("+")) after.push(line.slice(1));
    else if (line !== "") {
      expect(before[at]).toBe(line.slice(1));
      at++;
      if (line.startsWith(" ")) after.push(line.slice(1));
    }
  }
  return [...after, ...before.slice(at)];
}
