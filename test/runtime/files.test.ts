import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { systemClock } from "../../runtime/clock.ts";
import { watchManifests } from "../../runtime/files.ts";
import { readManifestFiles } from "../../runtime/manifest-files.ts";
import type { FileContent } from "../../runtime/manifest-files.ts";
import { eventually } from "./eventually.ts";
import { memoryLog } from "./memory-log.ts";

type Files = ReadonlyMap<string, FileContent>;

let directory: string;
let conf: string;
let stop: AbortController;

beforeEach(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-files-"));
  conf = path.join(directory, "conf");
  fs.mkdirSync(conf);
  stop = new AbortController();
});

afterEach(() => {
  stop.abort();
  fs.rmSync(directory, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  const file = path.join(conf, name);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}

/** `{"a.yaml": "text", "b.yaml": "! reason"}`, in the order of the map. */
function texts(files: Files | undefined, root = conf): Record<string, string> {
  const entries = [...(files ?? [])].map(([file, content]) => {
    return [path.relative(root, file), content.kind === "text" ? content.text : `! ${content.reason}`];
  });
  return Object.fromEntries(entries);
}

function startWatch(root = conf) {
  const changes: Files[] = [];
  const log = memoryLog();
  watchManifests({
    path: root,
    log,
    clock: systemClock,
    signal: stop.signal,
    onChange: (files) => changes.push(files),
  });
  const latest = () => texts(changes.at(-1));
  const becomes = (expected: Record<string, string>) =>
    eventually(`${JSON.stringify(latest())} becomes ${JSON.stringify(expected)}`, () => {
      return JSON.stringify(latest()) === JSON.stringify(expected);
    });
  return { changes, log, latest, becomes };
}

describe("the first reading", () => {
  it("finds yaml, yml and json recursively, sorted by path, and ignores hidden and temporary files", () => {
    for (const name of ["b.yaml", "a.yml", "sub/deep/c.json", "Z.YAML"]) write(name, name);
    for (const name of [".b.yaml.swp", ".#a.yml", "a.yml~", "#a.yaml#", "4913", "README.md", ".git/x.yaml"])
      write(name, "no");
    const { changes, latest } = startWatch();
    expect(changes).toHaveLength(1);
    expect(Object.keys(latest())).toEqual(["Z.YAML", "a.yml", "b.yaml", "sub/deep/c.json"]);
  });

  it("reports what cannot be read and goes on with the others", () => {
    write("good.yaml", "ok");
    fs.writeFileSync(path.join(conf, "binary.yaml"), Buffer.from([0xff, 0xfe, 0x00]));
    fs.symlinkSync("loop.yaml", path.join(conf, "loop.yaml"));
    const { latest } = startWatch();
    expect(latest()).toEqual({
      "binary.yaml": "! is not UTF-8 text",
      "good.yaml": "ok",
      "loop.yaml": expect.stringContaining("! cannot be read: ELOOP"),
    });
  });

  it("survives links that lead nowhere or back up", () => {
    write("a.yaml", "a");
    fs.symlinkSync("missing.yaml", path.join(conf, "dangling.yaml"));
    fs.symlinkSync("..", path.join(conf, "up"));
    expect(texts(readManifestFiles(conf))).toMatchObject({ "a.yaml": "a" });
  });

  it("finds the same paths whether or not the directory is written with a slash at its end", () => {
    write("a.yaml", "a");
    expect([...readManifestFiles(`${conf}/`).keys()]).toEqual([path.join(conf, "a.yaml")]);
  });

  it("reads one file of any name", () => {
    write("routes.txt", "r");
    expect(texts(readManifestFiles(path.join(conf, "routes.txt")))).toEqual({ "routes.txt": "r" });
  });

  it("says which path is not there", () => {
    expect(() => startWatch(path.join(directory, "nope"))).toThrow(/nope: there is no such file or directory/);
  });

  it("is not stopped by a named pipe", async () => {
    const { execFileSync } = await import("node:child_process");
    execFileSync("mkfifo", [path.join(conf, "pipe.yaml")]);
    expect(startWatch().latest()).toEqual({ "pipe.yaml": "! is not a regular file" });
  });
});

describe("a change", () => {
  it("is taken over when a file is edited, added or deleted, and unchanged files keep their identity", async () => {
    write("a.yaml", "1");
    write("b.yaml", "b");
    const { changes, becomes } = startWatch();
    write("a.yaml", "2");
    await becomes({ "a.yaml": "2", "b.yaml": "b" });
    write("c.yaml", "c");
    await becomes({ "a.yaml": "2", "b.yaml": "b", "c.yaml": "c" });
    fs.rmSync(path.join(conf, "a.yaml"));
    await becomes({ "b.yaml": "b", "c.yaml": "c" });
    const b = changes.map((files) => files.get(path.join(conf, "b.yaml")));
    expect(new Set(b).size).toBe(1);
  });

  it("is taken over when an editor replaces the file by renaming", async () => {
    write("a.yaml", "1");
    const { changes, becomes } = startWatch();
    for (const text of ["2", "3"]) {
      write(".a.yaml.tmp", text);
      fs.renameSync(path.join(conf, ".a.yaml.tmp"), path.join(conf, "a.yaml"));
      await becomes({ "a.yaml": text });
    }
    expect(changes).toHaveLength(3);
  });

  it("never shows a file as empty or gone that is emptied or removed and then written anew", async () => {
    write("a.yaml", "old");
    const { changes, becomes } = startWatch();
    const file = path.join(conf, "a.yaml");
    const descriptor = fs.openSync(file, "w"); // truncates, like `kubectl get ... > a.yaml`
    const emptiedAtMs = performance.now();
    await eventually("a command takes its time to write", () => performance.now() > emptiedAtMs + 60);
    fs.writeSync(descriptor, "half ");
    fs.writeSync(descriptor, "new");
    fs.closeSync(descriptor);
    await becomes({ "a.yaml": "half new" });
    fs.renameSync(file, `${file}~`);
    fs.writeFileSync(file, "vim");
    await becomes({ "a.yaml": "vim" });
    expect(changes.map((files) => texts(files)["a.yaml"])).toEqual(["old", "half new", "vim"]);
  });
  it("believes a file that stays empty", async () => {
    write("a.yaml", "old");
    const { becomes } = startWatch();
    write("a.yaml", "");
    await becomes({ "a.yaml": "" });
  });

  it("of content alone counts: touching a file changes nothing", async () => {
    write("a.yaml", "1");
    const { changes, becomes } = startWatch();
    fs.utimesSync(path.join(conf, "a.yaml"), 1, 1);
    write("b.yaml", "b");
    await becomes({ "a.yaml": "1", "b.yaml": "b" });
    expect(changes).toHaveLength(2);
  });

  it("in new, moved and replaced directories is seen", async () => {
    const { becomes } = startWatch();
    write("sub/deep/a.yaml", "1");
    await becomes({ "sub/deep/a.yaml": "1" });
    write("sub/deep/a.yaml", "2");
    await becomes({ "sub/deep/a.yaml": "2" });
    fs.renameSync(path.join(conf, "sub"), path.join(conf, "moved"));
    await becomes({ "moved/deep/a.yaml": "2" });
    fs.rmSync(path.join(conf, "moved"), { recursive: true });
    write("moved/deep/a.yaml", "3");
    await becomes({ "moved/deep/a.yaml": "3" });
    write("moved/deep/a.yaml", "4");
    await becomes({ "moved/deep/a.yaml": "4" });
  });

  it("of a ConfigMap is one change: kubelet exchanges the directory behind ..data", async () => {
    const publish = (version: string) => {
      fs.mkdirSync(path.join(conf, `..${version}`));
      for (const name of ["a", "b"])
        fs.writeFileSync(path.join(conf, `..${version}`, `${name}.yaml`), `${name} ${version}`);
      fs.symlinkSync(`..${version}`, path.join(conf, "..data_tmp"));
      fs.renameSync(path.join(conf, "..data_tmp"), path.join(conf, "..data"));
    };
    publish("v1");
    for (const name of ["a", "b"]) fs.symlinkSync(`..data/${name}.yaml`, path.join(conf, `${name}.yaml`));
    const { changes, becomes } = startWatch();
    for (const version of ["v2", "v3"]) {
      publish(version);
      await becomes({ "a.yaml": `a ${version}`, "b.yaml": `b ${version}` });
    }
    expect(changes).toHaveLength(3);
  });

  it("of a link's target outside of the directory is seen", async () => {
    fs.mkdirSync(path.join(directory, "elsewhere"));
    const target = path.join(directory, "elsewhere", "real");
    fs.writeFileSync(target, "1");
    const { becomes } = startWatch();
    fs.symlinkSync(target, path.join(conf, "a.yaml"));
    await becomes({ "a.yaml": "1" });
    fs.writeFileSync(target, "2");
    await becomes({ "a.yaml": "2" });
  });

  it("of a single watched file is seen, also by renaming", async () => {
    write("a.yaml", "1");
    write("other.yaml", "no");
    const { becomes } = startWatch(path.join(conf, "a.yaml"));
    write("a.yaml", "2");
    await becomes({ "a.yaml": "2" });
    write("a.new", "3");
    fs.renameSync(path.join(conf, "a.new"), path.join(conf, "a.yaml"));
    await becomes({ "a.yaml": "3" });
  });

  it("of many files at once ends in the state on disk, with few calls", async () => {
    const { changes, becomes } = startWatch();
    const expected: Record<string, string> = {};
    for (let i = 100; i < 400; i++) {
      write(`f${i}.yaml`, `${i}`);
      expected[`f${i}.yaml`] = `${i}`;
    }
    await becomes(expected);
    expect(changes.length).toBeLessThan(100);
  });
});

describe("when the directory itself vanishes", () => {
  it("keeps what was read, says so, and goes on when it is back", async () => {
    write("a.yaml", "1");
    const { log, latest, becomes } = startWatch();
    fs.rmSync(conf, { recursive: true });
    await eventually("an error is logged", () => log.lines.some((line) => /^error .*stays in force/.test(line)));
    expect(latest()).toEqual({ "a.yaml": "1" });
    write("a.yaml", "2");
    await becomes({ "a.yaml": "2" });
    write("b.yaml", "b");
    await becomes({ "a.yaml": "2", "b.yaml": "b" });
  });
});

it("stops with its signal", async () => {
  const { changes } = startWatch();
  stop.abort();
  const other = new AbortController();
  let seenByOther = false;
  const onChange = (files: Files) => (seenByOther ||= files.size > 0);
  watchManifests({ path: conf, log: memoryLog(), clock: systemClock, signal: other.signal, onChange });
  write("a.yaml", "1");
  await eventually("a watch that goes on sees it", () => seenByOther);
  other.abort();
  expect(changes).toHaveLength(1);
});
