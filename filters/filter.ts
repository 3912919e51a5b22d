import type { Any } from "../xds/generated/google/protobuf/any.ts";

/**
 * An HTTP filter that every request passes. A plain value, as features are. It goes to Envoy by ECDS, so that adding,
 * changing and removing it drains no connection. What routes say to it is a feature's `route` writer, under the same name.
 */
export interface Filter<Settings> {
  /** Key in the IR, and the name in Envoy by which routes find it in `typedPerFilterConfig`. */
  readonly name: string;
  toFilter(settings: Settings): Any;
}

export type AnyFilter = Filter<unknown>;
