import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { root } from "../../hack/paths.mjs";
import { directoryWith, nuncio } from "./nuncio.ts";

const run = promisify(execFile);
let directory: string;

beforeAll(async () => {
  directory = directoryWith({ "manifests/a b.yaml": "", "notes.txt": "" });
  const { code, stdout } = await nuncio(["completion", "bash"]);
  expect(code).toBe(0);
  fs.writeFileSync(path.join(directory, "completion.bash"), stdout);
  fs.symlinkSync(path.join(root, "cli/main.ts"), path.join(directory, "kubectl-nuncio"));
});

afterAll(() => fs.rmSync(directory, { recursive: true }));

/** What bash proposes for the last of the words. */
async function proposed(...words: readonly string[]): Promise<readonly string[]> {
  const script = [
    "source ./completion.bash",
    `COMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")})`,
    `COMP_CWORD=${words.length - 1}`,
    "_nuncio",
    'printf "%s\\n" "${COMPREPLY[@]}"',
  ];
  const { stdout, stderr } = await run("bash", ["--norc", "-c", script.join("\n")], { cwd: directory });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => line !== "");
}

describe("nuncio completion bash", () => {
  it("proposes commands, but none that are hidden", async () => {
    const commands = await proposed("nuncio", "");
    expect(commands).toEqual(expect.arrayContaining(["run", "check", "translate", "migrate", "bundle", "completion"]));
    expect(commands).not.toContain("control-plane");
    expect(await proposed("nuncio", "tr")).toEqual(["translate"]);
  });

  it("proposes the options of the command, and the values that they take", async () => {
    expect(await proposed("nuncio", "check", "manifests", "--str")).toEqual(["--strict"]);
    expect(await proposed("nuncio", "check", "-o", "")).toEqual(["text", "json", "sarif", "junit", "github"]);
    expect(await proposed("nuncio", "translate", "--output", "j")).toEqual(["json"]);
    expect(await proposed("nuncio", "completion", "")).toEqual(["bash", "zsh", "fish"]);
    expect(await proposed("nuncio", "check", "--context", "")).toEqual([]);
  });

  it("proposes files for paths, names with blanks among them", async () => {
    expect(await proposed("nuncio", "check", "man")).toEqual(["manifests"]);
    expect(await proposed("nuncio", "check", "--from", "manifests/a")).toEqual(["manifests/a b.yaml"]);
    expect(await proposed("nuncio", "migrate", "no")).toEqual(["notes.txt"]);
  });
});

describe("nuncio completion", () => {
  it("has scripts for zsh and fish with every command and option, and for no other shell", async () => {
    const { stdout: zsh } = await nuncio(["completion", "zsh"]);
    expect(zsh).toMatch(/^#compdef nuncio\n/);
    expect(zsh).toContain("'(-o --output)'{-o,--output}'[how to print it]:value:(text json sarif junit github)'");
    const { stdout: fish } = await nuncio(["completion", "fish"]);
    expect(fish).toContain("complete -c nuncio -n __fish_use_subcommand -f -a 'check' -d ");
    expect(fish).toMatch(
      /-n '__fish_seen_subcommand_from check' -s o -l output .* -x -a 'text json sarif junit github'$/m,
    );
    expect((await nuncio(["completion", "tcsh"])).code).toBe(2);
  });
});

describe("the help of each command", () => {
  it("has an example", async () => {
    const commands = (await proposed("nuncio", "")).filter((name) => name !== "help");
    const helps = await Promise.all(commands.map((name) => nuncio([name, "--help"])));
    expect(commands.filter((_, index) => !/^Examples?:\n {2}/m.test(helps[index]?.stdout ?? ""))).toEqual([]);
  });

  it("says kubectl nuncio where it is kubectl's plugin", async () => {
    const plugin = (...args: readonly string[]) =>
      run(process.execPath, [path.join(directory, "kubectl-nuncio"), ...args]).then(
        ({ stdout }) => stdout,
        ({ stderr }: { stderr: string }) => stderr,
      );
    const help = await plugin("check", "--help");
    expect(help).toMatch(/^Usage: kubectl nuncio check /);
    expect(help).toContain("\n  helm template . | kubectl nuncio check - ");
    expect(await plugin("chekc")).toBe(
      "error: unknown command 'chekc'\n(Did you mean check?)\n(try kubectl nuncio --help)\n",
    );
    expect((await nuncio(["check", "--help"])).stdout).toContain("\n  helm template . | nuncio check - ");
  });
});

describe("Ctrl-C", () => {
  it("ends a command without a word", async () => {
    const child = spawn(process.execPath, [path.join(root, "cli/main.ts"), "check", "-"], { stdio: "pipe" });
    let printed = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (printed += String(chunk)));
    // It reads its input: whatever is written to it is taken.
    await new Promise((resolve) => child.stdin.write("kind: [\n", resolve));
    child.kill("SIGINT");
    expect(await once(child, "exit")).toEqual([null, "SIGINT"]);
    expect(printed).toBe("");
  });
});
