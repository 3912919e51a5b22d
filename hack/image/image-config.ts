// How the image is started, labelled and put together from layers: read out of the Dockerfile, so that it stands nowhere else.
import fs from "node:fs";
import path from "node:path";
import { root } from "../paths.mjs";

export interface ImageConfig {
  readonly labels: Readonly<Record<string, string>>;
  readonly env: Readonly<Record<string, string>>;
  /** `UID:GID` */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/** The last stage of a Dockerfile. Only the forms that ours uses are understood; any other throws. */
export function imageConfig(text = fs.readFileSync(path.join(root, "Dockerfile"), "utf8")): ImageConfig {
  const instructions = text
    .replace(/^#.*\n/gm, "")
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => ({ name: line.split(" ", 1)[0] ?? "", rest: line.slice(line.indexOf(" ") + 1) }));
  const last = instructions.slice(instructions.findLastIndex(({ name }) => name === "FROM") + 1);
  const known = new Set(["LABEL", "COPY", "ENV", "USER", "ENTRYPOINT", "CMD"]);
  const other = last.find(({ name }) => !known.has(name));
  if (other !== undefined) throw new Error(`the Dockerfile's last stage has ${other.name}, which is not understood`);
  const all = (name: string) => last.filter((each) => each.name === name).map(({ rest }) => rest);
  const one = (name: string): string => {
    const [rest, ...others] = all(name);
    if (rest === undefined || others.length > 0) throw new Error(`the Dockerfile's last stage must have one ${name}`);
    return rest;
  };
  return {
    labels: assignments(all("LABEL")),
    env: assignments(all("ENV")),
    user: one("USER"),
    entrypoint: JSON.parse(one("ENTRYPOINT")) as string[],
    cmd: JSON.parse(one("CMD")) as string[],
  };
}

/** `a="b c" d=e` */
function assignments(lines: readonly string[]): Record<string, string> {
  const pairs = lines.flatMap((line) => [...line.matchAll(/([\w.]+)=(?:"([^"]*)"|(\S+))/g)]);
  return Object.fromEntries(pairs.map(([, name = "", quoted, bare]) => [name, quoted ?? bare ?? ""]));
}
