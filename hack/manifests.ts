/** What is applied to a cluster, from the table of kinds: manifests/install.yaml and manifests/crds.yaml. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { customKinds } from "../capabilities/kinds.ts";
import { admissionRules, gatewayRules, type PolicyRule } from "../capabilities/rules.ts";
import { admissionName, admissionSecretName, installNamespace, webhookConfiguration } from "../capabilities/webhook.ts";
import { crdOf } from "../crds/structural.ts";
import { yamlOptions } from "../crds/documents.ts";

const namespace = installNamespace;
const gateway = "nuncio";
const admission = admissionName;

/** A user that owns nothing on the node; Emissary's. */
const userId = 8888;

const adminPort = 8877;
const tlsDir = "/var/run/nuncio/admission";

const crdsHeader = `# Written by \`npm run generate\`; edit crds/ and capabilities/kinds.ts.
#
# The kinds that Nuncio reads:
#   kubectl apply -f crds.yaml
`;

const installHeader = `# Written by \`npm run generate\`; edit hack/manifests.ts and capabilities/kinds.ts.
#
# The gateway, and the admission webhook that refuses what it could not serve. After crds.yaml:
#   kubectl apply -f install.yaml
#
# The webhook needs a certificate. This makes one that is good for ten years, in the Secret nuncio-admission-tls, and has the API
# server trust it:
#   nuncio admission-certificate | kubectl apply --server-side --field-manager=nuncio-certificate -f -
# With one of your own (for nuncio-admission.nuncio.svc), put its authority into caBundle of the ValidatingWebhookConfiguration.
# Until both are there its Pods wait and nothing is refused: failurePolicy is Ignore, and the gateway judges again whatever is
# stored.
`;

/** Text by path from the repository's root. */
export function manifestFiles(): ReadonlyMap<string, string> {
  return new Map([
    ["manifests/crds.yaml", crdsHeader + documents(customKinds.map((row) => crdOf(row)))],
    ["manifests/install.yaml", installHeader + documents(installed())],
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
    ...access(admission, "admission", admissionRules()),
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
  const rbac = "rbac.authorization.k8s.io";
  const meta = { name, labels: labels(component) };
  return [
    { apiVersion: "v1", kind: "ServiceAccount", metadata: { ...meta, namespace } },
    { apiVersion: `${rbac}/v1`, kind: "ClusterRole", metadata: meta, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: "ClusterRoleBinding",
      metadata: meta,
      roleRef: { apiGroup: rbac, kind: "ClusterRole", name },
      subjects: [{ kind: "ServiceAccount", name, namespace }],
    },
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
      args: [
        "admission",
        "--port=8443",
        `--admin-port=${adminPort}`,
        `--cert=${tlsDir}/tls.crt`,
        `--key=${tlsDir}/tls.key`,
      ],
      ports: [
        { name: "https", containerPort: 8443 },
        { name: "admin", containerPort: adminPort },
      ],
      resources: { requests: { cpu: "50m", memory: "192Mi" }, limits: { memory: "768Mi" } },
    },
    mounts: [{ name: "tls", mountPath: tlsDir, readOnly: true }],
    volumes: [{ name: "tls", secret: { secretName: admissionSecretName } }],
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
