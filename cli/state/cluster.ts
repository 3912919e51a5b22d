import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { kindsToRead } from "../../runtime/cluster-source.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { type Api, createApi } from "../../runtime/informers/api.ts";
import type { Failure } from "../../runtime/informers/failure.ts";
import { resourceOf, type Selection, type WatchedKind } from "../../runtime/informers/kind.ts";
import { listOnce } from "../../runtime/informers/list-once.ts";
import type { RawObject } from "../../runtime/informers/raw.ts";
import { type KubeAccess, loadKubeConfig } from "../../runtime/kubernetes.ts";
import { formatSettingProblem, ownServiceOf, readSettings, type Settings } from "../../runtime/settings.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { podNamespace } from "../settings.ts";
import type { Environment, State, StateFlags } from "./state.ts";

const ANSWER_MS = 10_000;

/** A cluster's objects as they are stored. */
export interface ClusterObjects {
  readonly kinds: readonly { readonly kind: WatchedKind; readonly objects: readonly RawObject[] }[];
  readonly settings: CompileSettings;
  readonly from: string;
}

/** Which cluster the flags mean; without one, what to write instead. @throws FatalError */
export function clusterOf({ context }: StateFlags, env: Environment): KubeAccess {
  const otherwise = "Without a cluster, name manifests, or a bundle, with --from PATH.";
  return loadKubeConfig({ env, context, otherwise });
}

/** One list of each kind that a gateway watches. @throws FatalError when the cluster cannot be reached, or does not let us read */
export async function readClusterObjects(flags: StateFlags, env: Environment): Promise<ClusterObjects> {
  const { kubeConfig, origin } = clusterOf(flags, env);
  const settings = gatewaySettings(env);
  const selection: Selection = {
    namespace: flags.namespace ?? (settings.singleNamespace ? settings.namespace : undefined),
    labelSelector: settings.labelSelector,
    fieldSelector: settings.fieldSelector,
  };
  const from = `cluster ${kubeConfig.getCurrentContext()} (${origin})`;
  const api = createApi(kubeConfig);
  try {
    const read = kindsToRead({
      knative: settings.knative,
      namespace: selection.namespace,
      secretsNamespace: settings.secretsSingleNamespace ? settings.namespace : undefined,
    });
    const kinds = await Promise.all(
      read.map(async (kind) => ({ kind, objects: await listOrFail(api, kind, selection, from) })),
    );
    return { kinds, settings: compileSettings(settings), from };
  } finally {
    api.close();
  }
}

/** The resources of a cluster, as a gateway there would compile them. */
export async function readCluster(flags: StateFlags, env: Environment): Promise<State> {
  const { kinds, settings, from } = await readClusterObjects(flags, env);
  const store = createStore(() => undefined);
  for (const { kind, objects } of kinds) {
    // What is wrong with an object stands with its resource.
    const resources = objects.map((object) => parseResource(object).resource).filter((each) => each !== undefined);
    store.replace(kind.kind as AnyResource["kind"], resources);
  }
  return { resources: store.resources(), settings, problems: [], from };
}

/** @throws FatalError when the cluster cannot be reached, or does not let us read */
export async function listOrFail(
  api: Api,
  kind: WatchedKind,
  selection: Selection,
  from: string,
): Promise<readonly RawObject[]> {
  const signal = new AbortController().signal;
  const listed = await listOnce(api, kind, { selection, signal, answerWithinMs: ANSWER_MS });
  if (listed.ok) return listed.objects;
  const { failure } = listed;
  // Without its CRD there can be no object of the kind; optional ones need not be shown to everybody.
  if (failure.kind === "absent" || (kind.optional === true && failure.kind === "refused")) return [];
  throw new FatalError(`${from}: ${reasonOf(failure, kind, api)}`, exitCodes.unreachable);
}

function reasonOf(failure: Failure, kind: WatchedKind, { server }: Api): string {
  if (failure.kind === "unreachable") return `the API server ${server} cannot be reached: ${failure.message}`;
  if (failure.kind === "refused" && failure.status === 401)
    return `the API server ${server} does not accept the credentials (401); log in again, or choose another --context`;
  if (failure.kind === "refused")
    return `${resourceOf(kind)} cannot be read: ${failure.message}; ask for the verb list, or name a namespace that you may read with -n`;
  if (failure.kind === "failed")
    return `the API server ${server} answers ${failure.status} to list ${resourceOf(kind)}: ${failure.message}`;
  return `${resourceOf(kind)} cannot be read`;
}

/** What the gateway's environment would say, if this is its environment. */
function gatewaySettings(env: Environment): Settings {
  const { settings, problems } = readSettings({}, env, podNamespace());
  if (problems.length > 0) throw new FatalError(problems.map(formatSettingProblem).join("\n"), exitCodes.usage);
  return settings;
}

function compileSettings(settings: Settings): CompileSettings {
  return Object.freeze({
    ambassadorId: settings.ambassadorId,
    ownNamespace: settings.namespace,
    bindAddress: settings.envoyBindAddress,
    inCluster: true,
    ownService: ownServiceOf(settings),
    routeMatching: settings.routeMatching,
    looseLabelSelectors: settings.looseLabelSelectors,
    knative: settings.knative,
  });
}
