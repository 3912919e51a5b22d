/** Which version of each of our objects was read, and what status it had: the store keeps neither. */
import { isDeepStrictEqual } from "node:util";
import { customKinds } from "../../capabilities/kinds.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { isFields } from "../../crds/metadata.ts";
import { keyOf } from "../../ir/resource.ts";
import type { RawObject } from "../informers/raw.ts";
import { isOlder } from "../informers/version.ts";

export interface Sighting {
  readonly uid: string;
  /** The newest. */
  readonly resourceVersion: string;
  /** At which its content became what it is, as far as we have seen it. */
  readonly contentVersion: string;
  /** JSON; empty: it has none. A text, since of 10,000 objects all that is mostly done with it is to keep it. */
  readonly status: string;
}

export interface Sightings {
  /** An object was parsed. */
  parsed(resource: AnyResource | undefined, raw: RawObject): void;
  /** The one to keep: with only its status changed an object is the one that it was, so that nothing is compiled anew. */
  kept(resource: AnyResource, held: AnyResource | undefined): AnyResource;
  removed(kind: string, key: string): void;
  /** The complete list of a kind. */
  listed(kind: string, keys: ReadonlySet<string>): void;
  of(kind: string, key: string): Sighting | undefined;
  /** Of our own write, whose echo is still to come. */
  wrote(kind: string, key: string, written: Pick<Sighting, "uid" | "resourceVersion" | "status">): void;
  /** By kind: the last change of content. */
  contentVersions(): ReadonlyMap<string, string>;
  /** By kind: the last change at all. */
  readVersions(): ReadonlyMap<string, string>;
  /** Who is told of each object that was read anew, or is gone. */
  onSeen: (kind: string, key: string, isContent: boolean) => void;
}

const ours: ReadonlySet<string> = new Set(customKinds.map(({ kind }) => kind));

export function createSightings(): Sightings {
  const seen = new Map<string, Map<string, Sighting>>([...ours].map((kind) => [kind, new Map()]));
  const raws = new WeakMap<AnyResource, Pick<Sighting, "resourceVersion" | "status">>();
  let content = new Map<string, string>();
  const read = new Map<string, string>();

  const advance = (versions: Map<string, string>, kind: string, version: string): void => {
    const before = versions.get(kind);
    if (before === undefined || isOlder(before, version)) versions.set(kind, version);
  };

  const sightings: Sightings = {
    parsed(resource, raw) {
      if (resource === undefined || !ours.has(resource.kind)) return;
      const { status, metadata } = raw;
      raws.set(resource, {
        resourceVersion: metadata.resourceVersion,
        status: isFields(status) ? JSON.stringify(status) : "",
      });
    },
    kept(resource, held) {
      const { kind, uid } = resource;
      const known = seen.get(kind);
      const raw = raws.get(resource);
      // Listed again in the version that we had.
      if (known === undefined || raw === undefined || resource === held) return resource;
      raws.delete(resource);
      const key = keyOf(resource);
      const before = known.get(key);
      const isSame = held !== undefined && before !== undefined && isDeepStrictEqual(resource, held);
      advance(read, kind, raw.resourceVersion);
      // What we wrote ourselves is newer than what the watch brings meanwhile.
      const isRewound = isSame && isOlder(raw.resourceVersion, before.contentVersion);
      const isEcho = isSame && !isRewound && isOlder(raw.resourceVersion, before.resourceVersion);
      const contentVersion = isSame && !isRewound ? before.contentVersion : raw.resourceVersion;
      if (!isEcho) known.set(key, { uid, ...raw, contentVersion });
      if (!isSame) {
        content = new Map(content);
        advance(content, kind, raw.resourceVersion);
      }
      sightings.onSeen(kind, key, !isSame);
      return isSame ? held : resource;
    },
    removed(kind, key) {
      if (seen.get(kind)?.delete(key) === true) sightings.onSeen(kind, key, true);
    },
    listed(kind, keys) {
      const known = seen.get(kind);
      if (known === undefined) return;
      for (const key of known.keys()) if (!keys.has(key)) sightings.removed(kind, key);
      // After a restore of etcd versions have gone back.
      content = new Map(content);
      content.delete(kind);
      read.delete(kind);
      for (const { contentVersion, resourceVersion } of known.values()) {
        advance(content, kind, contentVersion);
        advance(read, kind, resourceVersion);
      }
    },
    of: (kind, key) => seen.get(kind)?.get(key),
    wrote(kind, key, written) {
      const before = seen.get(kind)?.get(key);
      if (before === undefined || before.uid !== written.uid) return;
      if (isOlder(written.resourceVersion, before.resourceVersion)) return;
      seen.get(kind)?.set(key, { ...before, ...written });
    },
    contentVersions: () => content,
    readVersions: () => read,
    onSeen: () => undefined,
  };
  return sightings;
}
