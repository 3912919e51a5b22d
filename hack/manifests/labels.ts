import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../paths.mjs";
import { type Component, type Names, selector } from "./names.ts";
import { included, type Part } from "./parts.ts";

export const version = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;

/** A key with three dots stands for the entries of its value. */
export interface Labels {
  readonly [key: string]: string | Part;
}

export function labels(names: Names, component: Component): Labels {
  return {
    ...selector(names, component),
    "...common": included('include "nuncio.commonLabels" .', () => ({ "app.kubernetes.io/version": version })),
  };
}

export function metadata(names: Names, component: Component, name: string): Readonly<Record<string, unknown>> {
  return { name, namespace: names.namespace, labels: labels(names, component) };
}

/** Of what belongs to no namespace. */
export function clusterMetadata(names: Names, component: Component, name: string): Readonly<Record<string, unknown>> {
  return { name, labels: labels(names, component) };
}
