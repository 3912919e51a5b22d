/** Ingress and IngressClass of networking.k8s.io/v1: what of them is read. */
import { z } from "zod";
import { list, loadBalancerIngress, optionalText } from "./core.ts";

const backend = z
  .object({
    service: z
      .object({
        name: z.string(),
        port: z
          .object({
            name: optionalText,
            number: z
              .int()
              .min(0)
              .max(65_535)
              .nullish()
              .transform((port) => (port === null || port === 0 ? undefined : port)),
          })
          .nullish()
          .transform((port) => port ?? undefined),
      })
      .nullish()
      .transform((service) => service ?? undefined),
    /** Of a kind of another controller's. */
    resource: z
      .object({ kind: z.string() })
      .nullish()
      .transform((resource) => resource ?? undefined),
  })
  .nullish()
  .transform((written) => written ?? undefined);

export const ingressSchema = z
  .object({
    status: loadBalancerIngress,
    spec: z
      .object({
        ingressClassName: optionalText,
        defaultBackend: backend,
        tls: list(z.object({ hosts: list(z.string()), secretName: optionalText })),
        rules: list(
          z.object({
            host: optionalText,
            http: z
              .object({
                paths: list(
                  z.object({
                    path: optionalText,
                    pathType: z
                      .enum(["Exact", "Prefix", "ImplementationSpecific"])
                      .nullish()
                      .transform((type) => type ?? "ImplementationSpecific"),
                    backend,
                  }),
                ),
              })
              .nullish()
              .transform((http) => http ?? undefined),
          }),
        ),
      })
      .nullish(),
  })
  .transform(({ spec, status }) => ({
    ingressClassName: spec?.ingressClassName,
    defaultBackend: spec?.defaultBackend,
    tls: spec?.tls ?? [],
    rules: spec?.rules ?? [],
    /** Where clients reach it, as its status says. */
    loadBalancer: status,
  }));

export type IngressSpec = z.output<typeof ingressSchema>;
export type IngressBackend = NonNullable<IngressSpec["defaultBackend"]>;

export const ingressClassSchema = z
  .object({
    spec: z.object({ controller: optionalText, parameters: z.record(z.string(), z.unknown()).nullish() }).nullish(),
  })
  .transform(({ spec }) => ({
    controller: spec?.controller ?? "",
    hasParameters: (spec?.parameters ?? null) !== null,
  }));

export type IngressClassSpec = z.output<typeof ingressClassSchema>;
