import { type Cluster, startCluster } from "../../cluster/cluster.ts";
import { applyInstalled } from "../../cluster/install.ts";
import { installedTemplate } from "../../cluster/template.ts";
import { type Bundle, installBundle } from "./bundle.ts";
import { Gateway, type GatewayOptions } from "./gateway.ts";
import { documents, type Manifest } from "./manifests.ts";

/** A cluster with what a test has put into it. */
export interface World {
  readonly cluster: Cluster;
  readonly bundle: Bundle;
  /** With kubectl. */
  readonly apply: (...manifests: readonly Manifest[]) => Promise<void>;
  readonly remove: (...manifests: readonly Manifest[]) => Promise<void>;
  /** Started under the rights that the installation gives it. It is stopped with the world. */
  readonly gateway: (options?: Partial<GatewayOptions>) => Promise<Gateway>;
  readonly stop: () => Promise<void>;
}

/** Begins with manifests/install.yaml applied; without `crds` the kinds are left out. test/admission has the webhook. */
export async function startWorld({ crds = true }: { readonly crds?: boolean } = {}): Promise<World> {
  const from = crds ? await installedTemplate() : undefined;
  const [cluster, bundle] = await Promise.all([startCluster(from === undefined ? {} : { from }), installBundle()]);
  const gateways: Gateway[] = [];
  if (!crds) await applyInstalled(cluster);
  const kubeconfig = await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio" });
  return {
    cluster,
    bundle,
    apply: (...manifests) => cluster.apply(documents(...manifests)),
    remove: async (...manifests) => {
      await cluster.kubectl(["delete", "--ignore-not-found", "-f", "-"], { input: documents(...manifests) });
    },
    gateway: async (options = {}) => {
      const gateway = await Gateway.start({ bundle, kubeconfig, ...options });
      gateways.push(gateway);
      return gateway;
    },
    stop: async () => {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
      await cluster.stop();
      bundle.remove();
    },
  };
}
