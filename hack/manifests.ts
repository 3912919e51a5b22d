/** What is applied to a cluster, from the table of kinds: manifests/install.yaml and manifests/crds.yaml. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { type CustomKind, customKinds } from "../capabilities/kinds.ts";
import {
  admissionRules,
  authorityRules,
  conversionRules,
  gatewayRules,
  knativeRules,
  lastGoodRules,
  type PolicyRule,
  replicaRules,
  trustRules,
} from "../capabilities/rules.ts";
import {
  admissionName,
  authoritySecretName,
  conversionWebhook,
  installNamespace,
  mutatingConfiguration,
  webhookConfiguration,
} from "../capabilities/webhook.ts";
import { crdOf } from "../crds/structural.ts";
import { yamlOptions } from "../crds/documents.ts";
import { versionedKinds } from "../crds/versions/kinds.ts";

const namespace = installNamespace;
const gateway = "nuncio";
const admission = admissionName;

/** A user that owns nothing on the node; Emissary's. */
const userId = 8888;

const adminPort = 8877;
const rbac = "rbac.authorization.k8s.io";

const crdsHeader = `# Written by \`npm run generate\`; edit crds/ and capabilities/kinds.ts.
#
# The kinds that Nuncio reads:
#   kubectl apply -f crds.yaml
`;

const legacyHeader = `# Written by \`npm run generate\`; edit crds/ and capabilities/kinds.ts.
#
# The kinds of crds.yaml with getambassador.io/v2 and v1 beside v3alpha1, for clusters that have such objects or whose people still
# write them. After install.yaml, in place of crds.yaml:
#   kubectl apply --server-side --force-conflicts -f crds-legacy.yaml
#
# nuncio admission converts: it sets caBundle of these CRDs, which it may by the ClusterRole at the end. See docs/migrate.md.
`;

const mutateHeader = `# Written by \`npm run generate\`; edit hack/manifests.ts and crds/versions/modern.ts.
#
# Deprecated spellings (host of a Mapping, selector of a Host, ...) are rewritten before objects are stored. Off unless this is applied,
# and nuncio admission runs with --mutate (NUNCIO_ADMISSION_MUTATE=true). Tools that compare what they applied with what is stored
# (GitOps) show a difference until nuncio migrate has rewritten the manifests too.
`;

const installHeader = `# Written by \`npm run generate\`; edit hack/manifests.ts and capabilities/kinds.ts.
#
# The gateway, and the admission webhook that refuses what it could not serve. After crds.yaml:
#   kubectl apply -f install.yaml
#
# The webhook makes its certificates itself: their authority is in the Secret nuncio-admission-ca, and the Pods set caBundle of the
# ValidatingWebhookConfiguration and renew all of it in time. Nothing is refused while they are away: failurePolicy is Ignore, and
# the gateway judges again whatever is stored. For certificates of your own see docs/environment.md.
`;

const knativeHeader = `# Written by \`npm run generate\`; edit hack/manifests.ts and capabilities/rules.ts.
#
# The right to serve Knative's Ingresses, for a gateway with AMBASSADOR_KNATIVE_SUPPORT=true. After install.yaml:
#   kubectl apply -f knative.yaml
`;

/** Text by path from the repository's root. */
export function manifestFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["manifests/crds.yaml", crdsHeader + documents(customKinds.map((row) => crdOf(row)))],
    ["manifests/crds-legacy.yaml", legacyHeader + documents([...customKinds.map(legacyCrd), ...conversionAccess()])],
    ["manifests/install.yaml", installHeader + documents(installed())],
    [
      "manifests/knative.yaml",
      knativeHeader + documents(clusterAccess("nuncio-knative", gateway, "gateway", knativeRules())),
    ],
    ["manifests/mutate.yaml", mutateHeader + documents(mutation())],
  ]);
}

function documents(objects: readonly unknown[]): string {
  const options = { ...yamlOptions, lineWidth: 0, aliasDuplicateObjects: false } as const;
  return objects.map((object) => `---\n${stringify(object, options)}`).join("");
}

function installed(): readonly unknown[] {
  return [
    namespaceObject(),
    ...access(gateway, "gateway", gatewayRules()),
    ...ownAccess(gateway, "gateway", [...replicaRules(), ...lastGoodRules()]),
    ...access(admission, "admission", [
      ...admissionRules(),
      ...trustRules("validatingwebhookconfigurations", admissionName),
    ]),
    ...authorityAccess(),
    gatewayDeployment(),
    gatewayService(),
    admissionDeployment(),
    admissionService(),
    webhookConfiguration(labels("admission")),
  ];
}

type Component = "gateway" | "admission";

function labels(component: Component): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": "nuncio", "app.kubernetes.io/component": component };
}

function namespaceObject(): unknown {
  const policy = { "pod-security.kubernetes.io/enforce": "restricted" };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace, labels: policy } };
}

/** An account of its own, which may read what it watches and nothing else. */
function access(name: string, component: Component, rules: readonly PolicyRule[]): readonly unknown[] {
  const meta = { name, labels: labels(component) };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...meta, namespace } },
    ...clusterAccess(name, name, component, rules),
  ];
}

