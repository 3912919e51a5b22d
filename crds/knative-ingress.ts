/** Ingress of networking.internal.knative.dev/v1alpha1: what of it is read. Source: knative/networking, config/ingress.yaml. */
import { z } from "zod";
import { list, optionalText } from "./core.ts";

const texts = z
  .record(z.string(), z.string())
  .nullish()
  .transform((map) => map ?? {});

const split = z.object({
  serviceName: z.string(),
  serviceNamespace: optionalText,
  servicePort: z
    .union([z.int().min(1).max(65_535), z.string()])
    .nullish()
    .transform((port) => port ?? 80),
  percent: z
    .int()
    .min(0)
    .max(100)
    .nullish()
    .transform((percent) => percent ?? 100),
  appendHeaders: texts,
});

const path = z.object({
  path: optionalText,
  headers: z
    .record(z.string(), z.object({ exact: z.string() }))
    .nullish()
    .transform((map) => map ?? {}),
  appendHeaders: texts,
  rewriteHost: optionalText,
  timeout: optionalText,
  splits: list(split),
});

const loadBalancer = z
  .object({ ingress: list(z.object({ domainInternal: optionalText })) })
  .nullish()
  .transform((balancer) => balancer?.ingress[0]?.domainInternal);

export const knativeIngressSchema = z
  .object({
    spec: z
      .object({
        httpOption: optionalText,
        tls: list(z.object({ hosts: list(z.string()), secretName: optionalText, secretNamespace: optionalText })),
        rules: list(
          z.object({
            hosts: list(z.string()),
            visibility: optionalText,
            http: z
              .object({ paths: list(path) })
              .nullish()
              .transform((http) => http ?? undefined),
          }),
        ),
      })
      .nullish(),
    status: z
      .object({
        observedGeneration: z.number().nullish(),
        conditions: list(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: optionalText,
            message: optionalText,
            lastTransitionTime: optionalText,
          }),
        ),
        privateLoadBalancer: loadBalancer,
      })
      .nullish(),
  })
  .transform(({ spec, status }) => ({
    redirects: spec?.httpOption === "Redirected",
    tls: spec?.tls ?? [],
    rules: spec?.rules ?? [],
    observedGeneration: status?.observedGeneration ?? 0,
    conditions: status?.conditions ?? [],
    /** Where the cluster reaches it, as its status says. */
    domainInternal: status?.privateLoadBalancer,
  }));

/** A Mapping with this label and value is taken by Hosts alone whose mappingSelector asks for it. */
export const visibilityLabel = "networking.knative.dev/visibility";
export const clusterLocal = "cluster-local";

export type KnativeIngressSpec = z.output<typeof knativeIngressSchema>;
