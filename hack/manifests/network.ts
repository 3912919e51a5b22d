/** How Pods are reached: Services, the IngressClass, who may connect, and how Prometheus finds them. */
import { controller, idAnnotation } from "../../sources/ingress/classes.ts";
import { labels, metadata } from "./labels.ts";
import { type Component, type Names, selector } from "./names.ts";
import { all, any, block, computed, included, integer, not, on, type Path, text, when } from "./parts.ts";
import { adminPort } from "./pods.ts";
import { hasAdmission, singleNamespace } from "./rbac.ts";

export function gatewayService(names: Names): unknown {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { ...metadata(names, "gateway", names.service), annotations: block("service.annotations") },
    spec: {
      type: text("service.type"),
      selector: selector(names, "gateway"),
      ports: included('include "nuncio.servicePorts" .', ({ service }) =>
        service.ports.map(({ hostPort: _, ...rest }) => rest),
      ),
      externalTrafficPolicy: whenSet("service.externalTrafficPolicy"),
      sessionAffinity: whenSet("service.sessionAffinity"),
      sessionAffinityConfig: block("service.sessionAffinityConfig"),
      externalIPs: block("service.externalIPs"),
      loadBalancerClass: whenSet("service.loadBalancerClass"),
      loadBalancerSourceRanges: block("service.loadBalancerSourceRanges"),
    },
  };
}

function whenSet(path: Path): unknown {
  return when(on(path), text(path));
}

export function adminService(names: Names): unknown {
  return when(on("adminService.create"), {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      ...metadata(names, "gateway", `${names.gateway}-admin`),
      labels: { ...labels(names, "gateway"), "nuncio/service": "admin" },
      annotations: block("adminService.annotations"),
    },
    spec: {
      type: text("adminService.type"),
      selector: selector(names, "gateway"),
      ports: [
        {
          name: "admin",
          port: adminPort,
          targetPort: "admin",
          nodePort: when(on("adminService.nodePort"), integer("adminService.nodePort")),
        },
      ],
      loadBalancerSourceRanges: block("adminService.loadBalancerSourceRanges"),
    },
  });
}

/** For the gateway of an id it says so, or it would be the others'. */
export function ingressClass(names: Names): unknown {
  const isMade = all(on("ingressClassResource.enabled"), not(singleNamespace));
  const id = computed(".Values.env.AMBASSADOR_ID | quote", ({ env }) => String(env["AMBASSADOR_ID"]));
  return when(isMade, {
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: {
      name: text("ingressClassResource.name"),
      labels: labels(names, "gateway"),
      annotations: when(any(on("ingressClassResource.default"), on("env.AMBASSADOR_ID")), {
        "...default": when(on("ingressClassResource.default"), {
          "ingressclass.kubernetes.io/is-default-class": "true",
        }),
        "...id": when(on("env.AMBASSADOR_ID"), { [idAnnotation]: id }),
      }),
    },
    spec: { controller },
  });
}

/** Every port but the admin port is open: which ones there are, Listeners say. The kubelet's probes are let in by every network. */
export function networkPolicies(names: Names): readonly unknown[] {
  const admin = { from: block("networkPolicy.adminFrom"), ports: [{ protocol: "TCP", port: adminPort }] };
  const below = computed("sub (int .Values.adminService.port) 1", ({ adminService }) => adminService.port - 1);
  const above = computed("add (int .Values.adminService.port) 1", ({ adminService }) => adminService.port + 1);
  const open = {
    ports: [
      { protocol: "TCP", port: 1, endPort: below },
      { protocol: "TCP", port: above, endPort: 65_535 },
      { protocol: "UDP", port: 1, endPort: 65_535 },
    ],
  };
  const asked = { ports: [{ protocol: "TCP", port: 8443 }], from: block("networkPolicy.webhookFrom") };
  const withAdmin = when(on("networkPolicy.adminFrom"), { ports: admin.ports, from: admin.from });
  return [
    when(on("networkPolicy.enabled"), policy(names, "gateway", names.gateway, [open, withAdmin])),
    when(
      all(on("networkPolicy.enabled"), hasAdmission),
      policy(names, "admission", names.admission, [asked, withAdmin]),
    ),
  ];
}

function policy(names: Names, component: Component, name: string, ingress: readonly unknown[]): unknown {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: metadata(names, component, name),
    spec: { podSelector: { matchLabels: selector(names, component) }, policyTypes: ["Ingress"], ingress },
  };
}

export function monitors(names: Names): readonly unknown[] {
  return [
    when(on("metrics.serviceMonitor.enabled"), {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "ServiceMonitor",
      metadata: monitorMetadata(names, "metrics.serviceMonitor"),
      spec: {
        selector: { matchLabels: { ...selector(names, "gateway"), "nuncio/service": "admin" } },
        endpoints: [endpoint("metrics.serviceMonitor")],
      },
    }),
    when(on("metrics.podMonitor.enabled"), {
      apiVersion: "monitoring.coreos.com/v1",
      kind: "PodMonitor",
      metadata: monitorMetadata(names, "metrics.podMonitor"),
      spec: {
        selector: {
          matchLabels: { "app.kubernetes.io/name": names.name, "app.kubernetes.io/instance": names.instance },
        },
        podMetricsEndpoints: [endpoint("metrics.podMonitor")],
      },
    }),
  ];
}

type Monitor = "metrics.serviceMonitor" | "metrics.podMonitor";

function monitorMetadata(names: Names, path: Monitor): unknown {
  const meta = metadata(names, "gateway", names.gateway);
  return { ...meta, labels: { ...labels(names, "gateway"), "...selector": block(`${path}.selector`) } };
}

function endpoint(path: Monitor): unknown {
  return {
    port: "admin",
    path: "/metrics",
    interval: whenSet(`${path}.interval`),
    scrapeTimeout: whenSet(`${path}.scrapeTimeout`),
  };
}
