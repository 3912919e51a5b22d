/** Changes a YAML document to another value, leaving comments, order and style of what stays the same. */
import { type Document, isCollection, isMap, isPair, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";
import { fieldChanges } from "./field-changes.ts";
import { isEqual, isFields } from "./json.ts";

/** The node of a value is changed, or another takes its place. */
export function edit(document: Document, node: unknown, before: unknown, after: unknown): unknown {
  if (isEqual(before, after)) return node;
  if (isMap(node) && isFields(before) && isFields(after)) return editMap(document, node, before, after);
  if (isSeq(node) && Array.isArray(before) && Array.isArray(after) && before.length === after.length) {
    node.items = node.items.map((item, index) => edit(document, item, before[index], after[index]));
    return node;
  }
  if (isScalar(node) && isScalarValue(after)) {
    // A block of text stays one; a quoted word stays quoted.
    node.value = after;
    delete node.source;
    return node;
  }
  return withComments(document.createNode(after) as Node, node);
}

function isScalarValue(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

type Fields = Readonly<Record<string, unknown>>;

function editMap(document: Document, map: YAMLMap, before: Fields, after: Fields): YAMLMap {
  const { gone, renames, fresh } = fieldChanges(before, after);
  const items: Pair[] = [];
  const addFresh = () => {
    for (const key of fresh.splice(0)) items.push(document.createPair(key, after[key]));
  };
  for (const pair of map.items) {
    const key = keyOf(pair);
    const renamed = renames.get(key);
    if (renamed !== undefined && isScalar(pair.key)) {
      pair.key.value = renamed;
      delete pair.key.source;
      items.push(pair);
    } else if (gone.includes(key)) {
      // What replaces a field stands where that was, under its comment.
      const at = items.length;
      addFresh();
      const first = items[at];
      if (first !== undefined && isScalar(first.key) && isScalar(pair.key)) {
        if (typeof pair.key.commentBefore === "string") first.key.commentBefore = pair.key.commentBefore;
        if (pair.key.spaceBefore === true) first.key.spaceBefore = true;
      }
    } else {
      pair.value = edit(document, pair.value, before[key], after[key]);
      items.push(pair);
    }
  }
  addFresh();
  map.items = items as typeof map.items;
  return map;
}

function keyOf(pair: unknown): string {
  return isPair(pair) && isScalar(pair.key) ? String(pair.key.value) : "";
}

function withComments(node: Node, old: unknown): Node {
  if (!isScalar(old) && !isCollection(old)) return node;
  if (typeof old.commentBefore === "string") node.commentBefore = old.commentBefore;
  if (typeof old.comment === "string") {
    // Behind a value of one line; a list or map that comes below its key has it above.
    if (isScalar(node)) node.comment = old.comment;
    else node.commentBefore = [node.commentBefore, old.comment].filter((text) => typeof text === "string").join("\n");
  }
  if (isCollection(old) && isCollection(node) && old.flow === true) node.flow = true;
  return node;
}
