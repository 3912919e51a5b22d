import https from "node:https";
import path from "node:path";
import { startCluster } from "../../test/cluster/cluster.ts";
import { hostAddress } from "../../test/cluster/host-address.ts";
import { applyCrds } from "../../test/cluster/install.ts";
import type { Manifest } from "../../test/e2e/support/manifests.ts";
import type { Scope } from "../bench/session.ts";
import type { Place } from "./place.ts";

const plurals: Readonly<Record<string, string>> = {
  AuthService: "authservices",
  EndpointSlice: "endpointslices",
  Host: "hosts",
  KubernetesEndpointResolver: "kubernetesendpointresolvers",
  Listener: "listeners",
  Mapping: "mappings",
  Module: "modules",
  Secret: "secrets",
  Service: "services",
  TCPMapping: "tcpmappings",
};

const writesAtOnce = 8;

/** An API server and etcd of its own. The gateway has all rights: which ones it needs is tested elsewhere. */
export async function apiServer(scope: Scope, directory: string): Promise<Place> {
  const cluster = await startCluster({ dir: path.join(directory, "cluster") });
  scope.defer(() => cluster.stop());
  await applyCrds(cluster);
  const { serverUrl, token, certificateAuthority: ca } = cluster;
  const agent = new https.Agent({ keepAlive: true, maxSockets: writesAtOnce, ca });
  scope.defer(() => agent.destroy());
  const there = new Map<string, readonly Manifest[]>();
  let changes = 0;

  const send = (method: "PATCH" | "DELETE", url: string, body?: Manifest): Promise<void> =>
    new Promise((resolve, reject) => {
      // Server-side apply: it creates, changes, and takes away the fields that are left out.
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/apply-patch+yaml" };
      const request = https.request(serverUrl + url, { agent, method, headers, timeout: 30_000 }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const { statusCode = 500 } = response;
          if (statusCode < 300 || (method === "DELETE" && statusCode === 404)) resolve();
          else reject(new Error(`${method} ${url}: ${statusCode} ${Buffer.concat(chunks).toString()}`));
        });
      });
      request.on("timeout", () => request.destroy(new Error(`${method} ${url}: no answer`)));
      request.on("error", reject);
      request.end(body === undefined ? undefined : JSON.stringify(body));
    });

  const remove = (manifests: readonly Manifest[]) =>
    Promise.all(manifests.map((manifest) => send("DELETE", urlOf(manifest))));
  return {
    source: { kubeconfig: cluster.kubeconfig },
    backendAddress: hostAddress(),
    get changes() {
      return changes;
    },
    async put(name, ...manifests) {
      changes++;
      const urls = new Set(manifests.map(urlOf));
      const before = there.get(name) ?? [];
      there.set(name, manifests);
      const same = new Set(before.map((each) => JSON.stringify(each)));
      const changed = manifests.filter((each) => !same.has(JSON.stringify(each)));
      await Promise.all(changed.map((each) => send("PATCH", `${urlOf(each)}?fieldManager=soak&force=true`, each)));
      await remove(before.filter((each) => !urls.has(urlOf(each))));
    },
    // The API server takes none.
    putUnreadable: async () => undefined,
    async remove(name) {
      changes++;
      const before = there.get(name) ?? [];
      there.delete(name);
      await remove(before);
    },
  };
}

function urlOf({ apiVersion, kind, metadata: { name, namespace = "default" } }: Manifest): string {
  const plural = plurals[kind];
  if (plural === undefined) throw new Error(`no plural of ${kind} is known here`);
  const root = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return `${root}/namespaces/${namespace}/${plural}/${name}`;
}
