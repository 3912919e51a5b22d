/** How Envoy finds a route of a virtual host: in order, or by a tree of path prefixes. */
import type { RouteMatching } from "../../ir/settings.ts";
import type { Shape } from "./objects.ts";

export const forms = ["list", "tree"] as const;
export type Form = (typeof forms)[number];

/** The gateway's own choice by default: a tree for hosts with more routes than this (xds/resources/table.ts). */
const manyRoutes = 64;

/** What the gateway takes by itself. */
export function defaultForm({ hosts }: Shape, mappings: number): Form {
  return mappings / hosts > manyRoutes ? "tree" : "list";
}

/** The forms worth a comparison: where there are few routes a tree is never taken. */
export function formsFor(shape: Shape, mappings: number, wanted: ReadonlySet<Form>): readonly Form[] {
  const usual = defaultForm(shape, mappings);
  return usual === "list" ? ["list"] : forms.filter((form) => wanted.has(form));
}

/** The flag or setting that has this form where it is one of `formsFor`. */
export function routeMatching(form: Form): RouteMatching {
  return form === "tree" ? "auto" : "list";
}
