/** The gateway: its Pods, how many, and what may be done to them. */
import { labels, metadata } from "./labels.ts";
import { type Names, selector } from "./names.ts";
import { block, type Condition, computed, included, integer, not, on, text, when } from "./parts.ts";
import {
  autoscaled,
  podTemplate,
  probe,
  replicas,
  rolling,
  spread,
  unhealthyPodEvictionPolicy,
  variables,
} from "./pods.ts";
import { singleNamespace } from "./rbac.ts";
import type { ServicePort, Values } from "./values.ts";

export function gatewayDeployment(names: Names): unknown {
  const matchLabels = selector(names, "gateway");
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: {
      ...metadata(names, "gateway", names.gateway),
      labels: { ...labels(names, "gateway"), "...deploymentLabels": block("deploymentLabels") },
      annotations: block("deploymentAnnotations"),
    },
    spec: {
      replicas,
      progressDeadlineSeconds: integer("progressDeadlines.ambassador"),
      selector: { matchLabels },
      strategy: when(on("deploymentStrategy"), block("deploymentStrategy"), when(onNodes, inPlace, rolling)),
      template: podTemplate(names, "gateway", {
        account: names.gatewayAccount,
        terminationGracePeriodSeconds: computed('include "nuncio.gracePeriod" .', gracePeriod),
        initContainers: block("initContainers"),
        container: container(names),
        sidecars: block("sidecarContainers"),
        volumes: [block("volumes")],
        volumeMounts: [block("volumeMounts")],
        more: {
          topologySpreadConstraints: when(
            on("topologySpreadConstraints"),
            block("topologySpreadConstraints"),
            spread(names, "gateway"),
          ),
          dnsPolicy: when(
            on("dnsPolicy"),
            text("dnsPolicy"),
            when(on("hostNetwork"), "ClusterFirstWithHostNet", "ClusterFirst"),
          ),
          hostNetwork: when(on("hostNetwork"), true),
        },
      }),
    },
  };
}

/** Gateways take ports of their nodes. */
const onNodes: Condition = {
  chart: '(include "nuncio.onNodes" .)',
  holds: ({ hostNetwork, service }) => hostNetwork || service.ports.some(({ hostPort }) => hostPort !== undefined),
};

/** Where a node has a gateway, no second one has a place: an old one goes before a new one comes. */
const inPlace = { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } as const;

/** The delay before the drain, the longest drain, and a little time to end. */
function gracePeriod(values: Values): number {
  const { terminationGracePeriodSeconds: given, drainDelaySeconds, env } = values;
  return given ?? drainDelaySeconds + Number(env["AMBASSADOR_DRAIN_TIME"] ?? 600) + 15;
}

function container(names: Names): Readonly<Record<string, unknown>> {
  return {
    args: [
      "run",
      computed(
        'printf "--admin-port=%d" (int .Values.adminService.port)',
        ({ adminService }) => `--admin-port=${adminService.port}`,
      ),
      computed(
        'printf "--drain-delay=%d" (int .Values.drainDelaySeconds)',
        ({ drainDelaySeconds }) => `--drain-delay=${drainDelaySeconds}`,
      ),
    ],
    env: [
      { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
      // Its Lease goes with the Pod.
      { name: "POD_UID", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
      { name: "NUNCIO_SERVICE", value: names.service },
      when(singleNamespace, { name: "AMBASSADOR_SINGLE_NAMESPACE", value: "true" }),
      when(on("knative.enabled"), { name: "AMBASSADOR_KNATIVE_SUPPORT", value: "true" }),
      variables("env"),
      block("envRaw"),
    ],
    ports: included('include "nuncio.containerPorts" .', containerPorts),
    resources: block("resources"),
    startupProbe: probe("/healthz", { "...": block("startupProbe") }),
    livenessProbe: probe("/healthz", { "...": block("livenessProbe") }),
    readinessProbe: probe("/readyz", { "...": block("readinessProbe") }),
    lifecycle: block("lifecycle"),
  };
}

/** Each port and protocol once, the admin port too: server-side apply takes no two of one key. */
function containerPorts({ service, adminService }: Values): readonly object[] {
  const ports = new Map<string, object>();
  const admin: ServicePort = { name: "admin", port: adminService.port, targetPort: adminService.port };
  for (const { name, targetPort, protocol, hostPort } of [admin, ...service.ports]) {
    const key = `${targetPort}/${protocol ?? "TCP"}`;
    ports.set(key, {
      ...(ports.get(key) ?? { name, containerPort: targetPort }),
      ...(protocol === undefined ? {} : { protocol }),
      ...(hostPort === undefined ? {} : { hostPort }),
    });
  }
  return [...ports.values()];
}

/** Only a cluster knows: see `replicas`. */
const hasNumber: Condition = { chart: '(include "nuncio.liveReplicas" .)', holds: () => false };

export function gatewayScaler(names: Names): unknown {
  return when(autoscaled, {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: {
      ...metadata(names, "gateway", names.gateway),
      annotations: when(hasNumber, { "nuncio.dev/replicas-written": "true" }),
    },
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: names.gateway },
      minReplicas: integer("autoscaling.minReplicas"),
      maxReplicas: integer("autoscaling.maxReplicas"),
      metrics: block("autoscaling.metrics"),
      behavior: block("autoscaling.behavior"),
    },
  });
}

/** With one replica too: a node can always be drained. */
export function gatewayBudget(names: Names): unknown {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(names, "gateway", names.gateway),
    spec: {
      "...budget": when(on("podDisruptionBudget"), { "...given": block("podDisruptionBudget") }, { maxUnavailable: 1 }),
      unhealthyPodEvictionPolicy: when(
        not(on("podDisruptionBudget.unhealthyPodEvictionPolicy")),
        unhealthyPodEvictionPolicy,
      ),
      selector: { matchLabels: selector(names, "gateway") },
    },
  };
}
