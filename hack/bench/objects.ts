/** The manifests of the measured configurations. */
import { selfSigned } from "../../test/support/certificates.ts";

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly type?: string;
  readonly data?: Readonly<Record<string, string>>;
}

/** Where routes stand: in one table of one cleartext host, or over many TLS hosts, each with a certificate and a table of its own. */
export interface Shape {
  readonly scheme: "cleartext" | "tls";
  readonly hosts: number;
}

export const namespace = "default";

function ours(kind: string, name: string, spec: Readonly<Record<string, unknown>>): Manifest {
  return { apiVersion: "getambassador.io/v3alpha1", kind, metadata: { name, namespace }, spec };
}

/** The host name of the measured route. */
export function firstHostname({ scheme }: Shape): string {
  return scheme === "tls" ? hostname(0) : "*";
}

function hostname(index: number): string {
  return `h${index}.example.com`;
}

/** The Listener, the Hosts and, with TLS, a certificate for each. */
export async function frame(shape: Shape, port: number): Promise<readonly Manifest[]> {
  const listener = (protocol: string) =>
    ours("Listener", "bench", {
      port,
      protocol,
      securityModel: "XFP",
      hostBinding: { namespace: { from: "ALL" } },
    });
  if (shape.scheme === "cleartext") {
    const spec = { hostname: "*", requestPolicy: { insecure: { action: "Route" } } };
    return [listener("HTTP"), ours("Host", "any", spec)];
  }
  const hosts = await Promise.all(
    Array.from({ length: shape.hosts }, async (_, index): Promise<readonly Manifest[]> => {
      const { certificatePem, keyPem } = await selfSigned({ hosts: [hostname(index)] });
      const base64 = (text: string) => Buffer.from(text).toString("base64");
      return [
        {
          apiVersion: "v1",
          kind: "Secret",
          metadata: { name: `tls-${index}`, namespace },
          type: "kubernetes.io/tls",
          data: { "tls.crt": base64(certificatePem), "tls.key": base64(keyPem) },
        },
        ours("Host", `h${index}`, { hostname: hostname(index), tlsSecret: { name: `tls-${index}` } }),
      ];
    }),
  );
  return [listener("HTTPS"), ...hosts.flat()];
}

/** One of the Mappings that are merely there: each has a cluster of its own, and nobody asks for it. */
export function filler({ scheme, hosts }: Shape, index: number): Manifest {
  return ours("Mapping", `filler-${index}`, {
    hostname: scheme === "tls" ? hostname(index % hosts) : "*",
    prefix: `/filler-${index}/`,
    service: `http://10.${1 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}:8080`,
  });
}

export function fillers(shape: Shape, from: number, to: number): readonly Manifest[] {
  return Array.from({ length: to - from }, (_, offset) => filler(shape, from + offset));
}

export interface RouteOptions {
  readonly name: string;
  readonly prefix: string;
  /** Of a backend on loopback. */
  readonly port: number;
  readonly rewrite?: string;
  /** Gives it a cluster of its own, though others go to the same backend. */
  readonly tag?: string;
  readonly timeoutMs?: number;
}

/** A Mapping that answers. */
export function route(shape: Shape, { name, prefix, port, rewrite, tag, timeoutMs }: RouteOptions): Manifest {
  return ours("Mapping", name, {
    hostname: firstHostname(shape),
    prefix,
    service: `http://127.0.0.1:${port}`,
    ...(rewrite === undefined ? {} : { rewrite }),
    ...(tag === undefined ? {} : { cluster_tag: tag }),
    ...(timeoutMs === undefined ? {} : { timeout_ms: timeoutMs }),
  });
}
