import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { check } from "../../cli/check.ts";
import { mappingSpecSchema } from "../../crds/mapping.ts";
import { moduleConfigSchema } from "../../crds/module-config.ts";
import { featureFieldNames } from "../../features/index.ts";
import { root } from "../../hack/paths.mjs";
import { problemCodes } from "../../ir/problem.ts";
import { coreFieldNames } from "../../sources/getambassador/mapping-fields.ts";
import { moduleFieldNames } from "../../sources/getambassador/module.ts";
import { selfSigned } from "../support/certificates.ts";

const update = process.env["UPDATE_GOLDEN"] === "1";
const pagesIn = (folder: string) =>
  fs
    .readdirSync(path.join(root, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `${folder}/${name}`);
const pages = ["README.md", "CONTRIBUTING.md", ...pagesIn("docs"), ...pagesIn("docs/codes")];
const textOf = (page: string) => fs.readFileSync(path.join(root, page), "utf8");
const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-docs-"));

afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));

interface Block {
  readonly page: string;
  /** What tells it from the page's others. */
  readonly title: string;
  readonly yaml: string;
  /** What `nuncio check` prints of it, where the page says so in a text block behind. */
  readonly printed: string | undefined;
}

function blocksOf(page: string): readonly Block[] {
  const blocks = textOf(page).matchAll(/^```yaml\n([\s\S]*?)^```\n(?:\n```text\n([\s\S]*?)^```$)?/gm);
  return [...blocks].map(([, yaml = "", printed]) => {
    const title = /\[(\w+)\]$/m.exec(printed ?? "")?.[1] ?? /^ {2}name: (.*)$/m.exec(yaml)?.[1] ?? "";
    return { page, title, yaml, printed };
  });
}

/** Lines that `nuncio check` prints of the manifest, and of the others that stand beside it. */
function checked(yaml: string, ...others: readonly string[]): readonly string[] {
  const manifest = path.join(directory, "manifest.yaml");
  fs.writeFileSync(manifest, yaml);
  const lines: string[] = [];
  check([manifest, ...others], { output: "text", errorsOnly: false }, {}, (line) => lines.push(line));
  return lines.map((line) => line.replaceAll(`${directory}/`, ""));
}

/** The Secret that a manifest names in a comment. */
async function secretOf(yaml: string): Promise<string[]> {
  const name = /^# with the Secret (\S+)$/m.exec(yaml)?.[1];
  if (name === undefined) return [];
  const { certificatePem, keyPem } = await selfSigned({ hosts: ["hello.example.com"] });
  const file = path.join(directory, `${name}.yaml`);
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    stringData: { "tls.crt": certificatePem, "tls.key": keyPem },
  };
  fs.writeFileSync(file, JSON.stringify(secret));
  return [file];
}

const blocks = pages.flatMap(blocksOf);

describe("manifests in the documentation", () => {
  it.each(blocks.filter(({ printed }) => printed === undefined))("of $page are clean: $title", async ({ yaml }) => {
    const gateway = yaml.includes("kind: Listener") ? [] : [path.join(root, "examples/quote.yaml")];
    expect(checked(yaml, ...gateway, ...(await secretOf(yaml))).slice(0, -1)).toEqual([]);
  });

  it.each(blocks.filter(({ printed }) => printed !== undefined))(
    "of $page have the findings that the page shows: $title",
    ({ page, yaml, printed = "" }) => {
      const lines = checked(yaml);
      const shown = printed.trimEnd().split("\n");
      if (update) {
        const codes = shown.flatMap((line) => /\[\w+\]$/.exec(line) ?? []);
        const now = lines.filter(
          (line, index) =>
            codes.some((code) => line.endsWith(code)) || (index === lines.length - 1 && shown.length > codes.length),
        );
        fs.writeFileSync(
          path.join(root, page),
          textOf(page).replace(printed, () => `${now.join("\n")}\n`),
        );
      } else expect(lines).toEqual(expect.arrayContaining(shown));
    },
  );
});

