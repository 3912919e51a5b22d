/** What objects are called: in the manifests, and as expressions of the chart. */
import { admissionName, installNamespace } from "../../capabilities/webhook.ts";

export interface Names {
  readonly namespace: string;
  readonly gateway: string;
  readonly service: string;
  readonly gatewayAccount: string;
  /** Of ClusterRoles, before what tells them apart. */
  readonly role: string;
  readonly admission: string;
  readonly admissionAccount: string;
  readonly admissionRole: string;
  /** Of the application, and of this installation of it: labels. */
  readonly name: string;
  readonly instance: string;
}

export const plainNames: Names = {
  namespace: installNamespace,
  gateway: "nuncio",
  service: "nuncio",
  gatewayAccount: "nuncio",
  role: "nuncio",
  admission: admissionName,
  admissionAccount: admissionName,
  admissionRole: admissionName,
  name: "nuncio",
  instance: "nuncio",
};

const helper = (name: string): string => `{{ include "nuncio.${name}" . }}`;

export const chartNames: Names = {
  namespace: helper("namespace"),
  gateway: helper("fullname"),
  service: helper("serviceName"),
  gatewayAccount: helper("serviceAccountName"),
  role: helper("rbacName"),
  admission: `${helper("fullname")}-admission`,
  admissionAccount: helper("admissionAccountName"),
  admissionRole: `${helper("rbacName")}-admission`,
  name: helper("name"),
  instance: "{{ .Release.Name }}",
};

export type Component = "gateway" | "admission";

/** By which a Service finds its Pods: never to be changed, because a Deployment's selector cannot be. */
export function selector(names: Names, component: Component): Readonly<Record<string, string>> {
  return {
    "app.kubernetes.io/name": names.name,
    "app.kubernetes.io/instance": names.instance,
    "app.kubernetes.io/component": component,
  };
}
