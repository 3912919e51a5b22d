import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import type { BundledPackage } from "../../hack/bundled.mjs";
import { bundledPackages } from "../../hack/bundled.mjs";
import { licensesText } from "../../hack/licenses.mjs";

describe("the licences of what is bundled", () => {
  let directory: string;
  beforeEach(() => {
    directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-licenses-"));
  });
  afterEach(() => fs.rmSync(directory, { recursive: true }));

  /** A package with these files, as npm would have installed it. */
  function installed(name: string, license: string | undefined, files: Readonly<Record<string, string>>) {
    const folder = path.join(directory, "node_modules", name);
    fs.mkdirSync(folder, { recursive: true });
    fs.writeFileSync(
      path.join(folder, "package.json"),
      JSON.stringify({ name: name.replace(/^.*node_modules\//, ""), version: "1.0.0", license }),
    );
    for (const [file, text] of Object.entries(files)) fs.writeFileSync(path.join(folder, file), text);
    return { name, version: "1.0.0", license, directory: folder };
  }

  const bundle = (inputs: Readonly<Record<string, number>>): readonly BundledPackage[] => {
    const entries = Object.entries(inputs).map(([file, bytesInOutput]) => [file, { bytesInOutput }]);
    const output = { bytes: 1, inputs: Object.fromEntries(entries), imports: [], exports: [] };
    return bundledPackages({ outputs: { "out.js": output } }, directory);
  };

  it("are of the packages that have bytes in it, nested ones too, each once", () => {
    installed("used", "MIT", {});
    installed("@scope/used", "ISC", {});
    installed("used/node_modules/inner", "ISC", {});
    installed("shaken-out", "GPL-3.0-only", {});
    const packages = bundle({
      "cli/main.ts": 10,
      "node_modules/used/a.js": 1,
      "node_modules/used/b.js": 1,
      "node_modules/@scope/used/index.js": 1,
      "node_modules/used/node_modules/inner/index.js": 1,
      "node_modules/shaken-out/index.js": 0,
    });
    expect(packages.map(({ name, license }) => `${name} ${license}`)).toEqual([
      "@scope/used ISC",
      "inner ISC",
      "used MIT",
    ]);
  });

  it("stand in the file with their texts, the same text once, and notices beside them", () => {
    const text = licensesText([
      installed("a", "MIT", { LICENSE: "the text\r\n" }),
      installed("b", "MIT", { "license.md": "the text\n" }),
      installed("c", "Apache-2.0", { LICENSE: "another", NOTICE: "this product contains d" }),
    ]);
    expect(text).toContain("a 1.0.0: MIT\nb 1.0.0: MIT\n\nthe text\n");
    expect(text).toContain("c 1.0.0: Apache-2.0\n\nanother\n\nthis product contains d\n");
  });

  it("name what files within a package say of themselves, each notice once", () => {
    const legal = (file: string) => `Bundled license information:\n\n${file}:\n  /*! by somebody else\n\n   * MIT */\n`;
    const text = licensesText([], [legal("a/index.js"), legal("b/index.js")]);
    expect(text).toContain("a/index.js:\nb/index.js:\n  /*! by somebody else\n\n   * MIT */\n");
    expect(text.match(/by somebody else/g)).toHaveLength(1);
  });

  it.each([
    ["GPL-3.0-only", false],
    ["MIT AND GPL-3.0-only", false],
    ["(MIT OR GPL-3.0-only)", true],
    ["(Apache-2.0 AND BSD-3-Clause)", true],
    ["SEE LICENSE IN LICENSE.txt", false],
    [undefined, false],
  ])("are refused unless they are on the list: %s", (license, isAllowed) => {
    const build = () => licensesText([installed("a", license, { LICENSE: "the text" })]);
    if (isAllowed) expect(build()).toContain("the text");
    else expect(build).toThrow(`a@1.0.0: its licence, ${JSON.stringify(license)}, is not on the list`);
  });

  it("without a text are refused, for shipping it without would break them", () => {
    expect(() => licensesText([installed("a", "MIT", { "README.md": "MIT" })])).toThrow(
      "a@1.0.0: there is no text of its licence",
    );
  });
});
