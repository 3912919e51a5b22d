// The licences of what is in the bundle. The bundler drops comments, so what must go with the code goes into a file beside it.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** SPDX names. All of them let us ship the code under our own licence if their text comes along. */
const allowed = new Set(["0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "Unlicense"]);

/** Texts for packages that have none in them: NAME.txt, a scope's slash being a dash. */
const ownTexts = path.join(path.dirname(fileURLToPath(import.meta.url)), "licenses");

/** Reads an expression as "one of these AND one of those", which is never more lenient than what it says. */
function isAllowed(expression) {
  if (typeof expression !== "string") return false;
  const parts = expression.replace(/[()]/g, "").split(" AND ");
  return parts.every((part) => part.split(" OR ").some((name) => allowed.has(name)));
}

function textOf({ name, directory }) {
  const named = (pattern) =>
    fs
      .readdirSync(directory)
      .filter((file) => pattern.test(file))
      .sort()
      .map((file) => fs.readFileSync(path.join(directory, file), "utf8").replace(/\r\n/g, "\n").trim());
  const texts = named(/^(un)?licen[cs]e|^copying/i);
  const own = path.join(ownTexts, `${name.replace(/^@/, "").replace("/", "-")}.txt`);
  if (texts.length === 0 && fs.existsSync(own)) texts.push(fs.readFileSync(own, "utf8").trim());
  return texts.length === 0 ? undefined : [...texts, ...named(/notice/i)].join("\n\n");
}

function wrongWith(bundled, text) {
  const name = `${bundled.name}@${bundled.version}`;
  if (!isAllowed(bundled.license))
    return `${name}: its licence, ${JSON.stringify(bundled.license)}, is not on the list of hack/licenses.mjs; ship another package, or have the list changed`;
  if (text === undefined)
    return `${name}: there is no text of its licence in the package; write it to ${path.relative(path.dirname(ownTexts), ownTexts)}/ beside hack/licenses.mjs`;
  return undefined;
}

/** Notices in the sources, as esbuild collects them: code within a package may be of others than its authors. */
function notices(legalFiles) {
  const files = new Map();
  for (const legal of legalFiles)
    for (const block of legal.trim().split(/\n\n(?=\S)/)) {
      const lines = block.split("\n");
      const start = lines.findIndex((line) => line.startsWith("  "));
      if (start < 1) continue; // The title.
      const comment = lines.slice(start).join("\n").trimEnd();
      files.set(comment, [...(files.get(comment) ?? []), ...lines.slice(0, start)]);
    }
  return [...files].map(([comment, names]) => `${[...new Set(names)].sort().join("\n")}\n${comment}`).sort();
}

const rule = "-".repeat(80);

/** The file's text. Throws where a licence is not on the list, or its text is nowhere. */
export function licensesText(packages, legalFiles = []) {
  const wrong = [];
  const byText = new Map();
  for (const bundled of packages) {
    const text = textOf(bundled);
    const problem = wrongWith(bundled, text);
    if (problem !== undefined) wrong.push(problem);
    const line = `${bundled.name} ${bundled.version}: ${bundled.license}`;
    byText.set(text, [...(byText.get(text) ?? []), line]);
  }
  if (wrong.length > 0) throw new Error(wrong.join("\n"));
  const sections = [...byText].map(([text, names]) => `${names.join("\n")}\n\n${text}`);
  const found = notices(legalFiles);
  if (found.length > 0) sections.push(`Notices in these packages' files:\n\n${found.join("\n\n")}`);
  const title = "The JavaScript beside this file contains these packages, under these licences.";
  return `${[title, ...sections].join(`\n\n${rule}\n\n`)}\n`;
}
