/** What the Pods of gateway and admission have in common. */
import { version } from "./labels.ts";
import { type Component, type Names, selector } from "./names.ts";
import { at, block, computed, included, integer, on, type Part, text, when } from "./parts.ts";
import type { Values } from "./values.ts";

export const adminPort = integer("adminService.port");

/** Values of the admission process stand under `admission`. */
const prefixes = { gateway: "", admission: "admission." } as const;

export interface PodParts {
  readonly account: string;
  readonly terminationGracePeriodSeconds: unknown;
  readonly initContainers?: Part;
  readonly container: Readonly<Record<string, unknown>>;
  readonly sidecars?: Part;
  /** Beside what every Pod has: a directory to write to, and its account's token. */
  readonly volumes: readonly unknown[];
  readonly volumeMounts: readonly unknown[];
  readonly more?: Readonly<Record<string, unknown>>;
}

export function podTemplate(names: Names, component: Component, parts: PodParts): unknown {
  const prefix = prefixes[component];
  const { account, terminationGracePeriodSeconds, initContainers, container, sidecars, more } = parts;
  return {
    metadata: {
      labels: { ...selector(names, component), "...podLabels": block(`${prefix}podLabels`) },
      annotations: block(`${prefix}podAnnotations`),
    },
    spec: {
      serviceAccountName: account,
      // Of its containers only ours is to have the token.
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds,
      imagePullSecrets: block("imagePullSecrets"),
      securityContext: block("security.podSecurityContext"),
      priorityClassName: when(on(`${prefix}priorityClassName`), text(`${prefix}priorityClassName`)),
      nodeSelector: block(`${prefix}nodeSelector`),
      affinity: block(`${prefix}affinity`),
      tolerations: block(`${prefix}tolerations`),
      ...more,
      ...(initContainers === undefined ? {} : { initContainers }),
      containers: [
        {
          name: component,
          image: computed('include "nuncio.image" .', imageOf),
          imagePullPolicy: text("image.pullPolicy"),
          ...container,
          volumeMounts: [{ name: "tmp", mountPath: "/tmp" }, tokenMount, ...parts.volumeMounts],
          securityContext: block("security.containerSecurityContext"),
        },
        ...(sidecars === undefined ? [] : [sidecars]),
      ],
      volumes: [{ name: "tmp", emptyDir: {} }, tokenVolume, ...parts.volumes],
    },
  };
}

/** What Kubernetes would mount into every container, 3607 seconds included, by which it knows tokens that may outlive them a while. */
const tokenVolume = {
  name: "kube-api-access",
  projected: {
    sources: [
      { serviceAccountToken: { path: "token", expirationSeconds: 3607 } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
    ],
  },
} as const;

const tokenMount = {
  name: tokenVolume.name,
  mountPath: "/var/run/secrets/kubernetes.io/serviceaccount",
  readOnly: true,
} as const;

function imageOf({ image: { repository, tag, digest } }: Values): string {
  return digest === "" ? `${repository}:${tag === "" ? version : tag}` : `${repository}@${digest}`;
}

/** Over zones first, then over nodes; never so that a Pod has no place. */
export function spread(names: Names, component: Component): readonly unknown[] {
  return ["topology.kubernetes.io/zone", "kubernetes.io/hostname"].map((topologyKey) => ({
    maxSkew: 1,
    topologyKey,
    whenUnsatisfiable: "ScheduleAnyway",
    labelSelector: { matchLabels: selector(names, component) },
    // The Pods of the roll-out alone: those that are about to go would lead the new ones astray.
    matchLabelKeys: ["pod-template-hash"],
  }));
}

/** One at a time, and each only when its successor is ready. */
export const rolling = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } } as const;

/** A Pod that is not ready serves nobody: it must not hold up the drain of its node. */
export const unhealthyPodEvictionPolicy = "AlwaysAllow";

export function probe(path: string, timing: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return { httpGet: { path, port: "admin" }, ...timing };
}

/** Of a name that two maps have, the later one counts. In the order in which Go's templates go through a map. */
export function variables(...paths: readonly ("env" | "admission.env")[]): Part {
  const maps = paths.map((path) => `.Values.${path}`).join(" ");
  return included(`include "nuncio.env" (list ${maps})`, (values) =>
    Object.entries(Object.assign({}, ...paths.map((path) => at(values, path))) as object)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => ({ name, value: String(each) })),
  );
}

export const autoscaled = on("autoscaling.enabled");
/** The number is the autoscaler's then: it is written only where a release had one before, which it may not lose. */
export const replicas = when(
  autoscaled,
  included('include "nuncio.liveReplicas" .', () => undefined),
  integer("replicaCount"),
);
