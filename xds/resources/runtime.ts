import type { RuntimeFlags } from "../../ir/types.ts";
import { Runtime } from "../generated/envoy/service/runtime/v3/rtds.ts";
import type { XdsResource } from "../snapshot.ts";
import { runtimeLayer } from "../static/runtime-flags.ts";
import { xdsResource } from "./frame.ts";

/** The one layer of flags, be it empty. */
export function encodeRuntime(flags: RuntimeFlags): XdsResource {
  const layer = Object.fromEntries(Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1)));
  return xdsResource("runtime", runtimeLayer, [Runtime.encode({ name: runtimeLayer, layer }).finish()]);
}
