/** Hooks for Pepr's own runtime (`npx pepr dev`). Our own process has others: runtime/admission.ts. */
import { createStore } from "../compile/store.ts";
import { isFields } from "../crds/metadata.ts";
import { parseResource } from "../crds/parse.ts";
import { admitBySchema, createAdmit } from "../insight/admit.ts";
import type { CompileSettings } from "../ir/settings.ts";
import type { Hooks } from "./hooks.ts";

export interface PeprHooksOptions {
  readonly settings: CompileSettings;
  /** This process follows objects as well as judging them: so in `pepr dev`, not in Pepr's stock admission Deployment. */
  readonly follows: boolean;
}

interface Version {
  readonly uid: string;
  readonly version: bigint;
}

/** So many removed objects are remembered. */
const MOST_REMOVED = 1000;

/**
 * Pepr's watches deliver the events of one object out of order, and a removal on a connection of its own: an older version
 * never replaces a newer one, and what was removed does not come back. Unlike ours they do not say when a first list is
 * complete, so the first seconds are judged by what has come so far.
 */
export function peprHooks({ settings, follows }: PeprHooksOptions): Hooks {
  const store = createStore(() => undefined);
  const admit = createAdmit();
  const known = new Map<string, Version>();
  const removed = new Set<string>();

  return {
    judge(change) {
      if (follows) return admit(change, store.resources(), settings);
      return admitBySchema(change, settings.ambassadorId, "this process does not follow the state of the cluster");
    },
    put(object) {
      const { resource } = parseResource(object);
      if (resource === undefined || removed.has(resource.uid)) return;
      const key = `${resource.kind} ${resource.namespace}/${resource.name}`;
      const now = { uid: resource.uid, version: versionOf(object) };
      const before = known.get(key);
      if (before?.uid === now.uid && now.version <= before.version) return;
      known.set(key, now);
      store.put(resource);
    },
    remove(object) {
      const { resource } = parseResource(object);
      if (resource === undefined) return;
      const { kind, namespace, name, uid } = resource;
      removed.add(uid);
      for (const oldest of removed) {
        if (removed.size <= MOST_REMOVED) break;
        removed.delete(oldest);
      }
      if (known.get(`${kind} ${namespace}/${name}`)?.uid === uid) known.delete(`${kind} ${namespace}/${name}`);
      store.remove(kind, namespace, name, uid);
    },
  };
}

function versionOf(object: unknown): bigint {
  const metadata = isFields(object) && isFields(object["metadata"]) ? object["metadata"] : {};
  const version = metadata["resourceVersion"];
  return typeof version === "string" && /^\d+$/.test(version) ? BigInt(version) : 0n;
}
