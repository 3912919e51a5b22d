import { type Cluster, startCluster } from "../../cluster/cluster.ts";
import { applyCrds, applyInstalled } from "../../cluster/install.ts";
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

export async function startWorld({ crds = true }: { readonly crds?: boolean } = {}): Promise<World> {
  const [cluster, bundle] = await Promise.all([startCluster(), installBundle()]);
  const gateways: Gateway[] = [];
  if (crds) await applyCrds(cluster);
  const kubeconfig = await install(cluster);
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

/** Applies manifests/install.yaml; test/admission has the webhook. Path of a kubeconfig of the gateway's ServiceAccount. */
async function install(cluster: Cluster): Promise<string> {
  await applyInstalled(cluster);
  return await cluster.kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio" });
}
