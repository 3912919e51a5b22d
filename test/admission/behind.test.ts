import { afterEach, describe, expect, it } from "@jest/globals";
import { createJudge } from "../../runtime/admission/judge.ts";
import { systemClock } from "../../runtime/clock.ts";
import { watchCluster, watchedKinds } from "../../runtime/cluster-source.ts";
import { silentLog } from "../../runtime/log.ts";
import { type FakeServer, fakeServer, type Handler, type Reply, status } from "../informers/fake-server.ts";
import { kubeConfigFor } from "../informers/harness.ts";
import { eventually } from "../support/eventually.ts";
import { listener, mapping } from "./reviews.ts";
import { settings } from "./state.ts";

describe("admission that an API server leaves in the dark", () => {
  let stopped = new AbortController();
  let server: FakeServer | undefined;

  afterEach(async () => {
    stopped.abort();
    stopped = new AbortController();
    await server?.stop();
  });

  async function follow(kind: string, onList: Handler, onWatch: Handler) {
    server = await fakeServer(onList, onWatch);
    const source = watchCluster({
      keepAllSecrets: true,
      settings,
      kubeConfig: kubeConfigFor(server.url),
      kinds: watchedKinds.filter((each) => each.kind === kind),
      log: silentLog,
      signal: stopped.signal,
      onChange: () => undefined,
      onWaiting: () => undefined,
    });
    const judge = createJudge({ settings, ...source, clock: systemClock });
    await eventually("the first list", source.synced);
    return { source, judge };
  }

  it("warns of a conflict with what may be gone by now, denies what is wrong by itself, and denies both when it sees again", async () => {
    let isAway = false;
    let watching: Reply | undefined;
    const items = [listener("web", 8080, { resourceVersion: "5" })];
    const { source, judge } = await follow(
      "Listener",
      (_, reply) => {
        if (isAway) reply.json(500, status(500, "etcd is out"));
        else reply.json(200, { kind: "ListenerList", metadata: { resourceVersion: "10" }, items });
      },
      (_, reply) => {
        if (isAway) return reply.json(500, status(500, "etcd is out"));
        watching = reply;
        reply.open();
      },
    );
    const conflicting = () => judge.judge({ kind: "create", object: listener("new", 8080) });
    const wrong = () => judge.judge({ kind: "create", object: mapping("m", { service: "ftp://x" }) });
    await eventually("a watch", () => watching !== undefined && source.behind() === undefined);
    const denied = await conflicting();
    expect(denied.allowed).toBe(false);

    isAway = true;
    watching?.cut();
    await eventually("it is known", () => source.behind() !== undefined);
    const inDoubt = await conflicting();
    expect(inDoubt).toMatchObject({ allowed: true, message: "" });
    expect(inDoubt.warnings).toEqual([
      ...denied.message.split("\n"),
      expect.stringMatching(/^Listener default\/new: not refused, because the state .* 500 .*etcd is out/),
    ]);
    expect((await wrong()).allowed).toBe(false);

    isAway = false;
    await eventually("it is watched again", () => source.behind() === undefined);
    expect(await conflicting()).toEqual(denied);
  });

  it("is sure of what it may never see", async () => {
    const { source } = await follow(
      "Ingress",
      (_, reply) => reply.json(403, status(403, "no right")),
      (_, reply) => reply.open(),
    );
    expect(source.behind()).toBeUndefined();
  });
});
