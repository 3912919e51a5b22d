import type { ModuleConfig } from "../../crds/module-config.ts";
import { type FieldProblem, ignored, invalid } from "../../features/feature.ts";
import { memoForever } from "../../ir/memo.ts";
import type { RuntimeFlags } from "../../ir/types.ts";

/** Envoy's runtime keys that the Module may set, and what each holds. */
const flags: Readonly<Record<string, "count" | "switch">> = {
  "http.max_requests_per_io_cycle": "count",
  "overload.premature_reset_min_stream_lifetime_seconds": "count",
  "overload.premature_reset_total_stream_count": "count",
  "envoy.restart_features.send_goaway_for_premature_rst_streams": "switch",
};

const MAX_COUNT = 4_294_967_295;

interface Read {
  readonly value: RuntimeFlags;
  readonly problems: readonly FieldProblem[];
}

const read = memoForever(({ runtime_flags: written = {} }: ModuleConfig): Read => {
  const value: Record<string, number | boolean> = {};
  const problems: FieldProblem[] = [];
  for (const [name, given] of Object.entries(written)) {
    const at = ["runtime_flags", name];
    const form = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (form === undefined) {
      const advice = `remove it; those that can be set are ${Object.keys(flags).join(", ")}`;
      problems.push(ignored(at, "this key of Envoy's runtime cannot be set", advice));
    } else if (form === "switch") {
      if (typeof given === "boolean") value[name] = given;
      else problems.push(invalid(at, `${JSON.stringify(given)} is not a boolean`, "write true or false"));
    } else if (typeof given === "number" && Number.isInteger(given) && given >= 1 && given <= MAX_COUNT) {
      value[name] = given;
    } else {
      const message = `${JSON.stringify(given)} is not a whole number from 1 on`;
      problems.push(invalid(at, message, "write a number, for example 10"));
    }
  }
  return { value, problems };
});

/** The same object for the same Module. */
export function runtimeFlagsOf(config: ModuleConfig): RuntimeFlags {
  return read(config).value;
}

/** Paths are relative to the Module's config. */
export function runtimeFlagProblems(config: ModuleConfig): readonly FieldProblem[] {
  return read(config).problems;
}
