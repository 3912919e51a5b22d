import type { ModuleConfig } from "../../crds/module-config.ts";
import type { FieldProblem } from "../../features/feature.ts";
import { cors } from "../../filters/cors.ts";
import { moduleFilters } from "../../filters/index.ts";
import { memoForever } from "../../ir/memo.ts";
import type { HttpFilter } from "../../ir/types.ts";
import type { Contribution } from "./services.ts";

/** The filters that the Module asks for; the same objects for the same Module. */
const filtersOf = memoForever((config: ModuleConfig): readonly HttpFilter[] =>
  moduleFilters.flatMap(({ name, fields, fromModule }) => {
    const { value } = fromModule(config);
    const keys = Object.keys(fields).filter((key) => Object.hasOwn(config, key));
    return value === undefined ? [] : [{ name, keys, settings: value }];
  }),
);

/** Answers what routes ask of it, whether any does. */
const always: HttpFilter = { name: cors.name, settings: {} };

/** What the Module contributes. What is wrong in it is told with the rest of the Module: see module-problems.ts. */
export function filtersOfModule(config: ModuleConfig): Contribution {
  return { filters: [...filtersOf(config), always], clusters: [], problems: [] };
}

/** Paths are relative to the Module's config. */
export function filterProblems(config: ModuleConfig): readonly FieldProblem[] {
  return moduleFilters.flatMap(({ fromModule }) => fromModule(config).problems);
}

export const moduleFilterFieldNames: readonly string[] = moduleFilters.flatMap(({ fields }) => Object.keys(fields));
