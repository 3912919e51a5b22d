import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parseAllDocuments } from "yaml";
import { yamlOptions } from "../../crds/documents.ts";
import { readPlainYaml } from "../../crds/plain-yaml.ts";

/** What the YAML parser reads; undefined when there is an error, or more than one document. */
function parsed(text: string): unknown {
  const documents = parseAllDocuments(text, yamlOptions);
  const [document] = documents;
  if (!Array.isArray(documents) || documents.length !== 1 || document === undefined) return undefined;
  return document.errors.length > 0 ? undefined : document.toJS();
}

const keys = ["a", "b", "spec", "x-y", "a.b/c", "on", "y", "No", "null", "__proto__", "constructor", "1", '"q"', "<<"];
const scalars = [
  ...[
    "",
    "a",
    "/a/",
    "http://a:80",
    "a:",
    "a: b",
    "a b",
    "a #c",
    "a#c",
    "*",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "-",
    "-a",
    "?",
  ],
  ...[
    "? a",
    "|",
    ">",
    "{}",
    "[]",
    "[a]",
    "{a: b}",
    "~",
    "true",
    "True",
    "TRUE",
    "yes",
    "off",
    "null",
    "n",
    "N",
    "nan",
    ".nan",
    ".inf",
  ],
  ...[
    "0",
    "00",
    "07",
    "0o7",
    "0x1F",
    "0b1",
    "1",
    "-1",
    "-0",
    "+1",
    "1_000",
    "1.5",
    "1e3",
    ".5",
    "1:30",
    "190:20:30",
    "2026-01-01",
  ],
  ...[
    "123456789012345",
    "1234567890123456789",
    '""',
    '"a"',
    '"a b: c # d"',
    '"\\n"',
    '"a" # c',
    "''",
    "'a'",
    "'it''s'",
    "'\\n'",
  ],
  ...["é", '"é"', "a\t", "\ta", "a ", "  a", "a,b", "a=b", "=", "a?", "/", "//", "/:", "a:b", "---", "...", "--- a"],
];
/** Mostly what could be plain, so that many texts are. */
const usual = fc.constantFrom("a:", "b:", "c:", "a: x", "b: 1", "c: true", "x", 'd: "x y"', "e: /x/");
const unusual = fc.oneof(
  fc.tuple(fc.constantFrom(...keys), fc.constantFrom(...scalars)).map(([key, value]) => `${key}: ${value}`),
  fc.constantFrom(...scalars, "# comment", "a :b", "a:b", "a:  b"),
);
const line = fc
  .tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom("", "", "  ", "  ", "    ") },
      { weight: 1, arbitrary: fc.constantFrom(" ", "   ", "\t") },
    ),
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom("", "", "- ") },
      { weight: 1, arbitrary: fc.constantFrom("- - ", "-  ", "-") },
    ),
    fc.oneof({ weight: 9, arbitrary: usual }, { weight: 2, arbitrary: unusual }),
  )
  .map((parts) => parts.join(""));
const text = fc
  .tuple(
    fc.oneof(
      { weight: 9, arbitrary: fc.constantFrom("", "---\n", "# comment\n") },
      { weight: 1, arbitrary: fc.constantFrom("--- \n", "--- a\n", "%YAML 1.2\n---\n") },
    ),
    fc.array(line, { minLength: 1, maxLength: 6 }),
    fc.oneof({ weight: 9, arbitrary: fc.constant("\n") }, { weight: 1, arbitrary: fc.constantFrom("\r\n", "\n\n") }),
  )
  .map(([head, lines, newline]) => head + lines.map((each) => each + newline).join(""));

/** The manifests of the documentation and the examples. */
function published(): readonly string[] {
  const texts = ["examples", "docs"].flatMap((directory) =>
    fs.readdirSync(directory, { recursive: true, encoding: "utf8" }).flatMap((name): string[] => {
      if (!/\.(yaml|md)$/.test(name)) return [];
      const text = fs.readFileSync(path.join(directory, name), "utf8");
      return name.endsWith(".yaml")
        ? [text]
        : [...text.matchAll(/^```yaml\n([^]*?)^```/gm)].map(([, block]) => block ?? "");
    }),
  );
  return texts.flatMap((text) => text.split(/^---$/m)).filter((text) => text.trim() !== "");
}

describe("plain YAML", () => {
  it("is read as the YAML parser reads it, or not at all", () => {
    let plainOnes = 0;
    fc.assert(
      fc.property(text, (each) => {
        const plain = readPlainYaml(each);
        if (plain === undefined) return;
        plainOnes++;
        expect(plain).toEqual(parsed(each));
      }),
      { numRuns: 20_000 },
    );
    expect(plainOnes).toBeGreaterThan(300);
  });

  it("is read alike for every single key and value", () => {
    for (const key of keys) {
      for (const value of scalars) {
        for (const each of [
          `${key}: ${value}\n`,
          `a:\n- ${value}\n- ${key}: ${value}\n`,
          `a:\n  ${key}: ${value}\nb: 1\n`,
        ]) {
          const plain = readPlainYaml(each);
          if (plain !== undefined) expect([each, plain]).toEqual([each, parsed(each)]);
        }
      }
    }
  });

  it("is most of what people write", () => {
    const documents = published();
    const plain = documents.filter((each) => readPlainYaml(each) !== undefined);
    for (const each of plain) expect(readPlainYaml(each)).toEqual(parsed(each));
    expect(documents.length).toBeGreaterThan(40);
    expect(plain.length / documents.length).toBeGreaterThan(0.5);
  });
});
