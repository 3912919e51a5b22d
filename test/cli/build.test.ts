import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { bundle } from "../../hack/build.mjs";

describe("a build of the bundle", () => {
  let directory: string;
  let outdir: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-build-"));
    outdir = path.join(directory, "dist");
    fs.mkdirSync(outdir);
    fs.writeFileSync(path.join(outdir, "nuncio.js"), "the last good one");
    fs.writeFileSync(path.join(outdir, "chunk-of-yesterday.js"), "");
  });
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  const entry = (text: string): string => {
    const file = path.join(directory, "main.ts");
    fs.writeFileSync(file, text);
    return file;
  };

  it("that fails leaves the last good one, and nothing else", async () => {
    const broken = entry('import "./nowhere.ts";\n');
    await expect(bundle(outdir, { entry: broken })).rejects.toThrow(/nowhere\.ts/);
    expect(fs.readFileSync(path.join(outdir, "nuncio.js"), "utf8")).toBe("the last good one");
    expect(fs.readdirSync(directory).sort()).toEqual(["dist", "main.ts"]);
  });

  it("that succeeds replaces all of it, and leaves nothing else", async () => {
    await bundle(outdir, { entry: entry('console.log("new");\n') });
    expect(fs.readdirSync(outdir).sort()).toEqual(["THIRD-PARTY-LICENSES.txt", "envoy-descriptors.binpb", "nuncio.js"]);
    expect(fs.readFileSync(path.join(outdir, "nuncio.js"), "utf8")).toContain('console.log("new")');
    expect(fs.statSync(path.join(outdir, "nuncio.js")).mode & 0o111).toBe(0o111);
    expect(fs.readdirSync(directory).sort()).toEqual(["dist", "main.ts"]);
  });
});
