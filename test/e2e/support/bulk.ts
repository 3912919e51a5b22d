import type { Cluster } from "../../cluster/cluster.ts";
import { rest } from "../../informers/rest.ts";
import type { Manifest } from "./manifests.ts";

const plurals: Readonly<Record<string, string>> = {
  EndpointSlice: "endpointslices",
  Host: "hosts",
  Listener: "listeners",
  Mapping: "mappings",
  Secret: "secrets",
  Service: "services",
};

/** Writes of many objects at once, 16 at a time. kubectl's client sends 50 a second. */
export interface Bulk {
  readonly create: (manifests: readonly Manifest[]) => Promise<void>;
  /** A merge patch of each one's spec or data to what the manifest says. */
  readonly change: (manifests: readonly Manifest[]) => Promise<void>;
  readonly remove: (manifests: readonly Manifest[]) => Promise<void>;
  readonly close: () => void;
}

export function bulk(cluster: Cluster): Bulk {
  const { create, patch, remove, close } = rest(cluster);
  return {
    create: async (manifests) => {
      await Promise.all(manifests.map((manifest) => create(collectionOf(manifest), manifest)));
    },
    change: async (manifests) => {
      await Promise.all(
        manifests.map((manifest) => {
          const { apiVersion: _version, kind: _kind, metadata, ...content } = manifest;
          return patch(`${collectionOf(manifest)}/${metadata.name}`, content);
        }),
      );
    },
    remove: async (manifests) => {
      await Promise.all(manifests.map((manifest) => remove(`${collectionOf(manifest)}/${manifest.metadata.name}`)));
    },
    close,
  };
}

function collectionOf({ apiVersion, kind, metadata: { namespace = "default" } }: Manifest): string {
  const plural = plurals[kind];
  if (plural === undefined) throw new Error(`no plural of ${kind} is known here`);
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${namespace}/${plural}`;
}
