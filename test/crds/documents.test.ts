import { describe, expect, it } from "@jest/globals";
import { parseDocuments } from "../../crds/documents.ts";
import { tell } from "./manifests.ts";

function raws(text: string): unknown[] {
  return parseDocuments(text, "test.yaml").documents.map(({ raw }) => raw);
}

function lines(text: string): number[] {
  return parseDocuments(text, "test.yaml").documents.map(({ origin }) => origin.line);
}

describe("a file", () => {
  it("may hold several documents, empty ones and comments", () => {
    const text = "# first\n\na: 1\n---\n# nothing here\n---\n---\nb: 2\n...\n---\n\n# third\nc: 3\n";
    expect(raws(text)).toEqual([{ a: 1 }, { b: 2 }, { c: 3 }]);
    expect(lines(text)).toEqual([3, 8, 13]);
  });

  it("may be JSON", () => {
    const text = '\n{\n  "a": {\n    "b": [1, 2]\n  }\n}\n';
    const [document] = parseDocuments(text, "test.json").documents;
    expect(document?.raw).toEqual({ a: { b: [1, 2] } });
    expect(document?.origin.lineOf(["a", "b"])).toBe(4);
  });

  it("may hold a List, whose items are the documents", () => {
    const text = "kind: List\napiVersion: v1\nitems:\n- a: 1\n\n- b:\n    c: 2\n";
    const { documents } = parseDocuments(text, "test.yaml");
    expect(documents.map(({ raw }) => raw)).toEqual([{ a: 1 }, { b: { c: 2 } }]);
    expect(documents.map(({ origin }) => origin.line)).toEqual([4, 6]);
    expect(documents[1]?.origin.lineOf(["b", "c"])).toBe(7);
  });

  it("with Windows line ends has the same lines", () => {
    const { documents } = parseDocuments("a: 1\r\n---\r\nb:\r\n  c: 2\r\n", "test.yaml");
    expect(documents.map(({ origin }) => origin.line)).toEqual([1, 3]);
    expect(documents[1]?.origin.lineOf(["b", "c"])).toBe(4);
  });
});

describe("lines", () => {
  const text =
    "x: 1\n---\nspec:\n  list:\n  - a: 1\n  - b: 2\n    'odd key': 3\n  text: |\n    --- not a marker\n  last: 4\n";

  it.each([
    [["spec"], 3],
    [["spec", "list", 1, "b"], 6],
    [["spec", "list", 1, "odd key"], 7],
    [["spec", "list", 0], 5],
    [["spec", "last"], 10],
    [["spec", "missing", "deeper"], 3],
    [["spec", "list", 7], 4],
    [[], 3],
  ])("of %j is %d", (path, line) => {
    const [, document] = parseDocuments(text, "test.yaml").documents;
    expect(document?.origin.lineOf(path)).toBe(line);
  });
});

describe("broken YAML", () => {
  it("costs only its own document, and is told with its line", () => {
    const text = "a: 1\n---\nb: 2\nc: [1, 2\nd: 3\n---\ne: 5\n";
    const { documents, problems } = parseDocuments(text, "test.yaml");
    expect(documents.map(({ raw }) => raw)).toEqual([{ a: 1 }, { e: 5 }]);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({
      code: "InvalidYaml",
      severity: "error",
      object: { kind: "File", namespace: "", name: "test.yaml", origin: { file: "test.yaml", line: 5 } },
    });
  });

  it("says what is wrong", () => {
    expect(parseDocuments("a: 1\na: 2\n", "test.yaml").problems.map(tell)).toEqual([
      "2 error InvalidYaml File test.yaml: not valid YAML: Map keys must be unique; the other documents of the file are used",
    ]);
  });

  it("says what is missing between two objects", () => {
    expect(parseDocuments("kind: A\nname: a\nkind: B\nname: b\n", "test.yaml").problems.map(tell)).toEqual([
      "3 error InvalidYaml File test.yaml: not valid YAML: Map keys must be unique; between two objects there must be a line with ---; the other documents of the file are used",
    ]);
  });

  it("cannot be a bomb of aliases or of depth", () => {
    const row = (name: string, of: string) => `${name}: &${name} [${Array(10).fill(of).join(", ")}]\n`;
    const bomb = row("a", "x") + row("b", "*a") + row("c", "*b") + row("d", "*c") + row("e", "*d");
    expect(parseDocuments(bomb, "test.yaml")).toMatchObject({ documents: [], problems: [{ code: "InvalidYaml" }] });
    const deep = parseDocuments("[".repeat(100_000), "test.yaml");
    expect(deep).toMatchObject({ documents: [], problems: [{ code: "InvalidYaml" }] });
  });
});

describe("YAML is read as kubectl reads it", () => {
  it.each([
    ["yes", true],
    ["Off", false],
    ["0777", 511],
    ["1_000", 1000],
    ["12:30", "12:30"],
    ["2020-01-01", "2020-01-01"],
    ["~", null],
    ["1e3", 1000],
  ])("%s", (written, value) => {
    expect(raws(`a: ${written}`)).toEqual([{ a: value }]);
  });

  it("with merge keys", () => {
    expect(raws("a: &a { b: 1 }\nc: { <<: *a, d: 2 }")).toEqual([{ a: { b: 1 }, c: { b: 1, d: 2 } }]);
  });
});
