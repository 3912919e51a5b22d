import { execFile } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { root } from "../../hack/paths.mjs";

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface NuncioOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** What is started: the sources unless it says otherwise. */
  readonly program?: string;
}

/** Runs the command line in a process of its own. Variables of Emissary's and npm's that this process has are left out. */
export function nuncio(
  args: readonly string[],
  { cwd, env = {}, program = "cli/main.ts" }: NuncioOptions = {},
): Promise<Finished> {
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(AMBASSADOR|AES|ENVOY|NUNCIO|npm|INIT)_/.test(name)),
  );
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [path.join(root, program), ...args],
      { cwd, env: { ...clean, ...env }, encoding: "utf8", maxBuffer: 1 << 26, timeout: 60_000 },
      (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr }),
    );
  });
}

/** A directory with files; the caller removes it. */
export function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-cli-"));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(directory, name)), { recursive: true });
    fs.writeFileSync(path.join(directory, name), text);
  }
  return directory;
}

export const listener = `apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: { name: http }
spec: { port: 8080, protocol: HTTP, securityModel: XFP, hostBinding: { namespace: { from: ALL } } }
`;

/** A Mapping whose spec begins at line 5, with the lines given after hostname. */
export function mapping(name: string, ...lines: readonly string[]): string {
  const head = [
    "apiVersion: getambassador.io/v3alpha1",
    "kind: Mapping",
    `metadata: { name: ${name} }`,
    "spec:",
    '  hostname: "*"',
  ];
  return `${[...head, ...lines.map((line) => `  ${line}`)].join("\n")}\n`;
}
