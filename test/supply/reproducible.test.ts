import { execFileSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { bundle } from "../../hack/build.mjs";
import { root } from "../../hack/paths.mjs";

const notCopied = new Set([".cache", ".git", "coverage", "dist"]);

/** The whole checkout in another folder, by hard links. Within the repository: links do not reach other file systems. */
function copyCheckout(directory: string): string {
  const copy = path.join(directory, "a/folder with another name");
  fs.mkdirSync(path.join(copy, ".cache"), { recursive: true });
  const entries = fs.readdirSync(root).filter((name) => !notCopied.has(name));
  execFileSync("cp", ["-al", ...entries.map((name) => path.join(root, name)), copy]);
  execFileSync("cp", ["-al", path.join(root, ".cache/envoy"), path.join(copy, ".cache")]);
  return copy;
}

function contents(directory: string): ReadonlyMap<string, Buffer> {
  return new Map(fs.readdirSync(directory).map((name) => [name, fs.readFileSync(path.join(directory, name))]));
}

describe("a build of the bundle", () => {
  let directory: string;
  let copy: string;
  let here: ReadonlyMap<string, Buffer>;
  let there: ReadonlyMap<string, Buffer>;

  beforeAll(async () => {
    fs.mkdirSync(path.join(root, ".cache"), { recursive: true });
    directory = fs.mkdtempSync(path.join(root, ".cache/reproducible-"));
    copy = copyCheckout(directory);
    await bundle(path.join(directory, "dist"));
    // Started elsewhere too: what esbuild writes could depend on the working directory.
    execFileSync(process.execPath, [path.join(copy, "hack/build.mjs")], { cwd: "/" });
    here = contents(path.join(directory, "dist"));
    there = contents(path.join(copy, "dist"));
  }, 120_000);
  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

  it("has the same files with the same bytes in another directory", () => {
    expect([...there.keys()]).toEqual([...here.keys()]);
    expect([...here].filter(([name, bytes]) => there.get(name)?.equals(bytes) !== true).map(([name]) => name)).toEqual(
      [],
    );
  });

  it("names no directory of the machine", () => {
    const named = (built: ReadonlyMap<string, Buffer>, folder: string) =>
      [...built].filter(([, bytes]) => bytes.includes(folder)).map(([name]) => name);
    expect(named(here, root)).toEqual([]);
    expect(named(there, copy)).toEqual([]);
    // The control: a path that is in it is found.
    expect(named(here, "node_modules/winston").length).toBeGreaterThan(0);
  });
});
