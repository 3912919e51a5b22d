/** Which cluster we talk to, and as whom. */

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { isIPv6 } from "node:net";
import { KubeConfig } from "@kubernetes/client-node";
import { FatalError, errorText } from "./fatal.ts";

export interface KubeConfigOptions {
  /** A file that was named on the command line: used alone, whatever else there is. */
  readonly kubeconfigPath?: string | undefined;
  /** Of the kubeconfig. Default: its current one. */
  readonly context?: string | undefined;
  /** What to do where there is no cluster at all. */
  readonly otherwise?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly home?: string;
  /** Where a Pod finds its ServiceAccount's token, namespace and certificate authority. */
  readonly serviceAccountDir?: string;
}

export interface KubeAccess {
  readonly kubeConfig: KubeConfig;
  /** The Pod's own namespace, or that of the kubeconfig's current context; `default` when neither says one. */
  readonly namespace: string;
  /** Where it comes from, for messages: `KUBECONFIG (/a:/b)`, `the ServiceAccount of this Pod`, a path. */
  readonly origin: string;
}

/** Told to whoever started us, like a flag with a value that cannot be used. */
const unusable = (message: string): FatalError => new FatalError(message, 2);

const podDir = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Of the file that was named, else of KUBECONFIG, else of the Pod we run in, else of ~/.kube/config. Throws a FatalError when there is
 *  none of them, or when the first one that is there cannot be used. Does not talk to the cluster. */
export function loadKubeConfig(options: KubeConfigOptions = {}): KubeAccess {
  const { kubeconfigPath, context, env = process.env, home = homedir(), serviceAccountDir = podDir } = options;
  if (kubeconfigPath !== undefined) return fromFiles([kubeconfigPath], kubeconfigPath, context);
  const listed = (env["KUBECONFIG"] ?? "").split(delimiter).filter((path) => path !== "");
  if (listed.length > 0) return fromFiles(listed, `KUBECONFIG (${listed.join(delimiter)})`, context);
  const host = env["KUBERNETES_SERVICE_HOST"] ?? "";
  const tokenFile = join(serviceAccountDir, "token");
  // A context is one of a kubeconfig, which a Pod may have too.
  if (host !== "" && existsSync(tokenFile) && context === undefined)
    return inCluster(host, env["KUBERNETES_SERVICE_PORT"] ?? "443", serviceAccountDir);
  const ofHome = join(home, ".kube", "config");
  if (existsSync(ofHome)) return fromFiles([ofHome], ofHome, context);
  throw unusable(
    [
      "found no Kubernetes cluster to talk to. There are three ways to name one:",
      "  - set KUBECONFIG to the path of a kubeconfig file",
      `  - run in a Pod with a ServiceAccount token (${host === "" ? "KUBERNETES_SERVICE_HOST is not set" : `${tokenFile} is not there`})`,
      `  - have a kubeconfig at ${ofHome} (it is not there)`,
      options.otherwise ?? "Without a cluster, use `nuncio run --config DIR`.",
    ].join("\n"),
  );
}

/** As client-node's loadFromCluster, but of an environment that is passed in. It reads the token again each minute. */
function inCluster(host: string, port: string, dir: string): KubeAccess {
  const name = "in-cluster";
  const namespaceFile = join(dir, "namespace");
  const namespace = existsSync(namespaceFile) ? readFileSync(namespaceFile, "utf8").trim() : "";
  const server = `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
  const authProvider = { name: "tokenFile", config: { tokenFile: join(dir, "token") } };
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromOptions({
    clusters: [{ name, server, caFile: join(dir, "ca.crt"), skipTLSVerify: false }],
    users: [{ name, authProvider }],
    contexts: [{ name, cluster: name, user: name }],
    currentContext: name,
  });
  return { kubeConfig, namespace: namespace || "default", origin: "the ServiceAccount of this Pod" };
}

/** As kubectl merges them: files that are not there are left out, of two entries with one name the first counts. (client-node
 *  fails on both.) */
function fromFiles(paths: readonly string[], origin: string, context: string | undefined): KubeAccess {
  const present = paths.filter((path) => existsSync(path));
  if (present.length === 0)
    throw unusable(`no kubeconfig at ${paths.join(" or ")}; correct the path, or unset KUBECONFIG`);
  const files = present.map(readFile);
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromOptions({
    // kubectl talks plain HTTP to such a server (`kubectl proxy`); client-node only if told that there is no TLS to verify.
    clusters: firstByName(files.flatMap((file) => file.getClusters())).map((cluster) =>
      cluster.server.startsWith("http:") ? { ...cluster, skipTLSVerify: true } : cluster,
    ),
    users: firstByName(files.flatMap((file) => file.getUsers())),
    contexts: firstByName(files.flatMap((file) => file.getContexts())),
    currentContext: context ?? files.map((file) => file.getCurrentContext()).find((name) => (name ?? "") !== ""),
  });
  return { kubeConfig, namespace: checkContext(kubeConfig, origin, context), origin };
}

function readFile(path: string): KubeConfig {
  const kubeConfig = new KubeConfig();
  try {
    kubeConfig.loadFromFile(path);
  } catch (error) {
    // js-yaml's further lines quote the file, which holds credentials; a TypeError means that it is no map.
    const reason = error instanceof TypeError ? "it is empty or no YAML map" : errorText(error).split("\n")[0];
    throw unusable(`${path} is no kubeconfig: ${reason}`);
  }
  return kubeConfig;
}

/** The namespace of the context that was named, else of the current one. */
function checkContext(kubeConfig: KubeConfig, origin: string, named: string | undefined): string {
  const names = kubeConfig.getContexts().map(({ name }) => name);
  const current = kubeConfig.getCurrentContext() ?? "";
  const choose = `choose one by \`kubectl config use-context NAME\` (there are: ${names.join(", ") || "none"})`;
  if (current === "") throw unusable(`${origin} names no current-context; ${choose}`);
  const context = kubeConfig.getContextObject(current);
  const missing = named === undefined ? `"${current}", its current-context` : `"${named}"`;
  if (context === null) throw unusable(`${origin} has no context ${missing}; ${choose}`);
  const cluster = kubeConfig.getCurrentCluster();
  if (cluster === null)
    throw unusable(`context "${current}" of ${origin} names cluster "${context.cluster}", which is not there`);
  const user = kubeConfig.getCurrentUser();
  if (user === null)
    throw unusable(`context "${current}" of ${origin} names user "${context.user}", which is not there`);
  for (const path of [cluster.caFile, user.certFile, user.keyFile])
    if (path && !existsSync(path))
      throw unusable(`context "${current}" of ${origin} needs ${path}, which is not there`);
  return context.namespace || "default";
}

function firstByName<T extends { readonly name: string }>(entries: readonly T[]): T[] {
  const byName = new Map<string, T>();
  for (const entry of entries) if (!byName.has(entry.name)) byName.set(entry.name, entry);
  return [...byName.values()];
}
