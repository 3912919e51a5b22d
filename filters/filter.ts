import type { z } from "zod";
import type { FeatureResult } from "../features/feature.ts";
import type { Any } from "../xds/generated/google/protobuf/any.ts";

/**
 * An HTTP filter that every request passes. A plain value, as features are. It goes to Envoy by ECDS, so that adding,
 * changing and removing it drains no connection. What routes say to it is a feature's `route` writer, under the same name.
 */
export interface Filter<Settings> {
  /** Key in the IR, and the name in Envoy by which routes find it in `typedPerFilterConfig`. */
  readonly name: string;
  /** It holds what users wrote and only Envoy can judge, a script: on its own, its refusal holds up no other filter. */
  readonly alone?: true;
  toFilter(settings: Settings): Any;
}

export type AnyFilter = Filter<unknown>;

/** A filter that keys of the Module switch on. */
export interface ModuleFilter<Fields extends z.ZodRawShape, Settings> extends Filter<Settings> {
  /** What it owns under the Module's config. */
  readonly fields: Fields;
  /** undefined: not asked for. Settings stand beside an error where doing without them would be worse. */
  fromModule(config: z.output<z.ZodObject<Fields>>): FeatureResult<Settings>;
}

export type AnyModuleFilter = ModuleFilter<z.ZodRawShape, unknown>;
