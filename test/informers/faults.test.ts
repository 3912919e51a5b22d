import { afterEach, describe, expect, it } from "@jest/globals";
import { impatientClock } from "./clocks.ts";
import { event, fakeServer, list, object, status } from "./fake-server.ts";
import type { FakeServer, Handler } from "./fake-server.ts";
import { kubeConfigFor, run } from "./harness.ts";
import type { Running } from "./harness.ts";
import { configMap } from "./kinds.ts";
import { until } from "./recorder.ts";

describe("informers on an API server that misbehaves", () => {
  let server: FakeServer | undefined;
  let running: Running | undefined;

  afterEach(async () => {
    await running?.stop();
    await server?.stop();
    server = running = undefined;
  });

  async function start(onList: Handler, onWatch: Handler, options: Parameters<typeof run>[2] = {}) {
    server = await fakeServer(onList, onWatch);
    running = run(kubeConfigFor(server.url), [configMap], options);
    return { ...running, requests: server.requests };
  }

  const one: Handler = (_query, reply) => reply.json(200, list(10, [object("a", 5)]));

  it("waits as long as Retry-After says", async () => {
    const clock = impatientClock();
    const { names } = await start(
      (query, reply, nth) => {
        if (nth === 0) reply.json(429, status(429, "too many"), { "retry-after": "7" });
        else one(query, reply, nth);
      },
      (_query, reply) => reply.open(),
      { clock },
    );
    await until(() => names("ConfigMap").length === 1);
    expect(clock.delaysMs[0]).toBe(7_000);
  });

  it("backs off with jitter up to 5 s while the API server fails, and says so once", async () => {
    const clock = impatientClock();
    const { lines, state } = await start(
      (_query, reply, nth) => (nth < 9 ? reply.json(500, status(500, "etcd is out")) : reply.json(200, list(1, []))),
      (_query, reply) => reply.write(event("BOOKMARK", object("", 2))),
      { clock, random: () => 1 },
    );
    await until(() => state("ConfigMap")?.phase === "live");
    expect(clock.delaysMs).toEqual([100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000]);
    expect(lines).toEqual([
      "warn the API server answers 500 to list configmaps (etcd is out); trying again",
      "info configmaps is watched now",
    ]);
  });

  it("lists again when a watch is answered 410, at once, but not without end", async () => {
    const clock = impatientClock();
    const { requests } = await start(one, (_query, reply) => reply.json(410, status(410, "too old")), {
      clock,
      random: () => 1,
    });
    await until(() => requests.length >= 10);
    expect(requests.slice(0, 4)).toEqual(["list limit=500", "watch 10", "list limit=500", "watch 10"]);
    expect(clock.delaysMs.slice(0, 3)).toEqual([100, 200, 400]);
  });

  it("asks for the whole list in one answer when its pages expire, and shows none of the broken list", async () => {
    const { calls, requests } = await start(
      (query, reply) => {
        if (query.has("continue")) reply.json(410, status(410, "continue expired"));
        else if (query.has("limit")) reply.json(200, list(10, [object("a", 5)], "more"));
        else reply.json(200, list(11, [object("a", 5), object("b", 6)]));
      },
      () => undefined,
    );
    await until(() => calls.length > 0);
    expect(requests.slice(0, 3)).toEqual(["list limit=500", "list limit=500 continue=more", "list limit=none"]);
    expect(calls).toEqual([{ call: "replace", kind: "ConfigMap", names: ["a", "b"] }]);
  });

  it("goes on from the last event when the connection breaks in the middle of a line, or of a character", async () => {
    const euro = Buffer.from("€");
    const { names, objects, requests } = await start(
      (_query, reply, nth) => reply.json(200, list(10 + nth * 10, [object("a", 5)])),
      (_query, reply, nth) => {
        if (nth === 0) {
          reply.write(event("ADDED", object("b", 12)) + event("ADDED", object("c", 13)).slice(0, 30));
          setTimeout(() => reply.cut(), 20);
          return;
        }
        const [head = "", tail = ""] = event("MODIFIED", { ...object("a", 13), data: { price: "€" } }).split("€");
        reply.write(Buffer.concat([Buffer.from(head), euro.subarray(0, 1)]));
        setTimeout(() => reply.write(Buffer.concat([euro.subarray(1), Buffer.from(tail)])), 20);
      },
    );
    await until(() => requests.filter((request) => request.startsWith("watch")).length === 2);
    expect(requests).toEqual(["list limit=500", "watch 10", "list limit=1", "watch 12"]);
    await until(() => objects("ConfigMap").get("a")?.metadata.resourceVersion === "13");
    expect(objects("ConfigMap").get("a")?.["data"]).toEqual({ price: "€" });
    expect(names("ConfigMap")).toEqual(["a", "b"]);
  });

  it("opens a new watch when one stays open but silent", async () => {
    const { lines, requests } = await start(one, (_query, reply) => reply.open(), {
      timing: { watchMs: 1_000, watchGraceMs: 50 },
    });
    await until(() => requests.filter((request) => request === "watch 10").length === 2);
    expect(lines).toEqual(["warn the watch of configmaps stayed open but silent; opening a new one"]);
  });

  it("does not let a late deletion of an old incarnation remove its successor", async () => {
    const { calls, names } = await start(one, (_query, reply) => {
      reply.write(event("MODIFIED", object("a", 12, "new")));
      reply.write(event("DELETED", object("a", 13, "uid-a")));
      reply.write(event("DELETED", object("never-seen", 14)));
      reply.write(event("ADDED", object("b", 15)));
    });
    await until(() => names("ConfigMap").includes("b"));
    expect(names("ConfigMap")).toEqual(["a", "b"]);
    expect(calls.filter(({ call }) => call === "remove")).toEqual([]);
  });

  it("lists again when the API server's history went back (a restore of etcd), and then trusts no version", async () => {
    const { lines, objects, replaces } = await start(
      (_query, reply, nth) => reply.json(200, nth === 0 ? list(100, [object("a", 50)]) : list(60, [object("a", 50)])),
      (_query, reply, nth) => {
        reply.write(event("BOOKMARK", object("", 101)));
        if (nth === 0) setTimeout(() => reply.cut(), 20);
      },
    );
    await until(() => replaces("ConfigMap") === 1);
    const before = objects("ConfigMap").get("a");
    await until(() => replaces("ConfigMap") === 2);
    expect(objects("ConfigMap").get("a")).not.toBe(before);
    expect(lines).toEqual(["warn the API server's history of configmaps went back (was etcd restored?)"]);
  });

  it("survives a reader and a sink that throw, and tells where without telling what", async () => {
    let thrown = 0;
    const { calls, lines, objects } = await start(
      (_query, reply) => reply.json(200, list(10, [object("a", 5), object("bad", 6)])),
      (_query, reply, nth) =>
        nth === 0 && reply.write(event("ADDED", object("c", 11)) + event("ADDED", object("d", 12))),
      {
        parse: (raw) => {
          if (raw.metadata.name === "bad") throw new RangeError("hush-hush");
          if (raw.metadata.name === "c" && thrown++ === 0)
            return Object.defineProperty({ ...raw }, "metadata", { get: hush });
          return raw;
        },
      },
    );
    await until(() => calls.filter(({ call }) => call === "replace").length === 2);
    expect(objects("ConfigMap").has("a")).toBe(true);
    expect(lines[0]).toMatch(/^error ConfigMap ns\/bad is left as it was: reading it failed with RangeError at /);
    expect(lines[1]).toMatch(/^error taking in ConfigMap c failed with Error at .*; listing all configmaps again$/);
    expect(lines.join("\n")).not.toContain("hush-hush");
  });

  it("does not call the sink again after the abort, not even for what has arrived already", async () => {
    const controller = new AbortController();
    const calls: string[] = [];
    const sink = {
      replace: () => void calls.push("replace"),
      put: () => {
        calls.push("put");
        controller.abort();
      },
      remove: () => void calls.push("remove"),
    };
    const { lines } = await start(
      one,
      (_query, reply) => reply.write(event("ADDED", object("b", 11)) + event("ADDED", object("c", 12))),
      { signal: controller.signal, sink },
    );
    await until(() => calls.length >= 2);
    await running?.stop();
    expect(calls).toEqual(["replace", "put"]);
    expect(lines).toEqual([]);
  });

  it("tells that credentials are not accepted", async () => {
    const { lines } = await start(
      (_query, reply) => reply.json(401, status(401, "Unauthorized")),
      () => undefined,
      { clock: impatientClock() },
    );
    await until(() => lines.length === 1);
    expect(lines[0]).toMatch(
      /^warn the API server does not accept our credentials \(401\) to list configmaps; check the token/,
    );
  });

  it("takes an answer that is no list, such as a proxy's page, for a failure", async () => {
    const { lines } = await start(
      (_query, reply) => reply.json(200, { hello: "world" }),
      () => undefined,
      { clock: impatientClock() },
    );
    await until(() => lines.length === 1);
    expect(lines[0]).toBe(
      "warn the API server answers 200 to list configmaps (its body is no list of objects); trying again",
    );
  });
});

function hush(): never {
  throw new Error("hush-hush");
}
