import type { WatchedKind } from "../../runtime/informers/kind.ts";

export const configMap: WatchedKind = {
  kind: "ConfigMap",
  group: "",
  version: "v1",
  plural: "configmaps",
  namespaced: true,
};

export const secret: WatchedKind = { kind: "Secret", group: "", version: "v1", plural: "secrets", namespaced: true };

export const widget: WatchedKind = {
  kind: "Widget",
  group: "test.nuncio.dev",
  version: "v1",
  plural: "widgets",
  namespaced: true,
};

export function widgetCrd({ served = true } = {}): string {
  return `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.test.nuncio.dev}
spec:
  group: test.nuncio.dev
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget}
  versions:
    - name: v1
      served: ${served}
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}`;
}

export const widgets = "/apis/test.nuncio.dev/v1/namespaces/default/widgets";

export function newWidget(name: string, size = 0) {
  return { apiVersion: "test.nuncio.dev/v1", kind: "Widget", metadata: { name }, spec: { size } };
}

export const configMaps = (namespace: string): string => `/api/v1/namespaces/${namespace}/configmaps`;

export function newConfigMap(name: string, data: Readonly<Record<string, string>> = {}) {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}
