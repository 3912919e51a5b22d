/** The compiler alone, in a process of its own with --expose-gc: nothing else allocates in it, and garbage is collected between figures. */
import { createCompiler, type Compiled } from "../../compile/compile.ts";
import type { Counters } from "../../ir/counters.ts";
import { typeUrls, type XdsType } from "../../xds/snapshot.ts";
import { serve } from "./child.ts";
import type { Form } from "./forms.ts";
import { filler, fillers, frame, type Manifest, type Shape } from "./objects.ts";
import { type Edit, edited, edits, mixedResources } from "./mixed.ts";
import { compileSettings, parse, storeOf } from "./resources.ts";
import { type Distribution, distribution, rounded } from "./statistics.ts";

export interface CompileOptions {
  readonly shape: Shape;
  readonly mappings: number;
  readonly form: Form;
  readonly repetitions: number;
}

export interface CompileFigures {
  /** JSON text to typed, frozen resources, all of them. */
  readonly parseMs: number;
  /** The first in a new process, machine code not yet made. */
  readonly firstMs: number;
  /** Of a new compiler in a warm process. */
  readonly freshMs: Distribution;
  /** From the parsed resource in the store to the encoded snapshot. */
  readonly oneChangedMs: Distribution;
  readonly oneAddedMs: Distribution;
  readonly oneRemovedMs: Distribution;
  readonly hundredChangedMs: Distribution;
  /** Nothing has changed. */
  readonly nothingMs: Distribution;
  readonly counters: { readonly oneChanged: Readonly<Counters>; readonly oneAdded: Readonly<Counters> };
  /** Of all resources of each type, as they go to Envoy. */
  readonly encodedBytes: Readonly<Record<string, number>>;
  /** Of a route table, the largest: what one change sends. */
  readonly largestTableBytes: number;
  /** After collecting garbage: resources alone, and with all that the compiler remembers. */
  readonly heapMb: { readonly start: number; readonly resources: number; readonly compiled: number };
  /** Bytes outside of V8's heap: the encoded resources. */
  readonly externalMb: number;
  readonly rssMb: number;
}

function collect(): void {
  globalThis.gc?.();
  globalThis.gc?.();
}

const megabytes = (bytes: number) => rounded(Math.round((bytes / 2 ** 20) * 10) / 10);

function heapMb(): number {
  collect();
  return megabytes(process.memoryUsage().heapUsed);
}

function timed<T>(run: () => T): readonly [T, number] {
  const startedMs = performance.now();
  const value = run();
  return [value, performance.now() - startedMs];
}

