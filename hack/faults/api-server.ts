/** The API server and etcd: away, slow, failing, forgetful, silent. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Load } from "../../test/e2e/support/load.ts";
import { endpointSlice, mapping } from "../../test/e2e/support/manifests.ts";
import type { Misbehaviour } from "../../test/support/fault-proxy.ts";
import type { Fault, Form } from "./fault.ts";
import type { Ground } from "./ground.ts";

/** A while with requests in it. */
async function last(form: Form, load: Load, longMs: number): Promise<number> {
  const startedMs = performance.now();
  if (form === "long") await sleep(longMs);
  await load.more(100);
  return Math.round(performance.now() - startedMs);
}

async function mustBeReady({ gateway }: Ground): Promise<void> {
  const answer = await gateway.readyz();
  if (answer?.status !== 200) throw new Error(`the gateway is not ready any more: ${answer?.body}`);
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

export const apiServerAway: Fault = {
  name: "api-server-away",
  inTests: false, // test/faults/apiserver.test.ts
  async run(ground, { form, load }) {
    const { gateway, world } = ground;
    const mark = gateway.mark();
    await world.cluster.killApiServer();
    await gateway.logged(/warn .*API server .* cannot be reached/, mark);
    const awayMs = await last(form, load, 60_000);
    await mustBeReady(ground);
    await world.cluster.startApiServer();
    return { proof: `killed with -9, started again after ${seconds(awayMs)}` };
  },
};

/** Its watch cache and etcd's history are gone when the gateway looks again: only lists tell what happened. */
export const watchCacheEmptied: Fault = {
  name: "watch-cache-emptied",
  inTests: false, // test/faults/apiserver.test.ts
  async run({ gateway, world, get }, { load }) {
    await world.apply(mapping("goes", { prefix: "/goes/", service: "one" }));
    await gateway.until("the route", async () => (await get("/goes/")).status === 200);
    const mark = gateway.mark();
    const controlPlane = gateway.pidOf("control-plane") as number;
    process.kill(controlPlane, "SIGSTOP");
    try {
      await world.cluster.killApiServer();
      await world.cluster.startApiServer();
      await world.remove(mapping("goes", { prefix: "/goes/", service: "one" }));
      await world.cluster.compact();
      await load.more(100);
    } finally {
      process.kill(controlPlane, "SIGCONT");
    }
    await gateway.logged(/is too old to go on from; listing all/, mark, { timeoutMs: 60_000 });
    await gateway.until("the deletion", async () => (await get("/goes/")).status === 404);
    return { proof: "every version was answered 410 Gone, and everything was listed anew" };
  },
};

function misbehaving(name: string, misbehaviour: Misbehaviour, words: string): Fault {
  return {
    name,
    inTests: true,
    async run(ground, { form, load }) {
      const { proxy, gateway } = ground;
      proxy.behave(misbehaviour);
      try {
        // Met by the gateway, not just made: by its list or watch after the cut, or by the Leases that it renews.
        await gateway.until("a request that meets it", () => proxy.met() > 0, { timeoutMs: 60_000 });
        const lastedMs = await last(form, load, 30_000);
        await mustBeReady(ground);
        if (misbehaviour.kind !== "slow")
          return { proof: `${proxy.met()} requests of the gateway ${words}, for ${seconds(lastedMs)}` };
        // While it lasts.
        const landedMs = await ground.land();
        return {
          proof: `${proxy.met()} requests of the gateway ${words}; a change landed in ${landedMs} ms meanwhile`,
        };
      } finally {
        proxy.behave({ kind: "none" });
      }
    },
  };
}

export const apiServerSlow = misbehaving("api-server-slow", { kind: "slow", delayMs: 2000 }, "were answered 2 s late");
export const apiServerFailing = misbehaving("api-server-500", { kind: "status", status: 500 }, "were answered 500");
export const apiServerBusy = misbehaving(
  "api-server-429",
  { kind: "status", status: 429, retryAfterSeconds: 1 },
  "were answered 429",
);

export const etcdRestarted: Fault = {
  name: "etcd-restarted",
  inTests: true,
  async run(ground, { load }) {
    const { world, gateway } = ground;
    const startedMs = performance.now();
    await world.cluster.restartEtcd();
    await load.more(50);
    await mustBeReady(ground);
    const write = () => world.apply(mapping("after-etcd", { prefix: "/after-etcd/", service: "one" })).then(() => true);
    await gateway.until("the API server takes writes again", write, { timeoutMs: 60_000 });
    return {
      proof: `etcd killed with -9 and started; writes went again after ${seconds(performance.now() - startedMs)}`,
    };
  },
};

/** A middlebox forgot the connections: nothing comes on them any more, and nothing says so. */
export const watchesSilent: Fault = {
  name: "watches-silent",
  inTests: false, // it takes as long as the gateway waits for a bookmark; test/informers/silence.test.ts
  async run({ proxy, gateway, world, backend, get }, { load }) {
    const mark = gateway.mark();
    const silenced = proxy.silence();
    if (silenced === 0) throw new Error("no watch was open");
    const startedMs = performance.now();
    await world.apply(mapping("unheard", { prefix: "/unheard/", service: "one" }), endpointSlice("one", backend));
    await load.more(100);
    if ((await get("/unheard/")).status !== 404) throw new Error("a silenced watch told of a change");
    const heard = async () => (await get("/unheard/")).status === 200;
    await gateway.until("the change that was not told", heard, { timeoutMs: 400_000, everyMs: 100 });
    await gateway.logged(/the watch of mappings\.getambassador\.io .*(silent|said nothing)/, mark);
    return {
      proof: `${silenced} open watches said nothing any more; a change of then was live ${seconds(performance.now() - startedMs)} later`,
    };
  },
};
