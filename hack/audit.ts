// `npm run -s audit`: what is known against our dependencies. npm asks the registry; one that does not answer audits leaves a list of
// what can be seen without: deprecated packages, and newer versions of those that we name. `--write` keeps it in docs/dependencies.md.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { format, resolveConfig } from "prettier";
import { root } from "./paths.mjs";

interface Vulnerability {
  readonly name: string;
  readonly severity: string;
  readonly range: string;
}

interface LockedPackage {
  readonly version?: string;
  readonly deprecated?: string;
  readonly dev?: boolean;
}

interface Newer {
  readonly name: string;
  readonly current: string;
  readonly latest: string;
}

/** What npm prints as JSON, whatever it exits with; undefined where it printed none. */
function npm(...args: readonly string[]): unknown {
  const flags = ["--json", "--audit", "--loglevel=silent"];
  const { stdout } = spawnSync("npm", [...args, ...flags], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 });
  try {
    return JSON.parse(stdout);
  } catch {
    return undefined;
  }
}

/** Packages with an advisory; a text where the registry does not say. */
export function readAudit(printed: unknown): readonly Vulnerability[] | string {
  const { vulnerabilities, message } = (printed ?? {}) as {
    readonly vulnerabilities?: Readonly<Record<string, Vulnerability>>;
    readonly message?: string;
  };
  if (vulnerabilities !== undefined) return Object.values(vulnerabilities);
  // Without the address, which is the machine's own affair.
  return message === undefined ? "no answer" : message.replace(/ - \w+ \S+$/, "");
}

function deprecated(): readonly string[] {
  const { packages } = JSON.parse(fs.readFileSync(path.join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, LockedPackage>;
  };
  return Object.entries(packages)
    .filter(([, each]) => each.deprecated !== undefined)
    .map(([name, { version, dev, deprecated: why }]) => {
      const use = dev === true ? "tools" : "dependencies";
      return `${name.replace(/^.*node_modules\//, "")} ${version ?? ""} (${use}): ${why ?? ""}`;
    });
}

function newer(): readonly Newer[] {
  const found = (npm("outdated") ?? {}) as Readonly<Record<string, { readonly current?: string; latest: string }>>;
  return Object.entries(found).flatMap(([name, { current, latest }]) =>
    current === undefined ? [] : [{ name, current, latest }],
  );
}

function listOf(audit: readonly Vulnerability[] | string): string {
  const { dependencies, optionalDependencies } = JSON.parse(
    fs.readFileSync(path.join(root, "package.json"), "utf8"),
  ) as Readonly<Record<"dependencies" | "optionalDependencies", Readonly<Record<string, string>>>>;
  const placeOf = (name: string) =>
    name in dependencies ? "bundle" : name in optionalDependencies ? "image" : "tools";
  const answer =
    typeof audit === "string"
      ? `The registry did not answer npm's audit (${audit}). This is what can be seen without it.`
      : audit.length === 0
        ? "npm's audit knows of no advisory for any of them."
        : "npm's audit has advisories:";
  const found =
    typeof audit === "string" ? [] : audit.map(({ name, severity, range }) => `- ${name} ${range}: ${severity}`);
  const rows = newer().map(({ name, current, latest }) => `| ${name} | ${current} | ${latest} | ${placeOf(name)} |`);
  const old = deprecated().map((line) => `- ${line}`);
  return [
    `On ${new Date().toISOString().slice(0, 10)}. ${answer}`,
    ...(found.length === 0 ? [] : ["", ...found]),
    "",
    old.length === 0 ? "No package of package-lock.json is deprecated." : "Deprecated packages of package-lock.json:",
    ...(old.length === 0 ? [] : ["", ...old]),
    "",
    "Of the packages that package.json names, these have newer versions:",
    "",
    "| package | ours | newest | in |",
    "| --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}

const page = path.join(root, "docs/dependencies.md");
const marker = "<!-- written by npm run -s audit -- --write -->\n";

async function main(args: readonly string[]): Promise<number> {
  const audit = readAudit(npm("audit"));
  const list = listOf(audit);
  if (args.includes("--write")) {
    const [before = ""] = fs.readFileSync(page, "utf8").split(marker);
    const options = { ...(await resolveConfig(page)), parser: "markdown" };
    fs.writeFileSync(page, await format(`${before}${marker}\n${list}`, options));
  } else process.stdout.write(list);
  return typeof audit === "string" || audit.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