async function measure({ shape, mappings, form, repetitions }: CompileOptions): Promise<CompileFigures> {
  const start = heapMb();
  const texts = [...(await frame(shape, 8080)), ...fillers(shape, 0, mappings)].map((each) => JSON.stringify(each));
  const [store, parseMs] = timed(() => storeOf(texts.map((text) => JSON.parse(text) as Manifest)));
  texts.length = 0;
  store.resources();
  const resources = heapMb();
  const compile = createCompiler();
  const settings = compileSettings(form);
  const run = () => timed(() => compile(store.resources(), settings));
  const [first, firstMs] = run();
  const compiledHeap = heapMb();
  const { rss, arrayBuffers } = process.memoryUsage();

  let generation = 0;
  let last: Compiled = first;
  const changedFiller = (index: number) => {
    const { spec, ...object } = filler(shape, index);
    return parse({ ...object, spec: { ...spec, timeout_ms: 1000 + ++generation } });
  };
  const times = (edit: () => void): Distribution => {
    const all: number[] = [];
    // As often again, first, for the machine code.
    for (let i = -repetitions; i < repetitions; i++) {
      edit();
      const [compiled, tookMs] = run();
      last = compiled;
      if (i >= 0) all.push(tookMs);
      if (i % 10 === 0) collect();
    }
    return distribution(all);
  };
  const random = () => Math.floor(Math.random() * mappings);
  const oneChangedMs = times(() => store.put(changedFiller(random())));
  const oneChanged = last.counters;
  let extra = mappings;
  const oneAddedMs = times(() => store.put(parse(filler(shape, extra++))));
  const oneAdded = last.counters;
  const oneRemovedMs = times(() => store.remove("Mapping", "default", `filler-${--extra}`));
  const hundredChangedMs = times(() => {
    for (let i = 0; i < 100; i++) store.put(changedFiller(random()));
  });
  const nothingMs = times(() => undefined);
  const freshMs: number[] = [];
  for (let i = 0; i < Math.max(3, Math.min(repetitions, Math.ceil(20_000 / mappings))); i++) {
    const fresh = createCompiler();
    collect();
    freshMs.push(timed(() => fresh(store.resources(), settings))[1]);
  }
  const { route } = last.snapshot;
  return {
    parseMs: rounded(parseMs),
    firstMs: rounded(firstMs),
    freshMs: distribution(freshMs),
    oneChangedMs,
    oneAddedMs,
    oneRemovedMs,
    hundredChangedMs,
    nothingMs,
    counters: { oneChanged, oneAdded },
    encodedBytes: bytesByType(last),
    largestTableBytes: Math.max(0, ...[...route.values()].map(({ frame }) => frame.length)),
    heapMb: { start, resources, compiled: compiledHeap },
    externalMb: megabytes(arrayBuffers),
    rssMb: megabytes(rss),
  };
}

function bytesByType({ snapshot }: Compiled): Record<string, number> {
  const types = (Object.keys(typeUrls) as XdsType[]).filter((type) => type !== "endpoint");
  return Object.fromEntries(
    types.map((type) => {
      let bytes = 0;
      for (const { frame } of snapshot[type as keyof typeof snapshot].values()) bytes += frame.length;
      return [type, bytes];
    }),
  );
}

export interface MixedFigures {
  readonly resources: number;
  readonly parseMs: number;
  /** The first in a new process. */
  readonly firstMs: number;
  /** Of a new compiler in a warm process. */
  readonly freshMs: Distribution;
  /** After an edit of one object, by its kind. */
  readonly oneChangedMs: Readonly<Record<Edit, Distribution>>;
  readonly problems: number;
}

async function measureMixed({
  resources,
  repetitions,
}: {
  readonly resources: number;
  readonly repetitions: number;
}): Promise<MixedFigures> {
  const manifests = await mixedResources(resources);
  const texts = manifests.map((each) => JSON.stringify(each));
  const [store, parseMs] = timed(() => storeOf(texts.map((text) => JSON.parse(text) as Manifest)));
  store.resources();
  const compile = createCompiler();
  const settings = compileSettings("tree");
  const [{ problems }, firstMs] = timed(() => compile(store.resources(), settings));
  let edition = 0;
  const changed = (kind: Edit): Distribution => {
    const all: number[] = [];
    for (let i = -repetitions; i < repetitions; i++) {
      store.put(parse(edited(kind, Math.floor(Math.random() * 1_000_000), ++edition)));
      const [, tookMs] = timed(() => compile(store.resources(), settings));
      if (i >= 0) all.push(tookMs);
      if (i % 10 === 0) collect();
    }
    return distribution(all);
  };
  const oneChangedMs = Object.fromEntries(edits.map((kind) => [kind, changed(kind)])) as MixedFigures["oneChangedMs"];
  const freshMs: number[] = [];
  for (let i = 0; i < 3; i++) {
    const fresh = createCompiler();
    collect();
    freshMs.push(timed(() => fresh(store.resources(), settings))[1]);
  }
  return {
    resources: manifests.length,
    parseMs: rounded(parseMs),
    firstMs: rounded(firstMs),
    freshMs: distribution(freshMs),
    oneChangedMs,
    problems: problems.length,
  };
}

const methods = { measure, measureMixed };
export type CompileMethods = typeof methods;
serve(methods);
