import { describe, expect, it } from "@jest/globals";
import { customKinds } from "../../capabilities/kinds.ts";
import { differences } from "../../hack/compatibility-differences.ts";
import { compatibilityPage, fieldPaths } from "../../hack/compatibility.ts";

describe("docs/compatibility-fields.md", () => {
  const fields = customKinds.flatMap((kind) => fieldPaths(kind).map((path) => `${kind.kind}.${path}`));
  const kindNames: readonly string[] = customKinds.map(({ kind }) => kind);

  it("has differences of fields that exist, and of no others", () => {
    const known = new Set([...fields, ...kindNames]);
    expect(Object.keys(differences).filter((name) => !known.has(name))).toEqual([]);
    expect(Object.keys(differences).length).toBeGreaterThan(50);
  });

  it("says of each difference how, in a sentence", () => {
    const unsaid = Object.entries(differences).filter(
      ([, { how }]) => !/^[A-Z`0-9].*\.$/.test(how) || how.includes("|"),
    );
    expect(unsaid).toEqual([]);
  });

  it("has a row for each field", () => {
    const rows = [...compatibilityPage().matchAll(/^\| `([^`]+)` \| ([a-z ]+) \| (.*) \|$/gm)];
    expect(rows.map(([, path]) => path)).toEqual(fields.map((name) => name.slice(name.indexOf(".") + 1)));
    expect(rows.filter(([, , verdict, how]) => verdict !== "same" && how === "")).toEqual([]);
  });

  it("names a parent that has a row, where it points to one", () => {
    const sections = compatibilityPage().split("\n## ").slice(1);
    for (const section of sections) {
      const paths = new Set([...section.matchAll(/^\| `([^`]+)` \|/gm)].map(([, path]) => path));
      const named = [...section.matchAll(/\| See `([^`]+)`\. \|$/gm)].map(([, path]) => path ?? "");
      expect(named.filter((path) => !paths.has(path))).toEqual([]);
    }
  });
});
