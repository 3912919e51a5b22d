/**
 * The values of the Helm chart, with their defaults, by which manifests/install.yaml is made too. values.yaml, values.schema.json and
 * the table in the chart's README come from here. Names are those of Emissary's chart where the meaning is the same.
 */
import { z } from "zod";

const described = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description }) as T;

const text = (description: string, fallback = "") => described(z.string().default(fallback), description);
const bool = (description: string, fallback = false) => described(z.boolean().default(fallback), description);
const count = (description: string, fallback: number) => described(z.int().min(0).default(fallback), description);
const port = (description: string, fallback: number) =>
  described(z.int().min(1).max(65_535).default(fallback), description);
const oneOf = <const T extends readonly [string, ...string[]]>(description: string, words: T) =>
  described(z.enum(words).default(words[0] as never), description);
/** What Kubernetes judges: its fields are those of the API. */
const map = (description: string, fallback: Readonly<Record<string, unknown>> = {}) =>
  described(z.record(z.string(), z.unknown()).default(fallback), description);
const list = (description: string, fallback: Readonly<Record<string, unknown>>[] = []) =>
  described(z.array(z.record(z.string(), z.unknown())).default(fallback), description);
const texts = (description: string) => described(z.array(z.string()).default([]), description);
const labels = (description: string) => described(z.record(z.string(), z.string()).default({}), description);
const unset = <T extends z.ZodType>(schema: T, description: string) =>
  described(schema.nullable().optional(), description);
const group = <T extends z.ZodRawShape>(description: string, fields: T) =>
  described(z.strictObject(fields).prefault({} as never), description);

const servicePort = z.strictObject({
  name: z.string(),
  port: z.int().min(1).max(65_535),
  targetPort: z.int().min(1).max(65_535),
  protocol: z.enum(["TCP", "UDP"]).optional(),
  nodePort: z.int().optional(),
  hostPort: z.int().optional(),
});
export type ServicePort = z.output<typeof servicePort>;

const variable = z.union([z.string(), z.number(), z.boolean()]);
const environment = (description: string, fallback: Readonly<Record<string, string | number | boolean>> = {}) =>
  described(z.record(z.string(), variable).default(fallback), description);

const listenerSpec = (port: number, protocol: "HTTP" | "HTTPS") =>
  group(`Listener for ${protocol}.`, {
    create: bool("Make it."),
    spec: map("Its spec.", { port, protocol, securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } }),
  });

const naming = {
  nameOverride: text("Stands for the chart's name, in names and labels."),
  fullnameOverride: text(
    "Name of the gateway's objects. Unset: the release's, with the chart's where that does not hold it.",
  ),
  namespaceOverride: text("Namespace of all objects. Unset: the release's."),
};

const image = {
  image: group("The image, of gateway and admission alike.", {
    repository: text("Where it is.", "nuncio"),
    tag: text("Unset: the chart's appVersion."),
    digest: text("`sha256:...`; wins over the tag."),
    pullPolicy: oneOf("When it is pulled.", ["IfNotPresent", "Always", "Never"]),
  }),
  imagePullSecrets: list("Secrets to pull it with: `- name: ...`"),
};

