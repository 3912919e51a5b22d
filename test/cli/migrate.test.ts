import fs from "node:fs";
import path from "node:path";
import { afterEach, describe, expect, it } from "@jest/globals";
import { directoryWith, listener, nuncio } from "./nuncio.ts";

const old = `apiVersion: getambassador.io/v2
kind: Mapping
metadata: { name: quote }
spec:
  prefix: /quote/ # the path
  service: 127.0.0.1:9001
  use_websocket: true
`;
const rewritten = `apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata: { name: quote }
spec:
  prefix: /quote/ # the path
  service: 127.0.0.1:9001
  allow_upgrade:
    - websocket
  hostname: "*"
`;

let directory = "";
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }));

const read = (name: string): string => fs.readFileSync(path.join(directory, name), "utf8");

describe("nuncio migrate", () => {
  it("prints what it makes of a file, and leaves the file", async () => {
    directory = directoryWith({ "old.yaml": old });
    const { code, stdout, stderr } = await nuncio(["migrate", "old.yaml"], { cwd: directory });
    expect({ code, stdout }).toEqual({ code: 0, stdout: rewritten });
    expect(stderr).toBe(
      "old.yaml:1: Mapping default/quote: v2 -> v3alpha1; use_websocket -> allow_upgrade\n1 object in 1 file: 1 rewritten\n",
    );
    expect(read("old.yaml")).toBe(old);
  });

  it("prints the files of a directory as one stream of documents", async () => {
    directory = directoryWith({ "a/old.yaml": old, "b.yaml": listener.trimEnd() });
    const { stdout } = await nuncio(["migrate", "."], { cwd: directory });
    expect(stdout).toBe(`---\n# a/old.yaml\n${rewritten}---\n# b.yaml\n${listener}`);
  });

  it("rewrites files in place, and only those that change", async () => {
    directory = directoryWith({ "old.yaml": old, "new.yaml": listener });
    const before = fs.statSync(path.join(directory, "new.yaml")).mtimeMs;
    const { code, stdout, stderr } = await nuncio(["migrate", "--in-place", directory]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
    expect(stderr).toContain("2 objects in 2 files: 1 rewritten\n");
    expect(read("old.yaml")).toBe(rewritten);
    expect(read("new.yaml")).toBe(listener);
    expect(fs.statSync(path.join(directory, "new.yaml")).mtimeMs).toBe(before);
    expect(await nuncio(["check", directory])).toMatchObject({ stdout: expect.not.stringContaining("error") });
  });

  it("tells with --check whether there is something to do, and does nothing", async () => {
    directory = directoryWith({ "old.yaml": old });
    const { code, stdout, stderr } = await nuncio(["migrate", "--check", directory]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("1 object in 1 file: 1 to rewrite\n");
    expect(read("old.yaml")).toBe(old);
    fs.writeFileSync(path.join(directory, "old.yaml"), rewritten);
    expect(await nuncio(["migrate", "--check", directory])).toEqual({
      code: 0,
      stdout: "",
      stderr: "1 object in 1 file: 0 to rewrite\n",
    });
  });

  it("fails when something is left to people, and does the rest", async () => {
    directory = directoryWith({ "chart.yaml": "a: [b\n", "old.yaml": old });
    const { code, stderr } = await nuncio(["migrate", "--in-place", "."], { cwd: directory });
    expect(code).toBe(1);
    expect(stderr).toMatch(/^chart.yaml:1: document: /m);
    expect(stderr).toContain("1 rewritten, 1 left to you\n");
    expect(read("old.yaml")).toBe(rewritten);
  });

  it("exits with 2 when used wrongly", async () => {
    directory = directoryWith({ "old.yaml": old });
    expect(await nuncio(["migrate", "nowhere"])).toMatchObject({ code: 2, stdout: "" });
    expect(await nuncio(["migrate"])).toMatchObject({ code: 2 });
    expect(await nuncio(["migrate", "--check", "--in-place", directory])).toMatchObject({ code: 2 });
  });
});
