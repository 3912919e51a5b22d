import type { KubeConfig } from "@kubernetes/client-node";
import { kinds as kindTable } from "../capabilities/kinds.ts";
import { createStore, type Store } from "../compile/store.ts";
import { parseResource } from "../crds/parse.ts";
import type { AnyResource, Resources } from "../crds/resources.ts";
import { startInformers } from "./informers.ts";
import { secretFieldSelector, type WatchedKind } from "./informers/kind.ts";
import type { Log } from "./log.ts";

export interface ClusterSourceOptions {
  readonly kubeConfig: KubeConfig;
  /** Default: every kind that the table says is watched. */
  readonly kinds?: readonly WatchedKind[];
  /** Single-namespace mode: only this one is watched. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** `endpointsOnly`: nothing that compile reads. Called only once the first complete lists are there. */
  readonly onChange: (endpointsOnly: boolean) => void;
  /** Why nothing is published yet. */
  readonly onWaiting: (reason: string) => void;
}

export interface ClusterSource {
  readonly resources: () => Resources;
  readonly synced: () => boolean;
}

/** What is watched, from the table of kinds. */
export const watchedKinds: readonly WatchedKind[] = kindTable
  .filter(({ watched }) => watched)
  .map(({ kind, group, version, plural, scope }) => ({
    kind,
    group,
    version,
    plural,
    namespaced: scope === "Namespaced",
    ...(kind === "Secret" ? { fieldSelector: secretFieldSelector } : {}),
  }));

/** Keeps a store equal to the cluster. Nothing is told before every kind's first list is complete: a restarted replica never serves half the routes. */
export function watchCluster(options: ClusterSourceOptions): ClusterSource {
  let synced = false;
  const store: Store = createStore((kind) => {
    if (synced) options.onChange(kind === "EndpointSlice");
  });
  const waiting = new Map<string, string>();

  const kindOf = ({ kind }: WatchedKind) => kind as AnyResource["kind"];
  startInformers<AnyResource | undefined>({
    kubeConfig: options.kubeConfig,
    kinds: options.kinds ?? watchedKinds,
    namespace: options.namespace,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    log: options.log,
    signal: options.signal,
    // Of the kinds that are watched it makes a resource whatever is in them: what is wrong stands with it.
    parse: (raw) => parseResource(raw).resource,
    sink: {
      replace: (kind, objects) =>
        store.replace(
          kindOf(kind),
          objects.filter((each) => each !== undefined),
        ),
      put: (_, object) => {
        if (object !== undefined) store.put(object);
      },
      remove: (kind, { namespace, name, uid }) => store.remove(kindOf(kind), namespace, name, uid),
      current: (kind, { namespace, name }) => store.get(kindOf(kind), namespace, name),
    },
    onSynced() {
      synced = true;
      options.onChange(false);
    },
    onState(kind, state) {
      if (state.phase === "waiting") waiting.set(kind.plural, state.message);
      else if (state.phase === "live") waiting.delete(kind.plural);
      if (!synced) options.onWaiting([...waiting.values()][0] ?? "the first lists are being read from the API server");
    },
  });
  return { resources: () => store.resources(), synced: () => synced };
}
