import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { findEnvoy, readDescriptors } from "../cli/assets.ts";
import { envoyRegistry } from "../xds/static/registry.ts";
import { staticForm } from "../xds/static/static-form.ts";
import { golden } from "./support/golden.ts";

const directory = path.join(import.meta.dirname, "golden");
const registry = envoyRegistry(readDescriptors());
const envoy = findEnvoy(undefined, process.env);
const update = process.env["UPDATE_GOLDEN"] === "1";

const files = fs.readdirSync(directory);
const names = files.filter((file) => file.endsWith(".in.yaml")).map((file) => file.slice(0, -".in.yaml".length));
const outputs = files.filter((file) => file.endsWith(".out.yaml")).map((file) => file.slice(0, -".out.yaml".length));

if (update)
  for (const stale of outputs.filter((name) => !names.includes(name)))
    fs.rmSync(path.join(directory, `${stale}.out.yaml`));

describe("golden", () => {
  it("has an input for every output", () => {
    expect(outputs.filter((name) => !names.includes(name) && !update)).toEqual([]);
  });

  it.each(names)("%s compiles to its reviewed output, and Envoy accepts it", (name) => {
    const text = fs.readFileSync(path.join(directory, `${name}.in.yaml`), "utf8");
    const outputFile = path.join(directory, `${name}.out.yaml`);
    const { output, snapshot } = golden(`${name}.in.yaml`, text, registry);
    if (update) fs.writeFileSync(outputFile, output);
    expect(output).toBe(
      fs.existsSync(outputFile)
        ? fs.readFileSync(outputFile, "utf8")
        : "(none: run UPDATE_GOLDEN=1 npm test and review it)",
    );
    const temporary = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-golden-"));
    try {
      const file = path.join(temporary, "envoy.json");
      fs.writeFileSync(file, JSON.stringify(staticForm(snapshot, { registry, throwAway: undefined })));
      const verdict = spawnSync(
        envoy,
        ["--mode", "validate", "-c", file, "-l", "error", "--reject-unknown-dynamic-fields"],
        { encoding: "utf8" },
      );
      expect(`${verdict.stdout}${verdict.stderr}`).toContain("OK");
    } finally {
      fs.rmSync(temporary, { recursive: true, force: true });
    }
  });
});