const gatewayPods = {
  replicaCount: count("Gateways. Each serves alone; two survive the loss of one.", 2),
  deploymentStrategy: map(
    "How Pods are replaced. Unset: one more first, and none missing; with hostNetwork or a hostPort none more, and one missing.",
  ),
  progressDeadlines: group("Seconds until a roll-out counts as failed.", { ambassador: count("The gateway's.", 600) }),
  autoscaling: group("A HorizontalPodAutoscaler in place of replicaCount. It needs metrics-server.", {
    enabled: bool("Make it."),
    minReplicas: count("At least.", 2),
    maxReplicas: count("At most.", 5),
    metrics: list("What it looks at. 300 % of the CPU that is requested are 0.6 of a core.", [
      { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 300 } } },
    ]),
    behavior: map("How fast it scales."),
  }),
  podDisruptionBudget: map("What node drains leave running. Unset: `maxUnavailable: 1`."),
  drainDelaySeconds: count(
    "How long a gateway that is to end goes on as before, saying that it is not ready: until endpoints and load balancers have moved on.",
    10,
  ),
  terminationGracePeriodSeconds: unset(
    z.int().min(1),
    "When the kubelet kills what is left. Unset: drainDelaySeconds, env.AMBASSADOR_DRAIN_TIME and 15 seconds together.",
  ),
  env: environment(
    "Environment variables of the gateway: see docs/environment.md. Numbers and booleans are written as text.",
    {
      AMBASSADOR_DRAIN_TIME: 110,
    },
  ),
  envRaw: list(
    "The same as Kubernetes has them, with `valueFrom`. AMBASSADOR_ID and selectors belong in `env`, which the admission process and the IngressClass go by too.",
  ),
  resources: map("Of a gateway: with 10,000 Mappings it takes 0.7 GB. See docs/performance.md.", {
    requests: { cpu: "200m", memory: "384Mi" },
    limits: { memory: "1Gi" },
  }),
  livenessProbe: map("`/healthz` of the supervisor, which outlives the control plane.", {
    periodSeconds: 10,
    failureThreshold: 3,
  }),
  readinessProbe: map("`/readyz`: Envoy has acknowledged a first configuration.", {
    periodSeconds: 2,
    failureThreshold: 3,
  }),
  startupProbe: map("`/healthz`, before the others begin.", { periodSeconds: 1, failureThreshold: 60 }),
  lifecycle: map("Hooks of the container. None is needed to drain: SIGTERM does."),
  initContainers: list("Containers that run before."),
  sidecarContainers: list("Containers beside the gateway."),
  volumes: list("More volumes."),
  volumeMounts: list("Where the gateway has them."),
  podLabels: labels("More labels of the Pods."),
  podAnnotations: labels("Annotations of the Pods."),
  deploymentLabels: labels("More labels of the Deployment."),
  deploymentAnnotations: labels("Annotations of the Deployment."),
  priorityClassName: text("Which Pods go first when nodes are full."),
  nodeSelector: labels("Nodes that Pods may run on."),
  tolerations: list("Taints of nodes that Pods bear."),
  affinity: map("Where Pods are drawn to."),
  topologySpreadConstraints: list("How Pods are spread. Unset: over zones and nodes, where that can be had."),
  dnsPolicy: text("Unset: `ClusterFirst`, and `ClusterFirstWithHostNet` with hostNetwork."),
  hostNetwork: bool("The node's network: Listeners open its ports, and the admin port is open on its addresses."),
};

const security = {
  security: group("Security contexts.", {
    podSecurityContext: map("Of Pods.", {
      runAsNonRoot: true,
      runAsUser: 8888,
      runAsGroup: 8888,
      seccompProfile: { type: "RuntimeDefault" },
    }),
    containerSecurityContext: map("Of containers.", {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    }),
  }),
  rbac: group("Rights.", {
    create: bool("Make Roles and their bindings.", true),
    lastGoodSecrets: bool(
      "The right to make, change and delete Secrets in the gateway's namespace, any of them: names cannot limit it. Without it, last good versions of objects in quarantine do not outlive a restart. See docs/quarantine.md.",
      true,
    ),
    nameOverride: text(
      "Name of the ClusterRoles. Unset: the gateway's. Releases of one name need a fullnameOverride and an ingressClassResource.name each instead: webhook configurations and IngressClasses belong to no namespace either.",
    ),
  }),
  serviceAccount: group("The gateway's account.", {
    create: bool("Make it.", true),
    name: text("Unset: the gateway's name; `default` where none is made."),
    annotations: labels("Such as those by which clouds know it."),
  }),
  scope: group("What is watched.", {
    singleNamespace: bool(
      "Only the release's namespace, by Roles in it: no right anywhere else. Then there is neither a webhook nor an IngressClass, which belong to no namespace.",
    ),
  }),
  networkPolicy: group("Who may connect to Pods. Networks without support ignore it.", {
    enabled: bool("Make NetworkPolicies: every port of a gateway but its admin port is open.", true),
    adminFrom: list("Who reads metrics, on the admin port. The kubelet always may.", [
      { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } } },
    ]),
    webhookFrom: list("Who asks the webhook: the addresses of the API server, where you know them. Unset: anybody."),
  }),
};

