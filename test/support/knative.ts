import type { Manifest } from "../e2e/support/manifests.ts";

/** An Ingress of Knative's. */
export function knativeIngress(
  name: string,
  spec: object,
  annotations: Readonly<Record<string, string>> = {},
): Manifest {
  return {
    apiVersion: "networking.internal.knative.dev/v1alpha1",
    kind: "Ingress",
    metadata: { name, namespace: "default", annotations },
    spec: spec as Manifest["spec"],
  } as Manifest;
}

export interface Split {
  readonly service: string;
  readonly port: number;
  readonly percent?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export function splitOf({ service, port, percent, headers }: Split): object {
  return {
    serviceName: service,
    serviceNamespace: "default",
    servicePort: port,
    ...(percent === undefined ? {} : { percent }),
    ...(headers === undefined ? {} : { appendHeaders: headers }),
  };
}

const text = { type: "string" };
const texts = { type: "object", additionalProperties: text };
const list = (items: object) => ({ type: "array", items });
const object = (properties: object, required?: readonly string[]) => ({
  type: "object",
  properties,
  ...(required === undefined ? {} : { required }),
});
const balancer = object({
  ingress: list(object({ domain: text, domainInternal: text, ip: text, meshOnly: { type: "boolean" } })),
});

/** Knative's CRD, in the shape of knative/networking config/ingress.yaml: without a field there, a status would be pruned. */
export const knativeCrd: Manifest = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "ingresses.networking.internal.knative.dev" },
  spec: {
    group: "networking.internal.knative.dev",
    scope: "Namespaced",
    names: { kind: "Ingress", plural: "ingresses", singular: "ingress", shortNames: ["kingress", "king"] },
    versions: [
      {
        name: "v1alpha1",
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: {
          openAPIV3Schema: object({
            spec: object({
              httpOption: text,
              visibility: text,
              rules: list(
                object({
                  hosts: list(text),
                  visibility: text,
                  http: object(
                    {
                      paths: list(
                        object(
                          {
                            appendHeaders: texts,
                            headers: { type: "object", additionalProperties: object({ exact: text }, ["exact"]) },
                            path: text,
                            rewriteHost: text,
                            timeout: text,
                            splits: list(
                              object(
                                {
                                  appendHeaders: texts,
                                  percent: { type: "integer" },
                                  serviceName: text,
                                  serviceNamespace: text,
                                  servicePort: {
                                    anyOf: [{ type: "integer" }, text],
                                    "x-kubernetes-int-or-string": true,
                                  },
                                },
                                ["serviceName", "serviceNamespace", "servicePort"],
                              ),
                            ),
                          },
                          ["splits"],
                        ),
                      ),
                    },
                    ["paths"],
                  ),
                }),
              ),
              tls: list(object({ hosts: list(text), secretName: text, secretNamespace: text })),
            }),
            status: object({
              annotations: texts,
              conditions: list(
                object(
                  {
                    lastTransitionTime: { type: "string", format: "date-time" },
                    message: text,
                    reason: text,
                    severity: text,
                    status: text,
                    type: text,
                  },
                  ["status", "type"],
                ),
              ),
              observedGeneration: { type: "integer", format: "int64" },
              loadBalancer: balancer,
              publicLoadBalancer: balancer,
              privateLoadBalancer: balancer,
            }),
          }),
        },
      },
    ],
  },
} as Manifest;
