import type { QuarantineRecord } from "../../compile/record.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { kindsToRead } from "../../runtime/cluster-source.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { createApi } from "../../runtime/informers/api.ts";
import type { Selection, WatchedKind } from "../../runtime/informers/kind.ts";
import type { RawObject } from "../../runtime/informers/raw.ts";
import { type KubeAccess, loadKubeConfig } from "../../runtime/kubernetes.ts";
import { formatSettingProblem, ownServiceOf, readSettings, type Settings } from "../../runtime/settings.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { podNamespace } from "../settings.ts";
import { readKept } from "./kept.ts";
import { listOrFail } from "./list.ts";
import { servedOf } from "./served.ts";
import type { Environment, State, StateFlags } from "./state.ts";

/** A cluster's objects as they are stored. */
export interface ClusterObjects {
  readonly kinds: readonly { readonly kind: WatchedKind; readonly objects: readonly RawObject[] }[];
  /** What gateways keep there of objects in quarantine. */
  readonly kept: readonly QuarantineRecord[];
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
    const [kept, ...kinds] = await Promise.all([
      // Where the gateway is: the namespace of the flag is that of the objects.
      readKept(api, settings.ambassadorId, { namespace: ownNamespace(env) }, from),
      ...read.map(async (kind) => ({ kind, objects: await listOrFail(api, kind, selection, from) })),
    ]);
    return { kinds, kept, settings: compileSettings(settings), from };
  } finally {
    api.close();
  }
}

/** The resources of a cluster, as a gateway there would compile them. */
export async function readCluster(flags: StateFlags, env: Environment): Promise<State> {
  const { kinds, kept, settings, from } = await readClusterObjects(flags, env);
  const store = createStore(() => undefined);
  for (const { kind, objects } of kinds) {
    // What is wrong with an object stands with its resource.
    const resources = objects.map((object) => parseResource(object).resource).filter((each) => each !== undefined);
    store.replace(kind.kind as AnyResource["kind"], resources);
  }
  const served = servedOf(
    kept,
    kinds.flatMap(({ objects }) => objects),
  );
  return { resources: store.resources(), settings, problems: [], from, served };
}

/** The gateway's, where that is known: who asks is mostly not where it runs. */
export function ownNamespace(env: Environment): string | undefined {
  return env["AMBASSADOR_NAMESPACE"] ?? podNamespace()?.trim();
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
