/** Objects that change, come and go in ways that hurt. */
import { startBackend } from "../../test/e2e/support/backend.ts";
import { cleartextHost, endpointSlice, type Manifest, mapping, service } from "../../test/e2e/support/manifests.ts";
import { applyCrds } from "../../test/cluster/install.ts";
import type { Fault } from "./fault.ts";
import { stayingPath } from "./ground.ts";

export const secretRotated: Fault = {
  name: "secret-rotated",
  inTests: true,
  async run({ gateway, serial, rotate }, { form, load }) {
    const rotations = form === "long" ? 20 : 3;
    const mark = gateway.mark();
    for (let rotation = 0; rotation < rotations; rotation++) {
      const certificate = await rotate();
      await gateway.until("the new certificate", async () => (await serial()) === certificate.serial);
      await load.more(20);
    }
    const sent = new Set(gateway.sent(mark).map(({ type }) => type));
    if (sent.size !== 1 || !sent.has("secret")) throw new Error(`sent: ${[...sent].join(", ")}`);
    return { proof: `${rotations} certificates one after the other, each seen in a handshake; no listener was sent` };
  },
};

/** As a Deployment does it: the new Pod becomes ready, the old one is marked as ending, and closes once it was taken away. */
export const upstreamRolled: Fault = {
  name: "upstream-rolled",
  inTests: true,
  async run({ gateway, world, writes, get, backend }, { form, load }) {
    const rounds = form === "long" ? 10 : 3;
    const names = new Set<string>();
    let current = await startBackend("pod-0");
    try {
      await world.apply(endpointSlice("one", current));
      const answeredBy = async () => (await get(stayingPath)).echo().backend;
      await gateway.until("the first Pod", async () => (await answeredBy()) === "pod-0");
      for (let round = 1; round <= rounds; round++) {
        const old = current;
        current = await startBackend(`pod-${round}`);
        const next = endpointSlice("one", current, { name: "one-next" });
        await writes.create([next]);
        const ending = { conditions: { ready: false, serving: true, terminating: true } };
        await world.apply(endpointSlice("one", old, ending));
        await gateway.until("requests at the new Pod", async () => (await answeredBy()) === `pod-${round}`);
        await gateway.until("no more at the old one", async () => {
          old.reset();
          await load.more(50);
          return old.count() === 0;
        });
        names.add(`pod-${round}`);
        await world.apply(endpointSlice("one", current));
        await writes.remove([next]);
        await old.close();
        await load.more(50);
      }
      return { proof: `${names.size} rollouts, each Pod's process gone before the next` };
    } finally {
      await world.apply(endpointSlice("one", backend));
      await gateway.until("the first backend", async () => (await get(stayingPath)).echo().backend === backend.name);
      await load.more(50);
      await current.close();
    }
  },
};

export const massChanges: Fault = {
  name: "mass-changes",
  inTests: false, // test/faults/busy.test.ts
  async run({ gateway, writes, get }, { load }) {
    const count = 1000;
    const made = (rewrite: string): readonly Manifest[] =>
      Array.from({ length: count }, (_, index) =>
        mapping(`mass-${index}`, { prefix: `/mass-${index}/`, service: "one", rewrite }),
      );
    const last = async () => await get(`/mass-${count - 1}/`);
    const all = async (holds: (index: number) => Promise<boolean>) => {
      for (let index = 0; index < count; index += 37) if (!(await holds(index))) return false;
      return true;
    };
    const seen = (what: string, holds: (index: number) => Promise<boolean>) =>
      gateway.until(what, () => all(holds), { timeoutMs: 120_000 });
    await writes.create(made("/first/"));
    await seen("all of them", async (index) => (await get(`/mass-${index}/`)).status === 200);
    await writes.change(made("/second/"));
    await seen("all changes", async (index) => (await get(`/mass-${index}/`)).echo().url === "/second/");
    await writes.remove(made("/second/"));
    await seen("all deletions", async (index) => (await get(`/mass-${index}/`)).status === 404);
    await load.more(50);
    if ((await last()).status !== 404) throw new Error("a deleted route is there");
    return { proof: `${count} Mappings created, changed and deleted at once, each seen by requests` };
  },
};

/** A test cluster has no controller that empties a namespace, so each kind's objects are deleted as that would do it. */
export const namespaceDeleted: Fault = {
  name: "namespace-deleted",
  inTests: true,
  async run({ gateway, world, backend, get }, { load }) {
    const { kubectl } = world.cluster;
    await kubectl(["create", "namespace", "doomed"]);
    await world.apply(
      ...[service("doomed/one", 80, { headless: true }), endpointSlice("doomed/one", backend)],
      cleartextHost("doomed/any", "doomed.test"),
      mapping("doomed/m", { prefix: "/doomed/", service: "one" }),
    );
    await gateway.until("its route", async () => (await get("/doomed/")).status === 200);
    await kubectl(["delete", "namespace", "doomed", "--wait=false"]);
    const kinds = "mappings.getambassador.io,hosts.getambassador.io,services,endpointslices";
    await kubectl(["delete", kinds, "--all", "-n", "doomed"]);
    await gateway.until("the end of its route", async () => (await get("/doomed/")).status === 404);
    await load.more(50);
    return { proof: "its route answered 404 afterwards, those of other namespaces went on" };
  },
};

/** `kubectl delete crd`, by mistake; then the CRD again, and later its objects. */
export const crdDeleted: Fault = {
  name: "crd-deleted",
  inTests: true,
  async run({ gateway, world, get, restore }, { form, load }) {
    const { kubectl } = world.cluster;
    await world.apply(mapping("mistaken", { prefix: "/mistaken/", service: "one" }));
    await gateway.until("the route", async () => (await get("/mistaken/")).status === 200);
    const mark = gateway.mark();
    await kubectl(["delete", "crd", "mappings.getambassador.io"]);
    await gateway.logged(/warn .*CRD mappings\.getambassador\.io is gone/, mark);
    await load.more(form === "long" ? 2000 : 100);
    if ((await get("/mistaken/")).status !== 200) throw new Error("a route went with the CRD");
    await applyCrds(world.cluster);
    await gateway.logged(/mappings\.getambassador\.io .*are not there any more/, mark);
    await load.more(100);
    if ((await get("/mistaken/")).status !== 200) throw new Error("a route went when the CRD was back");
    const { stdout } = await kubectl(["get", "mappings", "-A", "-o", "name"]);
    if (stdout.trim() !== "") throw new Error(`the objects had not gone: ${stdout}`);
    await restore();
    return { proof: "CRD and Mappings deleted, the CRD applied again without them, then the Mappings" };
  },
};