/** Of the list between a page's marks, which UPDATE_GOLDEN=1 writes. */
function expectList(page: string, text: string): void {
  const marked = /(<!-- Written by UPDATE_GOLDEN=1[^\n]*-->\n)([\s\S]*)(<!-- end -->)/;
  if (update)
    fs.writeFileSync(
      path.join(root, page),
      textOf(page).replace(marked, (_, before: string, __, after: string) => `${before}${text}${after}`),
    );
  expect(marked.exec(textOf(page))?.[2]).toBe(text);
}

describe("docs/codes", () => {
  const codePages = pagesIn("docs/codes").map((page) => path.basename(page, ".md"));

  it("has a page for each code, and no other", () => {
    expect([...codePages].sort()).toEqual([...problemCodes].sort());
  });

  it.each(codePages)("tells of %s how severe it is, why it comes, an example, and how to mend it", (code) => {
    const text = textOf(`docs/codes/${code}.md`);
    expect(text).toMatch(new RegExp(`^# ${code}\n\n(Error|Warning)\\b.{20}`));
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual(["Example", "Mend"]);
  });

  it("has an index, which UPDATE_GOLDEN=1 writes", () => {
    const rows = problemCodes.map((code) => {
      const [, first = ""] = /^# \w+\n\n(.*)$/m.exec(textOf(`docs/codes/${code}.md`)) ?? [];
      return `- [${code}](codes/${code}.md): ${/^(?:(?:Error|Warning)\. )?.*?\.(?= |$)/.exec(first)?.[0] ?? ""}`;
    });
    expectList("docs/codes.md", `\n${rows.join("\n")}\n\n`);
  });
});

describe("docs/compatibility.md", () => {
  it("lists what is known and not acted upon yet; UPDATE_GOLDEN=1 writes it", () => {
    const fields = Object.keys(mappingSpecSchema.shape).filter(
      (name) => !featureFieldNames.has(name) && !coreFieldNames.has(name),
    );
    const keys = Object.keys(moduleConfigSchema.shape).filter((name) => !moduleFieldNames.has(name));
    const list = (names: readonly string[]) =>
      names.length === 0
        ? "none."
        : `${[...names]
            .sort()
            .map((name) => `\`${name}\``)
            .join(", ")}.`;
    const text = `\nFields of a Mapping that are warnings, and do nothing yet: ${list(fields)}\n\nKeys of the Module that are warnings, and do nothing yet: ${list(keys)}\n\n`;
    expectList("docs/compatibility.md", text);
  });
});

describe("docs/environment.md", () => {
  it("names every flag of nuncio run, and every variable that is read", () => {
    const page = textOf("docs/environment.md");
    const { stdout } = spawnSync(process.execPath, [path.join(root, "cli/main.ts"), "run", "--help"], {
      encoding: "utf8",
    });
    const flags = [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)]
      .map(([, flag]) => flag ?? "")
      .filter((flag) => flag !== "--help");
    expect(flags.length).toBeGreaterThan(5);
    expect(flags.filter((flag) => ![" ", "`"].some((end) => page.includes(`\`${flag}${end}`)))).toEqual([]);
    const variables = [...textOf("runtime/settings.ts").matchAll(/"([A-Z]{2,}(?:_[A-Z]+)+)"/g)].map(
      ([, name]) => name ?? "",
    );
    expect(variables.length).toBeGreaterThan(8);
    const [read = ""] = page.split("## Variables of Emissary-ingress that are not read");
    expect(variables.filter((name) => !read.includes(`\`${name}\``))).toEqual([]);
  });
});

describe("links in the documentation", () => {
  it.each(pages)("of %s lead somewhere", (page) => {
    const text = textOf(page).replace(/^```[\s\S]*?^```/gm, "");
    const dead = [...text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link ?? "")
      .filter((link) => !/^[a-z]+:/.test(link) && !leads(page, link));
    expect(dead).toEqual([]);
  });
});

function leads(page: string, link: string): boolean {
  const [file = "", anchor] = link.split("#");
  const target = file === "" ? path.join(root, page) : path.join(root, path.dirname(page), file);
  if (!fs.existsSync(target)) return false;
  if (anchor === undefined) return true;
  const headings = [...fs.readFileSync(target, "utf8").matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading);
  return headings.some(
    (heading) =>
      heading
        .toLowerCase()
        .replace(/[^\w\- ]/g, "")
        .replaceAll(" ", "-") === anchor,
  );
}
