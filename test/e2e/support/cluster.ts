import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseAllDocuments } from "yaml";
import { type Cluster, startCluster } from "../../cluster/cluster.ts";
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

export async function applyCrds({ apply, kubectl }: Cluster): Promise<void> {
  await apply(readFileSync(resolve("manifests/crds.yaml"), "utf8"));
  await kubectl(["wait", "--for=condition=Established", "--timeout=30s", "crd", "--all"]);
}

/** Applies manifests/install.yaml. Path of a kubeconfig of the gateway's ServiceAccount. */
async function install({ apply, kubeconfigFor }: Cluster): Promise<string> {
  const all = parseAllDocuments(readFileSync(resolve("manifests/install.yaml"), "utf8")).map(
    (each) => each.toJS() as Manifest,
  );
  // Nobody runs its Pods here, and each request would wait for them. test/admission has it.
  await apply(documents(...all.filter(({ kind }) => kind !== "ValidatingWebhookConfiguration")));
  return await kubeconfigFor({ namespace: "nuncio", serviceAccount: "nuncio" });
}
