/** Processes of ours that are killed, added and removed. */
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../test/e2e/support/gateway.ts";
import { startLoad } from "../../test/e2e/support/load.ts";
import type { Fault } from "./fault.ts";
import type { Ground } from "./ground.ts";
import { startWithinMs, stayingPath } from "./ground.ts";

/** What Envoy itself has counted of configuration that it took, by the kind of it. */
async function updatesOf({ gateway }: Ground): Promise<string> {
  const filter = encodeURIComponent("(update_success|config_reload)$");
  return await gateway.envoyAdmin(`/stats?filter=${filter}`);
}

export const controlPlaneKilled: Fault = {
  name: "control-plane-killed",
  inTests: true,
  async run(ground, { form, load }) {
    const { gateway } = ground;
    const kills = form === "long" ? 10 : 3;
    const envoy = gateway.pidOf("envoy");
    const restarts = await gateway.metric("nuncio_control_plane_restarts");
    const before = await updatesOf(ground);
    const mark = gateway.mark();
    for (let kill = 0; kill < kills; kill++) {
      const each = gateway.mark();
      process.kill(gateway.pidOf("control-plane") as number, "SIGKILL");
      await gateway.logged(/supervisor: the control plane is ready/, each, { timeoutMs: 60_000 });
    }
    await load.more(50);
    const counted = (await gateway.metric("nuncio_control_plane_restarts")) - restarts;
    if (counted !== kills || gateway.pidOf("envoy") !== envoy) throw new Error(`${counted} restarts of ${kills} kills`);
    if (gateway.sent(mark).length > 0) throw new Error("configuration was sent again that Envoy had");
    // By Envoy's own account.
    const after = await updatesOf(ground);
    if (after !== before) throw new Error(`Envoy was sent configuration:\n${before}\nthen\n${after}`);
    return { proof: `killed with -9 ${kills} times; Envoy's process stayed, and it was sent nothing` };
  },
};

export const envoyKilled: Fault = {
  name: "envoy-killed",
  inTests: true,
  async run({ gateway, get }, { load }) {
    const restarts = await gateway.metric("nuncio_envoy_restarts");
    const killedMs = performance.now();
    process.kill(gateway.pidOf("envoy") as number, "SIGKILL");
    await gateway.until("a request fails", () => load.failures.length > 0);
    await gateway.until("the route", async () => (await get(stayingPath).catch(() => undefined))?.status === 200);
    const awayMs = Math.round(performance.now() - killedMs);
    await gateway.until(
      "the restart is counted",
      async () => (await gateway.metric("nuncio_envoy_restarts")) === restarts + 1,
    );
    const failed = new Set(load.failures);
    return {
      proof: `killed with -9; the next one served after ${awayMs} ms`,
      // No 404 and no 503 among them: it listens only once it has its routes.
      excused: (failure) => failed.has(failure) && /^(ECONNRESET|ECONNREFUSED|ERR_HTTP2_)/.test(failure),
    };
  },
};

/** Two gateways behind a load balancer that asks /readyz; the second one comes, takes new connections, and goes. */
export const replicaAddedAndRemoved: Fault = {
  name: "replica-added-removed",
  inTests: true,
  async run({ replica, port, gateway }, { form }) {
    const address = "127.0.0.2";
    const second = await replica(address, ["--drain-delay", form === "long" ? "5" : "1"]);
    const ready = async () => (await second.readyz())?.status === 200;
    let targets: readonly string[] = ["127.0.0.1"];
    let turn = 0;
    let balances = true;
    const balancing = (async () => {
      while (balances) {
        targets = (await ready()) ? ["127.0.0.1", address] : ["127.0.0.1"];
        await sleep(50);
      }
    })();
    const to = { port: () => port, address: () => targets[turn++ % targets.length] ?? "127.0.0.1" };
    const load = startLoad({ ...to, paths: [stayingPath], kept: 2, fresh: 2, http2: 1, pauseMs: 4 });
    try {
      await second.ready({ timeoutMs: startWithinMs });
      const requestsOf = async () =>
        Number(
          /downstream_rq_total: (\d+)/.exec(await second.envoyAdmin("/stats?filter=ingress.*downstream_rq_total"))?.[1],
        );
      await load.more(form === "long" ? 2000 : 200);
      const served = await second.until("requests at the second", requestsOf);
      const envoy = second.pidOf("envoy") as number;
      const code = await second.end("SIGTERM");
      await load.more(form === "long" ? 1000 : 100);
      balances = false;
      await balancing;
      const { sent, failures } = await load.stop();
      if (failures.length > 0) throw new Error(`${failures.length} of ${sent} requests lost: ${failures[0]}`);
      if (code !== 0 || isAlive(envoy)) throw new Error(`it ended with ${code}`);
      if ((await gateway.readyz())?.status !== 200) throw new Error("the first one is not ready");
      return { proof: `the second served ${served} of ${sent} requests by both, then left on SIGTERM` };
    } finally {
      balances = false;
      await load.stop();
      await second.stop();
    }
  },
};