function clusterAccess(
  name: string,
  account: string,
  component: Component,
  rules: readonly PolicyRule[],
): readonly unknown[] {
  const meta = { name, labels: labels(component) };
  return [
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: meta, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: meta,
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name: account, namespace }],
    },
  ];
}

/** The Secret with the authority of its certificates, in its own namespace. */
function authorityAccess(): readonly unknown[] {
  return ownAccess(admission, "admission", authorityRules(authoritySecretName));
}

/** Rights in its own namespace. */
function ownAccess(name: string, component: Component, rules: readonly PolicyRule[]): readonly unknown[] {
  const meta = { name, namespace, labels: labels(component) };
  return [
    { apiVersion: `${rbac}/v1`, kind: "Role", metadata: meta, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "RoleBinding",
      metadata: meta,
      roleRef: { apiGroup: rbac, kind: "Role", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
  ];
}

function legacyCrd(row: CustomKind): unknown {
  const versions = [...(versionedKinds.get(row.kind)?.older ?? [])].reverse();
  return crdOf(row, { versions, conversion: conversionWebhook() });
}

function conversionAccess(): readonly unknown[] {
  return clusterAccess("nuncio-conversion", admission, "admission", conversionRules());
}

function mutation(): readonly unknown[] {
  const rules = trustRules("mutatingwebhookconfigurations", admissionName);
  return [
    ...clusterAccess("nuncio-mutation", admission, "admission", rules),
    mutatingConfiguration(labels("admission")),
  ];
}

interface Workload {
  readonly name: string;
  readonly component: Component;
  readonly container: Readonly<Record<string, unknown>>;
  readonly mounts?: readonly unknown[];
  readonly volumes?: readonly unknown[];
  readonly terminationGracePeriodSeconds: number;
}

function deployment(workload: Workload): unknown {
  const { name, component, container, mounts = [], volumes = [], terminationGracePeriodSeconds } = workload;
  const selector = { matchLabels: labels(component) };
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name, namespace, labels: labels(component) },
    spec: {
      replicas: 2,
      selector,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      template: {
        metadata: { labels: labels(component) },
        spec: {
          serviceAccountName: name,
          terminationGracePeriodSeconds,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: userId,
            runAsGroup: userId,
            seccompProfile: { type: "RuntimeDefault" },
          },
          topologySpreadConstraints: [
            {
              maxSkew: 1,
              topologyKey: "kubernetes.io/hostname",
              whenUnsatisfiable: "ScheduleAnyway",
              labelSelector: selector,
            },
          ],
          containers: [
            {
              name: component,
              image: `nuncio:${version()}`,
              ...container,
              livenessProbe: { httpGet: { path: "/healthz", port: "admin" }, periodSeconds: 10 },
              readinessProbe: { httpGet: { path: "/readyz", port: "admin" }, periodSeconds: 2 },
              securityContext: {
                allowPrivilegeEscalation: false,
                readOnlyRootFilesystem: true,
                capabilities: { drop: ["ALL"] },
              },
              volumeMounts: [{ name: "tmp", mountPath: "/tmp" }, ...mounts],
            },
          ],
          volumes: [{ name: "tmp", emptyDir: {} }, ...volumes],
        },
      },
    },
  };
}

function gatewayDeployment(): unknown {
  const drainSeconds = 110;
  return deployment({
    name: gateway,
    component: "gateway",
    // The drain, the 5 s before it, and a little time to end.
    terminationGracePeriodSeconds: drainSeconds + 10,
    container: {
      args: ["run", `--admin-port=${adminPort}`],
      env: [
        { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
        // Its Lease goes with the Pod.
        { name: "POD_UID", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
        { name: "NUNCIO_SERVICE", value: gateway },
        { name: "AMBASSADOR_DRAIN_TIME", value: String(drainSeconds) },
      ],
      // Of Listeners with these ports, as Emissary's manifests have them; the Service leads to no others.
      ports: [
        { name: "http", containerPort: 8080 },
        { name: "https", containerPort: 8443 },
        { name: "admin", containerPort: adminPort },
      ],
      resources: { requests: { cpu: "200m", memory: "256Mi" }, limits: { memory: "1Gi" } },
    },
  });
}

function gatewayService(): unknown {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: gateway, namespace, labels: labels("gateway") },
    spec: {
      type: "LoadBalancer",
      selector: labels("gateway"),
      ports: [
        { name: "http", port: 80, targetPort: "http" },
        { name: "https", port: 443, targetPort: "https" },
      ],
    },
  };
}

function admissionDeployment(): unknown {
  return deployment({
    name: admission,
    component: "admission",
    terminationGracePeriodSeconds: 30,
    container: {
      args: ["admission", "--port=8443", `--admin-port=${adminPort}`, "--certificates=own", "--convert"],
      ports: [
        { name: "https", containerPort: 8443 },
        { name: "admin", containerPort: adminPort },
      ],
      resources: { requests: { cpu: "50m", memory: "192Mi" }, limits: { memory: "768Mi" } },
    },
  });
}

function admissionService(): unknown {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: admission, namespace, labels: labels("admission") },
    spec: { selector: labels("admission"), ports: [{ name: "https", port: 443, targetPort: "https" }] },
  };
}

function version(): string {
  const text = readFileSync(join(import.meta.dirname, "../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
