/** Kubernetes' selectors, for objects that no watch has brought yet. */
import { type Fields, isFields } from "../crds/metadata.ts";

export interface Selectors {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** Whether a watch with these selectors would show the object. What cannot be understood selects everything. */
export function isSelected(object: unknown, { labelSelector = "", fieldSelector = "" }: Selectors): boolean {
  const metadata = isFields(object) && isFields(object["metadata"]) ? object["metadata"] : {};
  const labels = isFields(metadata["labels"]) ? metadata["labels"] : {};
  return (
    termsOf(labelSelector).every((term) => labelHolds(term, labels)) &&
    termsOf(fieldSelector).every((term) => fieldHolds(term, metadata))
  );
}

/** At commas, but not at those of `in (a,b)`. */
function termsOf(selector: string): readonly string[] {
  return selector
    .split(/,(?![^(]*\))/)
    .map((term) => term.trim())
    .filter((term) => term !== "");
}

function labelHolds(term: string, labels: Fields): boolean {
  const [, setName = "", not, list = ""] = /^(\S+)\s+(not)?in\s*\(([^)]*)\)$/.exec(term) ?? [];
  if (setName !== "") {
    const values = list.split(",").map((value) => value.trim());
    return values.includes(String(labels[setName] ?? NONE)) !== (not !== undefined);
  }
  const [, name = "", operator, value = ""] = /^([^\s=!]+)\s*(==|=|!=)\s*(\S*)$/.exec(term) ?? [];
  // As Kubernetes has it, an object without the label is unequal.
  if (operator !== undefined) return (labels[name] === value) !== (operator === "!=");
  if (term.startsWith("!")) return !Object.hasOwn(labels, term.slice(1).trim());
  return /^[^\s()=!]+$/.test(term) ? Object.hasOwn(labels, term) : true;
}

const NONE = "\u0000";

/** The two fields that all kinds have; others are of single kinds, and are judged all the same. */
function fieldHolds(term: string, metadata: Fields): boolean {
  const [, name = "", operator, value = ""] = /^metadata\.(name|namespace)\s*(==|=|!=)\s*(\S*)$/.exec(term) ?? [];
  if (operator === undefined) return true;
  return ((metadata[name] ?? "") === value) !== (operator === "!=");
}
