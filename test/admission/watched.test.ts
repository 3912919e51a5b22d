import { describe, expect, it } from "@jest/globals";
import { isSelected } from "../../insight/watched.ts";

const object = { metadata: { name: "quote", namespace: "web", labels: { team: "blue", tier: "" } } };

// By hand, from Kubernetes' documentation of label selectors.
const byLabel: readonly (readonly [selector: string, selected: boolean])[] = [
  ["", true],
  ["team=blue", true],
  ["team==blue", true],
  ["team = blue", true],
  ["team=red", false],
  ["team!=red", true],
  ["team!=blue", false],
  ["owner!=blue", true],
  ["owner=blue", false],
  ["team", true],
  ["owner", false],
  ["!owner", true],
  ["!team", false],
  ["tier=", true],
  ["team in (red, blue)", true],
  ["team in (red)", false],
  ["team notin (red,green)", true],
  ["team notin (blue)", false],
  ["owner notin (blue)", true],
  ["owner in (blue)", false],
  ["team=blue,tier", true],
  ["team=blue,owner", false],
  ["team in (red,blue),!owner", true],
  ["example.com/part!=x,team=blue", true],
];

const byField: readonly (readonly [selector: string, selected: boolean])[] = [
  ["metadata.namespace=web", true],
  ["metadata.namespace!=kube-system", true],
  ["metadata.namespace!=web", false],
  ["metadata.name==quote,metadata.namespace=web", true],
  ["metadata.name=other", false],
  ["type!=Opaque", true],
];

describe("an object that is applied", () => {
  it.each(byLabel)("is watched with the label selector %j: %s", (labelSelector, selected) => {
    expect(isSelected(object, { labelSelector })).toBe(selected);
  });

  it.each(byField)("is watched with the field selector %j: %s", (fieldSelector, selected) => {
    expect(isSelected(object, { fieldSelector })).toBe(selected);
  });

  it("need not have any label", () => {
    expect(isSelected({ metadata: { name: "a" } }, { labelSelector: "team=blue" })).toBe(false);
    expect(isSelected(7, {})).toBe(true);
  });
});
