/** Hands one kind's objects on to the sink. Keeps no objects, only who is there in which version: that tells a late deletion from a
 *  real one, and an object that was listed again from one that changed. */

import { keyOf } from "../../ir/resource.ts";
import type { Log } from "../log.ts";
import type { WatchedKind } from "./kind.ts";
import type { RawObject } from "./raw.ts";

/** `namespace` is empty for cluster-scoped kinds. */
export interface Ref {
  readonly namespace: string;
  readonly name: string;
}

/** Where objects go, in the order in which the API server changed them. All calls are synchronous. */
export interface Sink<T> {
  /** All there is of the kind now: what is not in the list is gone. */
  replace(kind: WatchedKind, objects: readonly T[]): void;
  put(kind: WatchedKind, object: T): void;
  remove(kind: WatchedKind, ref: Ref & { readonly uid: string }): void;
  /** What the sink holds under this name. With it, an object that a relist brings in the version we had is passed to `replace` as the
   *  very same value, unparsed, so that what is memoised on its identity stays good (every restart of the API server is a relist). */
  current?(kind: WatchedKind, ref: Ref): T | undefined;
}

export interface MirrorOptions<T> {
  readonly kind: WatchedKind;
  readonly parse: (raw: RawObject, kind: WatchedKind) => T;
  readonly sink: Sink<T>;
  readonly log: Log;
}

export interface Mirror {
  /** Starts a complete list. With `reuse`, an object known in the same version is the same object. */
  draft(options: { readonly reuse: boolean }): Draft;
  put(raw: RawObject): void;
  remove(raw: RawObject): void;
  /** How many objects are there. */
  size(): number;
}

/** Nothing reaches the sink before `commit`, so a list that breaks off leaves no trace. */
export interface Draft {
  add(raw: RawObject): void;
  /** How many objects are there that the list lacks. */
  missing(): number;
  /** How many it has that were there before, in this incarnation. */
  survivors(): number;
  /** With `keepMissing` those stay. */
  commit(options: { readonly keepMissing: boolean }): void;
}

interface Known {
  readonly ref: Ref;
  readonly uid: string;
  readonly resourceVersion: string;
}

/** What the sink throws is passed on; what `parse` throws costs that object alone its new version. */
export function mirror<T>({ kind, parse, sink, log }: MirrorOptions<T>): Mirror {
  let known = new Map<string, Known>();

  function parsed(raw: RawObject): T | undefined {
    try {
      return parse(kind.transform?.(raw) ?? raw, kind);
    } catch (error) {
      const name = keyOf(refOf(raw));
      log.error(`${kind.kind} ${name} is left as it was: reading it failed with ${describeBug(error)}`);
      return undefined;
    }
  }

  function draft({ reuse }: { readonly reuse: boolean }): Draft {
    const objects: T[] = [];
    const seen = new Map<string, Known>();
    return {
      add(raw) {
        const ref = refOf(raw);
        const key = keyOf(ref);
        const before = known.get(key);
        const now = knownOf(raw);
        const same = reuse && before?.uid === now.uid && before.resourceVersion === now.resourceVersion;
        const held = same ? sink.current?.(kind, ref) : undefined;
        const object = held ?? parsed(raw) ?? sink.current?.(kind, ref);
        if (object === undefined) return;
        seen.set(key, now);
        objects.push(object);
      },
      missing: () => [...known.keys()].filter((key) => !seen.has(key)).length,
      survivors: () => [...seen].filter(([key, { uid }]) => known.get(key)?.uid === uid).length,
      commit({ keepMissing }) {
        for (const [key, lost] of keepMissing ? known : []) {
          const object = seen.has(key) ? undefined : sink.current?.(kind, lost.ref);
          if (object === undefined) continue;
          seen.set(key, lost);
          objects.push(object);
        }
        sink.replace(kind, objects);
        known = seen;
      },
    };
  }

  return {
    draft,
    put(raw) {
      const object = parsed(raw);
      if (object === undefined) return;
      sink.put(kind, object);
      known.set(keyOf(refOf(raw)), knownOf(raw));
    },
    remove(raw) {
      const ref = refOf(raw);
      const key = keyOf(ref);
      const { uid } = raw.metadata;
      // A late word about an old incarnation must not take its successor away.
      if (known.get(key)?.uid !== uid) return;
      sink.remove(kind, { ...ref, uid });
      known.delete(key);
    },
    size: () => known.size,
  };
}

function refOf({ metadata: { namespace = "", name } }: RawObject): Ref {
  return { namespace, name };
}

function knownOf(raw: RawObject): Known {
  const { uid, resourceVersion } = raw.metadata;
  return { ref: refOf(raw), uid, resourceVersion };
}

/** Its name and place; not its message, which may quote a Secret. */
export function describeBug(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const frame = error.stack?.split("\n").find((line) => line.trimStart().startsWith("at "));
  return `${error.name} ${frame?.trim() ?? ""}`.trim();
}
