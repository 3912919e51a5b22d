import { startChild } from "./child.ts";
import type { CompileFigures, CompileMethods, CompileOptions, MixedFigures } from "./compile-child.ts";
import type { Form } from "./forms.ts";
import { loadAverage } from "./machine.ts";
import type { Shape } from "./objects.ts";
import type { Scope } from "./session.ts";

export interface CompileRow extends CompileFigures {
  readonly form: Form;
  readonly scheme: Shape["scheme"];
  readonly hosts: number;
  readonly mappings: number;
  readonly loadAverage: readonly number[];
}

export async function measureCompile(
  scope: Scope,
  shape: Shape,
  options: Omit<CompileOptions, "shape">,
): Promise<CompileRow> {
  const load = loadAverage();
  // As the bundle is started: no heap limits, no flags, but for the garbage collector that can be called.
  const child = startChild<CompileMethods>(scope, "./compile-child.ts", { nodeFlags: ["--expose-gc"] });
  const figures = await child.call("measure", { shape, ...options });
  await child.stop();
  const { form, mappings } = options;
  return { form, scheme: shape.scheme, hosts: shape.hosts, mappings, loadAverage: load, ...figures };
}

export interface MixedRow extends MixedFigures {
  readonly loadAverage: readonly number[];
}

/** Resources of every kind together. */
export async function measureMixed(
  scope: Scope,
  options: { readonly resources: number; readonly repetitions: number },
): Promise<MixedRow> {
  const load = loadAverage();
  const child = startChild<CompileMethods>(scope, "./compile-child.ts", { nodeFlags: ["--expose-gc"] });
  const figures = await child.call("measureMixed", options);
  await child.stop();
  return { loadAverage: load, ...figures };
}
