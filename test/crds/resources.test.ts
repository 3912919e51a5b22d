import { describe, expect, it } from "@jest/globals";
import { parseDocuments } from "../../crds/documents.ts";
import { parseResource } from "../../crds/parse.ts";
import { type AnyResource, sortResources } from "../../crds/resources.ts";
import { formatProblem } from "../../ir/problem.ts";
import { mapping } from "./manifests.ts";

function parsed(raws: unknown[]): AnyResource[] {
  return raws.map((raw) => parseResource(raw).resource).filter((resource) => resource !== undefined);
}

function inFile(file: string, ...names: string[]): AnyResource[] {
  const text = names.map((name) => JSON.stringify(mapping(name))).join("\n---\n");
  return parseDocuments(text, file)
    .documents.map(({ raw, origin }) => parseResource(raw, origin).resource)
    .filter((resource) => resource !== undefined);
}

describe("sortResources", () => {
  it("puts each kind in order of namespace/name", () => {
    const host = { apiVersion: "getambassador.io/v3alpha1", kind: "Host", metadata: { name: "h" } };
    const { value, problems } = sortResources(parsed([mapping("b"), host, mapping("a"), mapping("a-b")]));
    expect(value.mappings.map(({ name }) => name)).toEqual(["a", "a-b", "b"]);
    expect(value.hosts.map(({ name }) => name)).toEqual(["h"]);
    expect(value.services).toEqual([]);
    expect(problems).toEqual([]);
  });

  it("refuses the later of two with one name, and names both places", () => {
    const { value, problems } = sortResources([...inFile("b.yaml", "x", "quote"), ...inFile("a.yaml", "quote")]);
    expect(value.mappings.map(({ name, origin }) => `${name} ${origin?.file}`)).toEqual(["quote a.yaml", "x b.yaml"]);
    expect(problems.map(formatProblem)).toEqual([
      "Mapping default/quote: there are two of this name: a.yaml:1 is used, b.yaml:3 is not; rename or remove one of them",
    ]);
    expect(problems[0]).toMatchObject({ code: "DuplicateObject", severity: "error" });
  });

  it("does not depend on the order of its input", () => {
    const list = [...inFile("b.yaml", "x", "y", "x"), ...inFile("a.yaml", "y", "z")];
    expect(sortResources(list.toReversed())).toEqual(sortResources(list));
  });
});
