import fs from "node:fs";
import path from "node:path";
import { describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { contentOf } from "../../compile/refusal.ts";
import { manifestOf } from "../../crds/manifest.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { hasError } from "../../ir/resource.ts";
import { dialectKinds } from "../../sources/getambassador/selection.ts";

const directory = path.join(import.meta.dirname, "../golden");
const settings = { ambassadorId: "default", ownNamespace: "default", bindAddress: "0.0.0.0", inCluster: false };

/** Every object of ours in the inputs of the goldens, also those within others. */
function objects(): readonly AnyResource[] {
  const inputs = fs.readdirSync(directory).filter((name) => name.endsWith(".in.yaml"));
  return inputs.flatMap((name) => {
    const text = fs.readFileSync(path.join(directory, name), "utf8");
    const { resources } = manifestReader()(new Map([[name, { kind: "text", text }]]));
    const { expansion } = compile(resources, settings);
    return dialectKinds
      .flatMap((kind) => expansion.resources[kind] as readonly AnyResource[])
      .filter((each) => !hasError(each));
  });
}

describe("a manifest made of a resource", () => {
  it("is read as the same resource, for every object of every golden", () => {
    const all = objects();
    expect(new Set(all.map(({ kind }) => kind)).size).toBeGreaterThan(9);
    expect(all.length).toBeGreaterThan(200);
    for (const object of all) {
      const written: unknown = JSON.parse(JSON.stringify(manifestOf(object)));
      const { resource } = parseResource(written);
      const { problems: _found, origin: _place, within: _bearer, ...said } = object;
      expect(resource).toMatchObject(JSON.parse(JSON.stringify(said)) as object);
      expect(contentOf(resource as AnyResource)).toBe(contentOf(object));
    }
  });
});
