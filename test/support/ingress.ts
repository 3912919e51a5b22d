import type { EchoBackend } from "./gateway.ts";
import { serviceWith } from "./manifests.ts";

type Spec = Readonly<Record<string, unknown>>;

/** The IngressClass `nuncio`, whose Ingresses are the gateway's. */
export const ingressClass = `---
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata: { name: nuncio }
spec: { controller: getambassador.io/ingress-controller }
`;

export interface IngressMetadata {
  readonly annotations?: Readonly<Record<string, string>>;
  readonly namespace?: string;
}

/** An Ingress of that class, unless the spec says otherwise. */
export function ingressOf(name: string, spec: Spec, metadata: IngressMetadata = {}): string {
  const object = {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, ...metadata },
    spec: { ingressClassName: "nuncio", ...spec },
  };
  return `---\n${JSON.stringify(object)}\n`;
}

export type PathType = "Exact" | "Prefix" | "ImplementationSpecific";

export function portOf({ service }: EchoBackend): number {
  return Number(new URL(service).port);
}

/** The Service of an echo backend, named as it is. */
export function serviceOf(backend: EchoBackend): string {
  return serviceWith(backend.name, portOf(backend), ["127.0.0.1"]);
}

export function backendOf(backend: EchoBackend): object {
  return { service: { name: backend.name, port: { number: portOf(backend) } } };
}

export function pathOf(path: string, pathType: PathType, backend: EchoBackend): object {
  return { path, pathType, backend: backendOf(backend) };
}

export function ruleOf(host: string | undefined, ...paths: readonly object[]): object {
  return { ...(host === undefined ? {} : { host }), http: { paths } };
}
