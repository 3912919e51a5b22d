import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { root } from "../../hack/paths.mjs";
import { directoryWith, listener, mapping, nuncio } from "./nuncio.ts";

const made: string[] = [];

function manifests(files: Readonly<Record<string, string>>): string {
  const directory = directoryWith({ "gateway.yaml": listener, ...files });
  made.push(directory);
  return directory;
}

afterEach(() => {
  for (const directory of made.splice(0)) fs.rmSync(directory, { recursive: true, force: true });
});

const quote = mapping("quote", "prefix: /quote/", "service: quote");
const late = mapping("late", "prefix: /late/", "service: late", "timeout_ms: 5s");
const misspelt = mapping("misspelt", "prefix: /misspelt/", "service: misspelt", "timeout: 5000");

describe("nuncio check", () => {
  it("finds nothing wrong with the examples, together and one by one", async () => {
    const all = await nuncio(["check", "examples"], { cwd: root });
    expect(all).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+ objects checked: no problems\n$/), stderr: "" });
    const files = fs
      .readdirSync(path.join(root, "examples"))
      .filter((name) => name.endsWith(".yaml") && name !== "quote.yaml");
    expect(files.length).toBeGreaterThan(2);
    const each = await Promise.all(
      files.map((file) => nuncio(["check", "examples/quote.yaml", `examples/${file}`], { cwd: root })),
    );
    expect(each.map(({ code, stderr }) => [code, stderr])).toEqual(files.map(() => [0, ""]));
  });

  it("names file, line, object, path, what is wrong and what to write, sorted by place, and exits with 1", async () => {
    const cwd = manifests({
      "a.yaml": `${quote}---\n${late}---\n${misspelt}`,
      "deeper/b.yml": mapping("look", "prefix: /(?!a)/", "prefix_regex: true", "service: http://quote/v1"),
      "c.json": '{"apiVersion":"v1","kind":"Sercive","metadata":{"name":"x"}}',
      "broken.yaml": "kind: [\n",
    });
    const { code, stdout, stderr } = await nuncio(["check", "."], { cwd });
    expect(stdout.split("\n")).toEqual([
      'a.yaml:16: error: Mapping default/late: spec.timeout_ms: "5s" is not an integer; write a number of milliseconds, for example 5000 [InvalidField]',
      "a.yaml:25: warning: Mapping default/misspelt: spec.timeout: is not a field of Mapping and has no effect; did you mean timeout_ms? [UnknownField]",
      expect.stringMatching(
        /^broken\.yaml:2: error: File .*broken\.yaml: not valid YAML: .*; the other documents of the file are used \[InvalidYaml\]$/,
      ),
      "c.json:1: warning: Sercive default/x: kind: Sercive of v1 is not read; did you mean Service? [UnknownKind]",
      'deeper/b.yml:6: error: Mapping default/look: spec.prefix: "/(?!a)/" is not a regular expression of RE2 (error parsing regexp: invalid or unsupported Perl syntax: `(?!`); write one in RE2 syntax; it has no look-around and no back-references [InvalidRegex]',
      'deeper/b.yml:8: error: Mapping default/look: spec.service: "http://quote/v1" has a path; leave the path out; `rewrite` sets the path that the service sees [InvalidService]',
      "see docs/codes/InvalidField.md, docs/codes/InvalidRegex.md, docs/codes/InvalidService.md, docs/codes/InvalidYaml.md, docs/codes/UnknownField.md, docs/codes/UnknownKind.md",
      "5 objects checked: 4 errors, 2 warnings",
      "",
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
  });

  it("tells what only the whole shows: conflicts, and what nobody takes", async () => {
    const cwd = manifests({
      "second.yaml": listener.replace("name: http", "name: second"),
      "hosts.yaml": ["first", "second"]
        .map(
          (name) =>
            `apiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: { name: ${name} }\nspec: { hostname: www.example.com }\n`,
        )
        .join("---\n"),
      "mapping.yaml": quote.replace('"*"', "api.example.com"),
    });
    const { code, stdout } = await nuncio(["check", "gateway.yaml", "second.yaml", "hosts.yaml", "mapping.yaml"], {
      cwd,
    });
    expect(stdout.match(/\[\w+\]$/gm)).toEqual(["[HostConflict]", "[NotAttached]", "[PortConflict]"]);
    expect(code).toBe(1);
  });

  it("counts and prints errors alone with --errors-only", async () => {
    const cwd = manifests({ "a.yaml": `${late}---\n${misspelt}`, "b.yaml": quote });
    const { code, stdout } = await nuncio(["check", "--errors-only", "a.yaml"], { cwd });
    expect(stdout.split("\n")).toEqual([
      expect.stringContaining("[InvalidField]"),
      "see docs/codes/InvalidField.md",
      "2 objects checked: 1 error, 0 warnings",
      "",
    ]);
    expect(code).toBe(1);
    fs.writeFileSync(path.join(cwd, "a.yaml"), misspelt);
    expect((await nuncio(["check", "."], { cwd })).code).toBe(1);
    expect(await nuncio(["check", "--errors-only", "."], { cwd })).toEqual({
      code: 0,
      stdout: "3 objects checked: no problems\n",
      stderr: "",
    });
  });

  it("prints problems as JSON with -o json, and the same exit codes", async () => {
    const cwd = manifests({ "a.yaml": quote, "late.yaml": late });
    expect(await nuncio(["check", "-o", "json", "a.yaml", "gateway.yaml"], { cwd })).toEqual({
      code: 0,
      stdout: '{\n  "problems": []\n}\n',
      stderr: "",
    });
    const { code, stdout } = await nuncio(["check", "--output", "json", "."], { cwd });
    expect(JSON.parse(stdout)).toEqual({
      problems: [
        {
          code: "InvalidField",
          severity: "error",
          message: '"5s" is not an integer',
          advice: "write a number of milliseconds, for example 5000",
          object: { kind: "Mapping", namespace: "default", name: "late" },
          path: "spec.timeout_ms",
          file: "late.yaml",
          line: 8,
          fix: { kind: "set", value: 5000 },
          page: "docs/codes/InvalidField.md",
        },
      ],
    });
    expect(code).toBe(1);
  });

  it("says so when there is nothing to check", async () => {
    const cwd = manifests({ "empty/readme.txt": "no manifest" });
    expect(await nuncio(["check", "empty"], { cwd })).toEqual({
      code: 0,
      stdout: "no objects found: nothing to check\n",
      stderr: "",
    });
  });

  it("checks what is for the gateway's AMBASSADOR_ID", async () => {
    const other = mapping("other", "ambassador_id: [edge]", "prefix: /other/", "service: http://other/v1");
    const cwd = manifests({ "a.yaml": `${quote}---\n${other}` });
    expect((await nuncio(["check", "."], { cwd })).code).toBe(0);
    expect((await nuncio(["check", "."], { cwd, env: { AMBASSADOR_ID: "edge" } })).stdout).toContain(
      "[InvalidService]",
    );
  });

  it("takes paths as npm's caller means them", async () => {
    const cwd = manifests({ "a.yaml": quote });
    const env = { npm_lifecycle_event: "nuncio", INIT_CWD: cwd };
    expect((await nuncio(["check", "a.yaml", "gateway.yaml"], { cwd: root, env })).stdout).toBe(
      "2 objects checked: no problems\n",
    );
  });

  it("exits with 2 when it is used wrongly", async () => {
    const cwd = manifests({ "a.yaml": quote });
    const wrong = async (...args: string[]) => {
      const { code, stdout, stderr } = await nuncio(args, { cwd });
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      return stderr;
    };
    expect(await wrong("check", "missing")).toBe("nuncio: there is no file or directory missing\n");
    expect(await wrong("check", "--bogus", ".")).toBe("error: unknown option '--bogus'\n(try nuncio --help)\n");
    expect(await wrong("check", ".", "--from", "cluster")).toContain("what to check is named twice");
    expect(await wrong("check", ".", "--strict", "--errors-only")).toContain("exclude each other");
    expect(await wrong("check", ".", "--dry-run")).toContain("--dry-run is for --fix");
    expect(await wrong("check", "-", "--fix")).toContain("--fix writes into files");
    expect(await wrong("check", "-o", "xml", ".")).toMatch(
      /^error: option '-o, --output <format>' argument 'xml' is invalid\. Write one of text, json, sarif, junit, github\./,
    );
  });
});
