/** Where faults happen: a real API server behind a proxy that can misbehave, a gateway with routes, backends, and requests. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../../test/cluster/loopback.ts";
import { writeKubeconfig } from "../../test/cluster/kubeconfig.ts";
import { type Backend, startBackend } from "../../test/e2e/support/backend.ts";
import { type Bulk, bulk } from "../../test/e2e/support/bulk.ts";
import { send, type Answer } from "../../test/e2e/support/client.ts";
import { startWorld, type World } from "../../test/e2e/support/cluster.ts";
import type { Gateway, GatewayOptions } from "../../test/e2e/support/gateway.ts";
import { type Load, startLoad } from "../../test/e2e/support/load.ts";
import {
  cleartextHost,
  endpointSlice,
  host,
  listener,
  mapping,
  service,
  tlsSecret,
} from "../../test/e2e/support/manifests.ts";
import { type Certificate, selfSigned } from "../../test/support/certificates.ts";
import { type FaultProxy, startFaultProxy } from "../../test/support/fault-proxy.ts";

/** A machine that has other work too must not fail a fault. */
export const startWithinMs = 120_000;
export const secureName = "secure.test";
/** A Mapping that no fault touches; requests go to it without end. */
export const stayingPath = "/stay/";

export interface Ground {
  readonly world: World;
  readonly gateway: Gateway;
  readonly proxy: FaultProxy;
  readonly writes: Bulk;
  readonly backend: Backend;
  readonly port: number;
  readonly tlsPort: number;
  /** Another gateway on the same objects; its Listeners are on another address of loopback. */
  readonly replica: (address: string, args: readonly string[]) => Promise<Gateway>;
  /** HTTP/1.1 kept alive and anew, HTTP/2 and TLS, on the route that stays. */
  readonly startLoad: () => Load;
  readonly get: (path: string) => Promise<Answer>;
  /** Served under TLS now: the serial of its certificate. */
  readonly serial: () => Promise<string>;
  /** Changes a Mapping, waits until the change answers, and tells how long that took. */
  readonly land: () => Promise<number>;
  /** Creates the Mappings anew, after the loss of all. */
  readonly restore: () => Promise<void>;
  /** A new certificate in the Secret. */
  readonly rotate: () => Promise<Certificate>;
  readonly stop: () => Promise<void>;
}

export async function prepareGround(options: Partial<GatewayOptions> = {}): Promise<Ground> {
  const world = await startWorld();
  const proxy = await startFaultProxy(world.cluster);
  const writes = bulk(world.cluster);
  const backend = await startBackend("one");
  const [port, tlsPort] = [await freePort(), await freePort()];
  const stop = async (): Promise<void> => {
    writes.close();
    await world.stop();
    await proxy.close();
    await backend.close();
  };
  try {
    const rotate = async (): Promise<Certificate> => {
      const certificate = await selfSigned({ hosts: [secureName] });
      await world.apply(tlsSecret("secure", certificate));
      return certificate;
    };
    await rotate();
    await world.apply(
      ...[listener("http", port), listener("https", tlsPort, { protocol: "HTTPS" })],
      ...[cleartextHost("any", "*"), host("secure", { hostname: secureName, tlsSecret: { name: "secure" } })],
      ...[service("one", 80, { headless: true }), endpointSlice("one", backend)],
    );
    const changing = (rewrite: string) => mapping("change", { prefix: "/change/", service: "one", rewrite });
    const restore = () =>
      writes.create([mapping("stay", { prefix: stayingPath, service: "one" }), changing("/landed/")]);
    await restore();
    const kubeconfig = await kubeconfigThrough(world, proxy);
    // As in a Pod, so that it has Leases to renew.
    const pod = (name: string) => ({ AMBASSADOR_NAMESPACE: "nuncio", POD_NAME: name });
    const gateway = await world.gateway({ kubeconfig, ...options, env: { ...pod("first"), ...options.env } });
    await gateway.ready({ timeoutMs: startWithinMs });
    const get = (path: string) => send(port, path);
    let landed = 0;
    return {
      ...{ world, gateway, proxy, writes, backend, port, tlsPort, get, restore, rotate, stop },
      replica: (address, args) =>
        world.gateway({ kubeconfig, args, env: { ...pod("second"), AMBASSADOR_ENVOY_BIND_ADDRESS: address } }),
      serial: async () =>
        (await send(tlsPort, stayingPath, { host: secureName, tls: { servername: secureName } })).serial,
      startLoad: () => mixedLoad({ port, tlsPort }),
      land: async () => {
        const url = `/landed-${++landed}/`;
        const startedMs = performance.now();
        await writes.change([changing(url)]);
        await gateway.until(
          "a change after the fault",
          async () => {
            const answer = await get("/change/");
            return answer.status === 200 && answer.echo().url === url;
          },
          { timeoutMs: 120_000 },
        );
        return Math.round(performance.now() - startedMs);
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function mixedLoad({ port, tlsPort }: { readonly port: number; readonly tlsPort: number }): Load {
  const common = { paths: [stayingPath], pauseMs: 8 };
  const loads = [
    startLoad({ ...common, port: () => port, kept: 2, fresh: 1, http2: 1 }),
    startLoad({ ...common, port: () => tlsPort, kept: 1, fresh: 0, host: secureName, servername: secureName }),
  ];
  return {
    sent: () => loads.reduce((sum, each) => sum + each.sent(), 0),
    get failures() {
      return loads.flatMap((each) => each.failures);
    },
    more: async (count) => {
      await Promise.all(loads.map((each) => each.more(count / loads.length)));
    },
    stop: async () => {
      const results = await Promise.all(loads.map((each) => each.stop()));
      return {
        sent: results.reduce((sum, each) => sum + each.sent, 0),
        failures: results.flatMap((each) => each.failures),
        longestMs: Math.max(...results.map((each) => each.longestMs)),
      };
    },
  };
}

/** Of the gateway's ServiceAccount, by way of the proxy. */
async function kubeconfigThrough({ cluster }: World, { url }: FaultProxy): Promise<string> {
  const account = { namespace: "nuncio", serviceAccount: "nuncio" };
  const direct = JSON.parse(readFileSync(await cluster.kubeconfigFor(account), "utf8")) as {
    readonly users: readonly [{ readonly user: { readonly token: string } }];
  };
  return writeKubeconfig(join(cluster.dir, "proxied.kubeconfig"), {
    serverUrl: url,
    certificateAuthority: cluster.certificateAuthority,
    token: direct.users[0].user.token,
    user: "nuncio",
    namespace: account.namespace,
  });
}
