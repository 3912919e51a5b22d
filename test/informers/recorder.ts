import { setTimeout as delay } from "node:timers/promises";
import type { Fields, Log } from "../../runtime/log.ts";
import type { KindState } from "../../runtime/informers/follow.ts";
import type { WatchedKind } from "../../runtime/informers/kind.ts";
import type { Ref, Sink } from "../../runtime/informers/mirror.ts";
import type { RawObject } from "../../runtime/informers/raw.ts";

export type Call =
  | { readonly call: "replace"; readonly kind: string; readonly names: readonly string[] }
  | { readonly call: "put"; readonly kind: string; readonly name: string; readonly object: RawObject }
  | { readonly call: "remove"; readonly kind: string; readonly name: string; readonly uid: string };

/** A sink that keeps what it is given, and notes each call. */
export interface Recorder {
  readonly sink: Sink<RawObject>;
  readonly calls: Call[];
  readonly states: { readonly kind: string; readonly state: KindState }[];
  readonly log: Log;
  /** `warn text`, without debug lines. */
  readonly lines: string[];
  readonly debugLines: string[];
  readonly onState: (kind: WatchedKind, state: KindState) => void;
  /** What is live: by name, without the namespace. */
  objects(kind: string): ReadonlyMap<string, RawObject>;
  /** Sorted. */
  names(kind: string): readonly string[];
  state(kind: string): KindState | undefined;
  replaces(kind: string): number;
}

export function recorder(): Recorder {
  const store = new Map<string, Map<string, RawObject>>();
  const calls: Call[] = [];
  const states: Recorder["states"] = [];
  const lines: string[] = [];
  const debugLines: string[] = [];
  const objects = (kind: string): Map<string, RawObject> => store.get(kind) ?? new Map();
  const write =
    (level: string) =>
    (message: string, fields?: Fields): void => {
      (level === "debug" ? debugLines : lines).push(`${level} ${message}${fields ? ` ${JSON.stringify(fields)}` : ""}`);
    };
  const log: Log = {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: () => log,
  };
  return {
    calls,
    states,
    log,
    lines,
    debugLines,
    objects,
    names: (kind) => [...objects(kind).keys()].sort(),
    state: (kind) => states.findLast((each) => each.kind === kind)?.state,
    replaces: (kind) => calls.filter(({ call, kind: of }) => call === "replace" && of === kind).length,
    onState: ({ kind }, state) => void states.push({ kind, state }),
    sink: {
      replace({ kind }, all) {
        store.set(kind, new Map(all.map((object) => [object.metadata.name, object])));
        calls.push({ call: "replace", kind, names: all.map(({ metadata }) => metadata.name).sort() });
      },
      put({ kind }, object) {
        store.set(kind, objects(kind).set(object.metadata.name, object));
        calls.push({ call: "put", kind, name: object.metadata.name, object });
      },
      remove({ kind }, { name, uid }) {
        if (objects(kind).get(name)?.metadata.uid === uid) objects(kind).delete(name);
        calls.push({ call: "remove", kind, name, uid });
      },
      current: ({ kind }, { name }: Ref) => objects(kind).get(name),
    },
  };
}

/** Resolves as soon as the condition holds; rejects, telling what `describe` says then, after `withinMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { withinMs = 20_000, describe = () => "" }: { readonly withinMs?: number; readonly describe?: () => string } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error(`not within ${withinMs} ms: ${condition.toString()}\n${describe()}`);
    await delay(5);
  }
}
