/** What is watched and where the API server has it. */

import type { RawObject } from "./raw.ts";

export interface WatchedKind {
  /** `Mapping`. Together with group and version it is filled into LIST items, which lack them for built-in kinds. */
  readonly kind: string;
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Only this namespace is asked for, whatever the selection says. */
  readonly namespace?: string;
  /** Only objects that match are transferred at all; added to the selector of `Selection`. */
  readonly fieldSelector?: string;
  /** Called on each object before anything is kept, to drop what nobody reads. managedFields and kubectl's copy of the last applied
   *  manifest are gone already. Must not throw. */
  readonly transform?: (raw: RawObject) => RawObject;
  /** Its CRD may be missing for ever (Gateway API, Knative): neither that nor a lack of rights keeps `onSynced` waiting. */
  readonly optional?: boolean;
}

/** What of a kind is wanted. */
export interface Selection {
  /** Single-namespace mode: only this one is asked for. Cluster-scoped kinds are watched all the same. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

/** Types of Secret that no gateway reads, least of all Helm's releases of up to a megabyte each, are not even transferred. The API
 *  server's selector knows `=` and `!=` only, joined by AND, so what may matter cannot be listed: users put certificates, keys
 *  and passwords into `Opaque` and into types of their own. */
export const secretFieldSelector = [
  "helm.sh/release.v1",
  "kubernetes.io/service-account-token",
  "kubernetes.io/dockercfg",
  "kubernetes.io/dockerconfigjson",
  "kubernetes.io/ssh-auth",
  "bootstrap.kubernetes.io/token",
  // What we keep of objects in quarantine, which names no certificate.
  "nuncio.dev/last-good",
]
  .map((type) => `type!=${type}`)
  .join(",");

export function apiVersionOf({ group, version }: Pick<WatchedKind, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}

/** As kubectl and RBAC name it: `mappings.getambassador.io`, `services`. */
export function resourceOf({ group, plural }: Pick<WatchedKind, "group" | "plural">): string {
  return group === "" ? plural : `${plural}.${group}`;
}

/** The one namespace that is asked for; undefined for all of them and for cluster-scoped kinds. */
export function namespaceOf(kind: WatchedKind, selection: Selection): string | undefined {
  return kind.namespaced ? (kind.namespace ?? selection.namespace) : undefined;
}

/** Path and query of a request for objects of a kind. */
export function pathOf(kind: WatchedKind, selection: Selection, query: Readonly<Record<string, string>>): string {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const namespace = namespaceOf(kind, selection);
  const scope = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
  const parameters = new URLSearchParams(query);
  const fields = fieldSelectorOf(kind, selection);
  if (fields !== "") parameters.set("fieldSelector", fields);
  const labels = selection.labelSelector ?? "";
  if (labels !== "") parameters.set("labelSelector", labels);
  return `${root}${scope}/${kind.plural}?${parameters.toString()}`;
}

function fieldSelectorOf(kind: WatchedKind, selection: Selection): string {
  // "metadata.namespace!=kube-system", which Emissary's users set, is refused (400) for kinds without a namespace.
  const applicable = (term: string): boolean => kind.namespaced || !term.trim().startsWith("metadata.namespace");
  const terms = (selection.fieldSelector ?? "").split(",").filter((term) => term !== "" && applicable(term));
  return [kind.fieldSelector ?? "", ...terms].filter((term) => term !== "").join(",");
}
