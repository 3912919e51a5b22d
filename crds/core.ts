/**
 * Kinds of Kubernetes' own that are read. The schemas name only the fields that are kept; whatever else is there is
 * dropped without a word. They read the whole object, and what they yield stands under `spec` of the resource.
 */
import { z } from "zod";
import { isAddress } from "../ir/cidr.ts";
import { Redacted } from "../ir/redacted.ts";

const noList: readonly never[] = Object.freeze([]);

/** Go writes an empty list as null, and clients leave it out. */
export function list<Item extends z.ZodType>(item: Item) {
  return z
    .array(item)
    .nullish()
    .transform((items) => items ?? noList);
}

export const optionalText = z
  .string()
  .nullish()
  .transform((value) => value ?? undefined);

const optionalFlag = z
  .boolean()
  .nullish()
  .transform((value) => value ?? undefined);

/** Envoy refuses all endpoints of a cluster for one that is none. In a cluster there is none; in files there may be. */
const notAddress = { error: "is not an IP address", params: { advice: "write one, such as 10.0.0.1" } };

const protocol = z
  .string()
  .nullish()
  .transform((value) => value ?? "TCP");

/** Where a load balancer is reached; as the API server has it, for it goes from a Service to Ingresses as it is. */
export const loadBalancerIngress = z
  .object({ loadBalancer: z.object({ ingress: z.array(z.record(z.string(), z.unknown())).nullish() }).nullish() })
  .nullish()
  .transform((status) => status?.loadBalancer?.ingress ?? noList);

export const serviceSchema = z
  .object({
    status: loadBalancerIngress,
    spec: z.object({
      type: z
        .string()
        .nullish()
        .transform((type) => type ?? "ClusterIP"),
      /** "None" for a headless Service, undefined for one without an address. */
      clusterIP: optionalText.refine(
        (text) => text === undefined || /^(None)?$/.test(text) || isAddress(text),
        notAddress,
      ),
      clusterIPs: list(z.string()),
      externalName: optionalText,
      ports: list(
        z.object({
          name: optionalText,
          port: z.int().min(1).max(65_535),
          targetPort: z
            .union([z.int(), z.string()])
            .nullish()
            .transform((port) => port ?? undefined),
          protocol,
          appProtocol: optionalText,
        }),
      ),
    }),
  })
  .transform(({ spec, status }) => ({ ...spec, ...(status.length === 0 ? {} : { loadBalancer: status }) }));

export type ServiceSpec = z.output<typeof serviceSchema>;

export const endpointSliceSchema = z
  .object({
    metadata: z.object({ labels: z.record(z.string(), z.string()).nullish() }),
    addressType: z.enum(["IPv4", "IPv6", "FQDN"]),
    ports: list(
      z.object({
        name: optionalText,
        port: z
          .int()
          .min(0)
          .max(65_535)
          .nullish()
          .transform((port) => port ?? undefined),
        protocol,
        appProtocol: optionalText,
      }),
    ),
    endpoints: list(
      z.object({
        addresses: z.array(z.string()),
        conditions: z
          .object({ ready: optionalFlag, serving: optionalFlag, terminating: optionalFlag })
          .nullish()
          .transform((conditions) => ({
            // Unset means ready, and serving follows ready: k8s.io/api/discovery/v1 EndpointConditions.
            ready: conditions?.ready ?? true,
            serving: conditions?.serving ?? conditions?.ready ?? true,
            terminating: conditions?.terminating ?? false,
          })),
        hostname: optionalText,
        zone: optionalText,
      }),
    ),
  })
  .superRefine(({ addressType, endpoints }, context) => {
    if (addressType === "FQDN") return;
    for (const [index, { addresses }] of endpoints.entries()) {
      for (const [place, address] of addresses.entries()) {
        if (isAddress(address)) continue;
        const { error: message, params } = notAddress;
        context.addIssue({ code: "custom", path: ["endpoints", index, "addresses", place], message, params });
      }
    }
  })
  .transform(({ metadata, addressType, ports, endpoints }) => ({
    /** Name of the Service, in the same namespace; undefined for a slice that belongs to none. */
    service: metadata.labels?.["kubernetes.io/service-name"],
    addressType,
    ports,
    endpoints,
  }));

export type EndpointSliceSpec = z.output<typeof endpointSliceSchema>;

export const secretKeys = [
  "tls.crt",
  "tls.key",
  "ca.crt",
  "user.key",
  "cert-chain.pem",
  "key.pem",
  "root-cert.pem",
  "crl.pem",
  // Emissary's: beside an authority, "true" asks clients for a certificate.
  "cert_required",
] as const;

export type SecretKey = (typeof secretKeys)[number];

export interface SecretSpec {
  readonly type: string;
  readonly data: Readonly<Partial<Record<SecretKey, Redacted>>>;
  /** Of a Secret that stands for files: why they cannot be read. */
  readonly unreadable?: string;
  /** What Envoy has said against it: see compile/verdicts.ts. */
  readonly refused?: SecretRefusals;
}

/** By what the Secret is used as; what is to be said of it: `is refused by Envoy: ...`. */
export type SecretRefusals = Readonly<Partial<Record<"certificate" | "authority" | "revocations", string>>>;

const base64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** All values stay untyped until they are picked, so that no message can quote one. */
export const secretSchema = z
  .object({
    type: z
      .string()
      .nullish()
      .transform((type) => type ?? "Opaque"),
    data: z.record(z.string(), z.unknown()).nullish(),
    stringData: z.record(z.string(), z.unknown()).nullish(),
  })
  .transform(({ type, data, stringData }, context): SecretSpec => {
    const kept: Partial<Record<SecretKey, Redacted>> = {};
    const refuse = (path: string[], message: string, advice: string): void => {
      context.addIssue({ code: "custom", path, message, params: { advice } });
    };
    for (const key of secretKeys) {
      const plain = stringData?.[key];
      const encoded = data?.[key];
      if (typeof plain === "string") {
        kept[key] = new Redacted(Buffer.from(plain, "utf8")); // wins over data, as in the API server
      } else if (plain !== undefined && plain !== null) {
        refuse(["stringData", key], "the value is not a string", "write the text in quotes or as a block (|)");
      } else if (typeof encoded === "string" && isBase64(encoded)) {
        kept[key] = new Redacted(Buffer.from(encoded, "base64"));
      } else if (encoded !== undefined && encoded !== null) {
        refuse(
          ["data", key],
          "the value is not base64",
          "encode it (base64 -w0), or write it as text under stringData",
        );
      }
    }
    return { type, data: Object.freeze(kept) };
  });

function isBase64(text: string): boolean {
  const bare = text.replace(/[\r\n]/g, ""); // Go's decoder skips line breaks too
  return bare.length % 4 === 0 && base64.test(bare);
}

export const namespaceSchema = z.object({}).transform(() => ({}));

export type NamespaceSpec = z.output<typeof namespaceSchema>;
