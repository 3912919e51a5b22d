/** The webhook: its Pods and Service, what the API server asks it, and certificates of cert-manager. */
import { mutatingConfiguration, webhookConfiguration } from "../../capabilities/webhook.ts";
import { labels, metadata } from "./labels.ts";
import { type Names, selector } from "./names.ts";
import { all, block, computed, integer, not, on, text, when } from "./parts.ts";
import { adminPort, podTemplate, probe, rolling, spread, unhealthyPodEvictionPolicy, variables } from "./pods.ts";
import { hasAdmission, ownCertificates } from "./rbac.ts";

const port = 8443;
const certificatePath = "/etc/nuncio/certificate";

export function admissionDeployment(names: Names): unknown {
  return when(hasAdmission, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: metadata(names, "admission", names.admission),
    spec: {
      replicas: integer("admission.replicaCount"),
      selector: { matchLabels: selector(names, "admission") },
      strategy: rolling,
      template: podTemplate(names, "admission", {
        account: names.admissionAccount,
        terminationGracePeriodSeconds: 30,
        container: container(names),
        volumes: [
          when(not(ownCertificates), { name: "certificate", secret: { secretName: `${names.admission}-tls` } }),
        ],
        volumeMounts: [when(not(ownCertificates), { name: "certificate", mountPath: certificatePath, readOnly: true })],
        more: { topologySpreadConstraints: spread(names, "admission") },
      }),
    },
  });
}

function container(names: Names): Readonly<Record<string, unknown>> {
  return {
    args: [
      "admission",
      `--port=${port}`,
      computed(
        'printf "--admin-port=%d" (int .Values.adminService.port)',
        ({ adminService }) => `--admin-port=${adminService.port}`,
      ),
      when(
        ownCertificates,
        ["--certificates=own", `--name=${names.admission}`, "--convert"],
        [`--cert=${certificatePath}/tls.crt`, `--key=${certificatePath}/tls.key`],
      ),
      when(on("admission.mutate"), "--mutate"),
    ],
    // What the gateway sees, it sees too.
    env: [variables("env", "admission.env"), block("admission.envRaw")],
    ports: [
      { name: "https", containerPort: port },
      { name: "admin", containerPort: adminPort },
    ],
    resources: block("admission.resources"),
    startupProbe: probe("/healthz", { periodSeconds: 1, failureThreshold: 60 }),
    livenessProbe: probe("/healthz", { periodSeconds: 10 }),
    readinessProbe: probe("/readyz", { periodSeconds: 2 }),
  };
}

export function admissionService(names: Names): unknown {
  return when(hasAdmission, {
    apiVersion: "v1",
    kind: "Service",
    metadata: metadata(names, "admission", names.admission),
    spec: { selector: selector(names, "admission"), ports: [{ name: "https", port: 443, targetPort: "https" }] },
  });
}

export function admissionBudget(names: Names): unknown {
  return when(hasAdmission, {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: metadata(names, "admission", names.admission),
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy, selector: { matchLabels: selector(names, "admission") } },
  });
}

export function webhooks(names: Names): readonly unknown[] {
  const { admission: name, namespace } = names;
  const asked = { place: { name, namespace }, namespaceSelector: block("admission.namespaceSelector") };
  const meta = {
    labels: labels(names, "admission"),
    annotations: when(not(ownCertificates), { [injected]: `${namespace}/${name}` }),
  };
  return [
    when(hasAdmission, webhookConfiguration(meta, { ...asked, failurePolicy: text("admission.failurePolicy") })),
    when(all(hasAdmission, on("admission.mutate")), mutatingConfiguration(meta, asked)),
  ];
}

const injected = "cert-manager.io/inject-ca-from";

/**
 * cert-manager's objects: a certificate for the Service, and somebody to sign it, who is an authority that signs itself. A certificate
 * that signs itself would be another caBundle at each renewal, at once, while Pods serve the old one until kubelet brings the new.
 */
export function certificates(names: Names): readonly unknown[] {
  const isMade = all(hasAdmission, not(ownCertificates));
  const isAuthorityMade = all(isMade, not(on("admission.issuerRef")));
  const { admission: name, namespace } = names;
  const authority = `${name}-authority`;
  const of = (kind: string, named: string) => ({
    apiVersion: "cert-manager.io/v1",
    kind,
    metadata: metadata(names, "admission", named),
  });
  const service = `${name}.${namespace}`;
  const key = { algorithm: "ECDSA", size: 256 };
  return [
    when(isAuthorityMade, { ...of("Issuer", authority), spec: { selfSigned: {} } }),
    when(isAuthorityMade, {
      ...of("Certificate", authority),
      spec: {
        secretName: authority,
        isCA: true,
        commonName: "Nuncio admission",
        duration: "8760h",
        // What it has signed stays trusted over its renewals.
        privateKey: { ...key, rotationPolicy: "Never" },
        issuerRef: { kind: "Issuer", name: authority },
      },
    }),
    when(isAuthorityMade, { ...of("Issuer", name), spec: { ca: { secretName: authority } } }),
    when(isMade, {
      ...of("Certificate", name),
      spec: {
        secretName: `${name}-tls`,
        dnsNames: [`${service}.svc`, `${service}.svc.cluster.local`, service],
        privateKey: { ...key, rotationPolicy: "Always" },
        issuerRef: when(on("admission.issuerRef"), block("admission.issuerRef"), { kind: "Issuer", name }),
      },
    }),
  ];
}
