import type { Form } from "./forms.ts";
import type { Gateway, Pids } from "./gateway.ts";
import { loadAverage, memory, type Memory } from "./machine.ts";
import type { Shape } from "./objects.ts";

export interface MemoryRow {
  readonly form: Form;
  readonly scheme: Shape["scheme"];
  readonly hosts: number;
  readonly mappings: number;
  /** Right after the start, or after the other figures' changes on the same gateway. */
  readonly when: "started" | "used";
  readonly loadAverage: readonly number[];
  readonly supervisor: Memory;
  readonly controlPlane: Memory;
  readonly envoy: Memory;
}

export async function measureMemory(
  gateway: Gateway,
  { form, shape, mappings, when }: Pick<MemoryRow, "form" | "mappings" | "when"> & { readonly shape: Shape },
): Promise<MemoryRow> {
  await gateway.settled(20_000);
  const of = (role: keyof Pids) => memory(gateway.pids[role]);
  return {
    form,
    scheme: shape.scheme,
    hosts: shape.hosts,
    mappings,
    when,
    loadAverage: loadAverage(),
    supervisor: of("supervisor"),
    controlPlane: of("controlPlane"),
    envoy: of("envoy"),
  };
}
