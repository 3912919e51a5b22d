// Run by hand: node test/cluster/self-check.ts (Node 24). Shows that everything a Cluster promises holds on this machine.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { startCluster } from "./cluster.ts";
import type { Cluster } from "./cluster.ts";
import { hostAddress } from "./host-address.ts";
import { request } from "./loopback.ts";

const started = Date.now();
const say = (line: string): void => console.log(`${String(Date.now() - started).padStart(6)} ms  ${line}`);

const cluster = await startCluster();
say(`ready: ${cluster.serverUrl}, files in ${cluster.dir}`);
try {
  await checkObjects(cluster);
  await checkServiceAccounts(cluster);
  await checkRestart(cluster);
  await checkGone(cluster);
} finally {
  await cluster.stop();
}
assert.equal(existsSync(cluster.dir), (process.env["KEEP"] ?? "") !== "");
await assert.rejects(request(cluster.serverUrl), /ECONNREFUSED/);
await cluster.stop();
say("stopped, nothing left");

async function checkObjects({ kubectl, apply }: Cluster): Promise<void> {
  const { serverVersion } = JSON.parse((await kubectl(["version", "-o", "json"])).stdout);
  say(`kubectl version: server ${serverVersion.gitVersion}`);
  await apply("apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}");
  await apply(service("cart"));
  await apply(endpointSlice("cart", hostAddress()));
  say(`applied a Namespace, a Service and an EndpointSlice with ${hostAddress()}`);
  await assert.rejects(apply(endpointSlice("loop", "127.0.0.1")), /loopback/);
  const missing = await kubectl(["get", "service", "none", "-n", "shop"], { allowFail: true });
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /NotFound/);
  say("an EndpointSlice with a loopback address is refused, a failed kubectl tells its code");
}

async function checkServiceAccounts({ kubectl, apply, kubeconfigFor }: Cluster): Promise<void> {
  await apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reader, namespace: shop}");
  const kubeconfig = await kubeconfigFor({ namespace: "shop", serviceAccount: "reader" });
  const refused = await kubectl(["get", "services"], { kubeconfig, allowFail: true });
  assert.match(refused.stderr, /Forbidden.*system:serviceaccount:shop:reader/s);
  // Not the ClusterRole view: a controller that is not here would fill it.
  await kubectl(["create", "role", "reader", "-n", "shop", "--verb=list", "--resource=services"]);
  await kubectl(["create", "rolebinding", "reader", "-n", "shop", "--role=reader", "--serviceaccount=shop:reader"]);
  await waitFor(async () =>
    (await kubectl(["get", "services"], { kubeconfig, allowFail: true })).stdout.includes("cart"),
  );
  say("RBAC: a ServiceAccount is refused until a RoleBinding lets it in");
}

async function checkRestart({ kubectl, killApiServer, startApiServer }: Cluster): Promise<void> {
  await killApiServer();
  assert.match((await kubectl(["get", "ns"], { allowFail: true })).stderr, /refused/);
  say("killed the API server");
  await startApiServer();
  assert.match((await kubectl(["get", "services", "-n", "shop"])).stdout, /cart/);
  say("started it again: same port, same data");
}

async function checkGone(cluster: Cluster): Promise<void> {
  const list = await get(cluster, "/api/v1/services?limit=1");
  const { resourceVersion, continue: next } = JSON.parse(list.body).metadata;
  const watch = `/api/v1/services?watch=1&timeoutSeconds=1&resourceVersion=${resourceVersion}`;
  assert.doesNotMatch((await get(cluster, watch)).body, /410/);
  await cluster.compact();
  const after = await get(cluster, watch);
  say(`after compact() a watch from ${resourceVersion} is answered ${after.status} ${after.body.trim()}`);
  assert.match(after.body, /"code":410/);
  const nextPage = await get(cluster, `/api/v1/services?limit=1&continue=${encodeURIComponent(next)}`);
  say(`... and the next page of an old list ${nextPage.status}`);
  assert.equal(nextPage.status, 410);
}

function service(name: string): string {
  return `apiVersion: v1\nkind: Service\nmetadata: {name: ${name}, namespace: shop}\nspec: {ports: [{port: 80}]}`;
}

function endpointSlice(name: string, address: string): string {
  return `apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, namespace: shop, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
endpoints: [{addresses: ["${address}"]}]
ports: [{name: "", port: 8080}]`;
}

async function waitFor(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (!(await condition())) assert.ok(Date.now() < deadline, "waited 10 s in vain");
}

/** With the cluster's certificate authority, so that its check by a Node client is shown too. */
function get({ serverUrl, token, certificateAuthority }: Cluster, path: string) {
  return request(serverUrl + path, { token, ca: certificateAuthority });
}
