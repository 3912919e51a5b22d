import type { Ir } from "./types.ts";

/** A gateway that does nothing. */
export const emptyIr: Ir = Object.freeze({
  owner: undefined,
  runtime: {},
  listeners: [],
  filters: [],
  tables: new Map(),
  clusters: new Map(),
  secrets: new Map(),
});
