import type { KubeConfig } from "@kubernetes/client-node";
import { kinds as kindTable } from "../capabilities/kinds.ts";
import { createExpander } from "../compile/expand.ts";
import { createStore, type Store } from "../compile/store.ts";
import { parseResource } from "../crds/parse.ts";
import type { AnyResource, Resources, SecretResource } from "../crds/resources.ts";
import { keyOf } from "../ir/resource.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { systemClock } from "./clock.ts";
import { createApi, readText } from "./informers/api.ts";
import { type InformerOptions, startInformers } from "./informers.ts";
import { describeWaiting, type KindState, type WaitReason } from "./informers/follow.ts";
import { secretFieldSelector, type WatchedKind } from "./informers/kind.ts";
import { parseJson } from "./informers/raw.ts";
import type { Log } from "./log.ts";
import { type SecretShelf, secretShelf } from "./secret-shelf.ts";
import { createSightings, type Sightings } from "./status/sightings.ts";

export interface ClusterSourceOptions {
  readonly kubeConfig: KubeConfig;
  /** Default: every kind that the table says is watched. */
  readonly kinds?: readonly WatchedKind[];
  /** The gateway's own. */
  readonly ownNamespace?: string | undefined;
  /** Single-namespace mode: only this one is watched. */
  readonly namespace?: string | undefined;
  /** Of Secrets only those of this namespace are watched. */
  readonly secretsNamespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** For what stands within other objects and names Secrets. */
  readonly settings: CompileSettings;
  /** What serves, of which the Secrets are kept too. */
  readonly inForce?: () => Resources | undefined;
  /** Secrets that nothing names are kept too: for who judges objects that may name them next. */
  readonly keepAllSecrets?: boolean;
  /** Nothing is read before: what of the Secrets is to be kept may depend on it. */
  readonly after?: Promise<void>;
  readonly log: Log;
  readonly signal: AbortSignal;
  /** `endpointsOnly`: nothing that compile reads. Called only once the first complete lists are there. */
  readonly onChange: (endpointsOnly: boolean) => void;
  /** Why nothing is published yet. */
  readonly onWaiting: (reason: string) => void;
}

export interface ClusterSource {
  readonly resources: () => Resources;
  /** The one of this name. */
  readonly object: (kind: AnyResource["kind"], namespace: string, name: string) => AnyResource | undefined;
  readonly sightings: Sightings;
  readonly synced: () => boolean;
  /** Why what is kept may be older than what the cluster has by now; undefined: every kind is watched. */
  readonly behind: () => string | undefined;
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
    // Who has no use for Ingress need not give us the right to read it.
    ...(group === "networking.k8s.io" ? { optional: true } : {}),
  }));

/** With AMBASSADOR_KNATIVE_SUPPORT. Its CRD comes with Knative. */
const knativeKinds: readonly WatchedKind[] = kindTable
  .filter(({ kind }) => kind === "KnativeIngress")
  .map(({ kind, group, version, plural }) => ({ kind, group, version, plural, namespaced: true, optional: true }));

/** What of the kinds a gateway reads: one of a single namespace has no rights outside of it. */
export function kindsToRead({
  kinds = watchedKinds,
  knative,
  namespace,
  secretsNamespace,
}: {
  readonly kinds?: readonly WatchedKind[];
  readonly knative: boolean;
  readonly namespace?: string | undefined;
  readonly secretsNamespace?: string | undefined;
}): readonly WatchedKind[] {
  return [...kinds, ...(knative ? knativeKinds : [])]
    .filter((kind) => kind.namespaced || namespace === undefined)
    .map((kind) =>
      kind.kind === "Secret" && secretsNamespace !== undefined ? { ...kind, namespace: secretsNamespace } : kind,
    );
}

/** Kinds that name Secrets, and those that may hold objects which do. */
const referrers: ReadonlySet<string> = new Set([
  ...["Host", "TLSContext", "Module"],
  ...["Service", "Ingress", "IngressClass", "KnativeIngress"],
]);

function isSecret(resource: AnyResource): resource is SecretResource {
  return resource.kind === "Secret";
}

/** A single request is let wait as long as that. */
const ANSWER_MS = 10_000;

