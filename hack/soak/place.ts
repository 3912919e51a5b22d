import type { Manifest } from "../../test/e2e/support/manifests.ts";

/** Where the manifests are that a gateway serves: files, or an API server. */
export interface Place {
  /** What `nuncio run` is told of it. */
  readonly source: { readonly config: string } | { readonly kubeconfig: string };
  /** One of this machine that EndpointSlices may name there. */
  readonly backendAddress: string;
  /** How often something was written or removed. */
  readonly changes: number;
  /** These in the place of what was put under that name before. */
  put(name: string, ...manifests: readonly Manifest[]): Promise<void>;
  /** What is no YAML, where that can be. */
  putUnreadable(name: string, text: string): Promise<void>;
  remove(name: string): Promise<void>;
}