const network = {
  service: group("The Service in front of the gateway.", {
    type: oneOf("Its type.", ["LoadBalancer", "NodePort", "ClusterIP"]),
    ports: described(
      z.array(servicePort).default([
        { name: "http", port: 80, targetPort: 8080 },
        { name: "https", port: 443, targetPort: 8443 },
      ]),
      "Its ports; targetPort is that of a Listener.",
    ),
    externalTrafficPolicy: unset(
      z.enum(["Cluster", "Local"]),
      "`Local` keeps client addresses and skips a hop; only nodes with a gateway take requests then. Unset: `Cluster`.",
    ),
    sessionAffinity: unset(z.enum(["None", "ClientIP"]), "Whether a client stays with a gateway."),
    sessionAffinityConfig: map("How long."),
    externalIPs: texts("Addresses that lead to it."),
    loadBalancerClass: text("Which load balancer."),
    loadBalancerSourceRanges: texts("Who may reach the load balancer."),
    annotations: labels("What clouds read."),
    nameOverride: text("Its name. Unset: the gateway's."),
  }),
  adminService: group("A Service for the admin port: metrics and diagnostics.", {
    create: bool("Make it.", true),
    type: oneOf("Its type.", ["ClusterIP", "NodePort", "LoadBalancer"]),
    port: port("The admin port.", 8877),
    nodePort: unset(z.int(), "With the type NodePort."),
    annotations: labels("Its annotations."),
    loadBalancerSourceRanges: texts("Who may reach it, with the type LoadBalancer."),
  }),
  metrics: group("Prometheus Operator's objects. Choose one of the two.", {
    serviceMonitor: group("Of the gateway, by the admin Service.", {
      enabled: bool("Make it."),
      interval: text("How often."),
      scrapeTimeout: text("How long."),
      selector: labels("Labels by which Prometheus finds it."),
    }),
    podMonitor: group("Of gateway and admission.", {
      enabled: bool("Make it."),
      interval: text("How often."),
      scrapeTimeout: text("How long."),
      selector: labels("Labels by which Prometheus finds it."),
    }),
  }),
  ingressClassResource: group("The IngressClass of Ingresses that are served.", {
    enabled: bool("Make it.", true),
    name: text("Its name.", "nuncio"),
    default: bool("Ingresses without a class are served."),
  }),
  knative: group("Knative's Ingresses.", { enabled: bool("Serve them, with the rights to do so.") }),
};

const objects = {
  createDefaultListeners: bool("Listeners for HTTP on port 8080 and HTTPS on 8443."),
  listeners: group("Listeners, one by one.", {
    http: listenerSpec(8080, "HTTP"),
    https: listenerSpec(8443, "HTTPS"),
  }),
  module: map("`spec.config` of the Module `ambassador`. Unset: none is made."),
  resolvers: group("Resolvers.", {
    endpoint: group("KubernetesEndpointResolver.", { create: bool("Make it."), name: text("Its name.", "endpoint") }),
    consul: group("ConsulResolver.", {
      create: bool("Make it."),
      name: text("Its name.", "consul-dc1"),
      spec: map("Its spec."),
    }),
  }),
};

const admission = {
  admission: group("The webhook that refuses what the gateway could not serve.", {
    enabled: bool("Run it.", true),
    replicaCount: count("Processes.", 2),
    failurePolicy: oneOf(
      "What the API server does when none answers: `Fail` refuses changes, also of Ingresses of other controllers.",
      ["Ignore", "Fail"],
    ),
    namespaceSelector: map("Namespaces that it is asked about. Unset: all."),
    mutate: bool("Rewrite deprecated spellings before objects are stored. GitOps tools show a difference then."),
    conversion: bool("The right to serve v1 and v2 for the CRDs of manifests/crds-legacy.yaml. See docs/migrate.md."),
    certificates: oneOf(
      "`own`: made and renewed by the processes. `cert-manager`: by cert-manager, which has to be there.",
      ["own", "cert-manager"],
    ),
    issuerRef: map("The Issuer, with cert-manager. Unset: an authority of its own is made."),
    env: environment("Environment variables, over those of the gateway's `env`."),
    envRaw: list("The same as Kubernetes has them, with `valueFrom`."),
    resources: map("Of a process.", {
      requests: { cpu: "50m", memory: "192Mi" },
      limits: { memory: "768Mi" },
    }),
    serviceAccount: group("Its account.", {
      create: bool("Make it.", true),
      name: text("Unset: the name of the Deployment; `default` where none is made."),
      annotations: labels("Its annotations."),
    }),
    podLabels: labels("More labels of the Pods."),
    podAnnotations: labels("Annotations of the Pods."),
    priorityClassName: text("Which Pods go first when nodes are full."),
    nodeSelector: labels("Nodes that Pods may run on."),
    tolerations: list("Taints of nodes that Pods bear."),
    affinity: map("Where Pods are drawn to."),
  }),
};

export const valuesSchema = z.strictObject({
  ...naming,
  ...image,
  ...gatewayPods,
  ...network,
  ...admission,
  ...security,
  ...objects,
});

export type Values = z.output<typeof valuesSchema>;

export const defaults: Values = valuesSchema.parse({});