function shelfOf({ kubeConfig, settings, inForce, log, signal }: ClusterSourceOptions, store: Store): SecretShelf {
  const api = createApi(kubeConfig);
  const expander = createExpander();
  const expand = (resources: Resources) => expander(resources, settings).resources;
  signal.addEventListener("abort", api.close, { once: true });
  const fetchSecret = async (namespace: string, name: string): Promise<SecretResource | undefined> => {
    const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
    const response = await api.get(path, { signal, answerWithinMs: ANSWER_MS });
    const text = await readText(response);
    if (response.statusCode === 404) return undefined;
    if (response.statusCode !== 200) throw new Error(`the API server answered ${response.statusCode}`);
    // Not JSON.parse, whose error would quote the text.
    const object = parseJson(text);
    if (object === undefined) throw new Error("the API server answered what is no JSON");
    const { resource } = parseResource(object);
    return resource !== undefined && isSecret(resource) ? resource : undefined;
  };
  const { ownNamespace } = settings;
  return secretShelf({ store, ownNamespace, expand, inForce, fetchSecret, log, clock: systemClock, signal });
}

/** Keeps a store equal to the cluster. Nothing is told before every kind's first list is complete: a restarted replica never serves half the routes. */
export function watchCluster(options: ClusterSourceOptions): ClusterSource {
  let synced = false;
  let reviewing = false;
  const store: Store = createStore((kind) => {
    if (!synced) return;
    options.onChange(kind === "EndpointSlice");
    if (!referrers.has(kind) || secrets === undefined || reviewing) return;
    // Once for the events that arrived together.
    reviewing = true;
    setImmediate(() => {
      reviewing = false;
      if (!options.signal.aborted) secrets.review();
    });
  });
  const secrets = options.keepAllSecrets === true ? undefined : shelfOf(options, store);
  const waiting = new Map<WatchedKind, Extract<KindState, { readonly phase: "waiting" }>>();
  const seen = new Set<WatchedKind>();
  const sightings = createSightings();
  const kept = (resource: AnyResource): AnyResource =>
    sightings.kept(resource, store.get(resource.kind, resource.namespace, resource.name));

  const kindOf = ({ kind }: WatchedKind) => kind as AnyResource["kind"];
  const firstWaiting = (matches: (kind: WatchedKind, reason: WaitReason) => boolean): string | undefined => {
    const found = [...waiting].find(([kind, { reason }]) => matches(kind, reason));
    return found && describeWaiting(found[1]);
  };

  const informerOptions: InformerOptions<AnyResource | undefined> = {
    kubeConfig: options.kubeConfig,
    kinds: kindsToRead({ ...options, knative: options.settings.knative === true }),
    namespace: options.namespace,
    labelSelector: options.labelSelector,
    fieldSelector: options.fieldSelector,
    log: options.log,
    signal: options.signal,
    // Of the kinds that are watched it makes a resource whatever is in them: what is wrong stands with it.
    parse(raw) {
      const { resource } = parseResource(raw);
      sightings.parsed(resource, raw);
      return resource;
    },
    sink: {
      replace(kind, objects) {
        const resources = objects.filter((each) => each !== undefined);
        if (kind.kind === "Secret" && secrets !== undefined) secrets.replace(resources.filter(isSecret));
        else {
          store.replace(kindOf(kind), resources.map(kept));
          sightings.listed(kind.kind, new Set(resources.map(keyOf)));
        }
      },
      put(_, object) {
        if (object === undefined) return;
        if (isSecret(object) && secrets !== undefined) return secrets.put(object);
        const held = store.get(object.kind, object.namespace, object.name);
        const resource = kept(object);
        // Only its status has changed.
        if (resource !== held) store.put(resource);
      },
      remove(kind, { namespace, name, uid }) {
        if (kind.kind === "Secret" && secrets !== undefined) secrets.remove(namespace, name, uid);
        else {
          store.remove(kindOf(kind), namespace, name, uid);
          sightings.removed(kind.kind, keyOf({ namespace, name }));
        }
      },
      current: (kind, { namespace, name }) => store.get(kindOf(kind), namespace, name),
    },
    onSynced() {
      synced = true;
      secrets?.review();
      options.onChange(false);
    },
    onState(kind, state) {
      if (state.phase === "waiting") waiting.set(kind, state);
      if (state.phase === "live") {
        waiting.delete(kind);
        seen.add(kind);
      }
      if (!synced) options.onWaiting(firstWaiting(() => true) ?? "the first lists are being read from the API server");
    },
  };
  if (options.after === undefined) startInformers(informerOptions);
  else void options.after.then(() => startInformers(informerOptions));
  return {
    resources: () => store.resources(),
    object: store.get,
    sightings,
    synced: () => synced,
    // What nobody ever let us see is not old, nor what we may do without; of what has no CRD, what was there last goes on serving.
    behind: () =>
      firstWaiting(
        (kind, reason) => seen.has(kind) && reason !== "absent" && !(reason === "forbidden" && kind.optional === true),
      ),
  };
}
