import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { KubeConfig } from "@kubernetes/client-node";
import { clusterAvailable } from "../cluster/available.ts";
import { startCluster } from "../cluster/cluster.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { gatedClock } from "./clocks.ts";
import { kubeConfigAt, run, runSynced } from "./harness.ts";
import type { Running } from "./harness.ts";
import { configMap, configMaps, newConfigMap, newWidget, secret, widget, widgetCrd, widgets } from "./kinds.ts";
import { until } from "./recorder.ts";
import { rest } from "./rest.ts";
import type { Rest } from "./rest.ts";

(clusterAvailable ? describe : describe.skip)("informers while the API server goes and comes", () => {
  let cluster: Cluster;
  let api: Rest;
  let kubeConfig: KubeConfig;
  let running: Running | undefined;

  beforeAll(async () => {
    cluster = await startCluster();
    api = rest(cluster);
    kubeConfig = kubeConfigAt(cluster.kubeconfig);
    await cluster.apply(widgetCrd());
    await cluster.kubectl(["wait", "--for=condition=Established", "crd/widgets.test.nuncio.dev"]);
    await until(async () => (await cluster.kubectl(["get", "widgets"], { allowFail: true })).code === 0);
  }, 600_000);

  afterEach(async () => {
    await running?.stop();
    running = undefined;
    await cluster.kubectl(["delete", "widgets", "--all"]);
  });

  afterAll(async () => {
    api?.close();
    await cluster?.stop();
  });

  it("loses nothing that happened between the API server's return and its own", async () => {
    for (const name of ["stays", "changes", "goes", "returns"]) await api.create(widgets, newWidget(name));
    const clock = gatedClock();
    running = await runSynced(kubeConfig, [widget], { clock });
    const { lines, names, objects, state } = running;
    const before = objects("Widget").get("returns")?.metadata.uid;
    clock.close();
    await cluster.killApiServer();
    await cluster.startApiServer();
    await api.patch(`${widgets}/changes`, { spec: { size: 7 } });
    await api.remove(`${widgets}/goes`);
    await api.remove(`${widgets}/returns`);
    await api.create(widgets, newWidget("returns", 1));
    await api.create(widgets, newWidget("comes"));
    clock.open();
    await until(() => names("Widget").includes("comes"), { describe: () => lines.join("\n") });
    expect(names("Widget")).toEqual(["changes", "comes", "returns", "stays"]);
    expect(objects("Widget").get("changes")?.["spec"]).toEqual({ size: 7 });
    expect(objects("Widget").get("returns")?.metadata.uid).not.toBe(before);
    await until(() => state("Widget")?.phase === "live");
  });

  it("says once that the API server is away, keeps what is live, and says that it is back", async () => {
    await api.create(widgets, newWidget("w"));
    running = await runSynced(kubeConfig, [widget, configMap, secret]);
    const { lines, names, states, state } = running;
    await cluster.killApiServer();
    const unreachable = (kind: string): boolean => {
      const now = state(kind);
      return now?.phase === "waiting" && now.reason === "unreachable";
    };
    await until(() => ["Widget", "ConfigMap", "Secret"].every(unreachable));
    expect(names("Widget")).toEqual(["w"]);
    await cluster.startApiServer();
    await until(() => ["Widget", "ConfigMap", "Secret"].every((kind) => state(kind)?.phase === "live"), {
      describe: () => JSON.stringify([states, lines]),
    });
    const reachability = lines.filter((line) => line.includes("the API server https"));
    expect(reachability[0]).toMatch(/^warn the API server https:\S+ cannot be reached \(.+\); waiting for it/);
    expect(reachability[1]).toMatch(/^info the API server https:\S+ answers again after \d/);
    expect(reachability).toHaveLength(2);
    expect(names("Widget")).toEqual(["w"]);
  });

  it("waits for an API server that is away at the start", async () => {
    await cluster.killApiServer();
    running = run(kubeConfig, [widget, configMap, secret]);
    const { lines, state, synced } = running;
    await until(() => ["Widget", "ConfigMap", "Secret"].every((kind) => state(kind)?.phase === "waiting"));
    expect(lines).toHaveLength(1);
    expect(synced()).toBe(false);
    await cluster.startApiServer();
    await until(synced, { describe: () => lines.join("\n") });
  });

  it("heals by a complete list after compaction (410), and keeps the identity of what did not change", async () => {
    for (const name of ["stays", "goes"]) await api.create(widgets, newWidget(name));
    const clock = gatedClock();
    running = await runSynced(kubeConfig, [widget], { clock });
    const { calls, debugLines, names, objects, replaces } = running;
    const stays = objects("Widget").get("stays");
    clock.close();
    await cluster.compact();
    await api.remove(`${widgets}/goes`);
    await api.create(widgets, newWidget("comes"));
    clock.open();
    await until(() => names("Widget").includes("comes"));
    expect(debugLines).toContainEqual(expect.stringContaining("too old to go on from"));
    expect(replaces("Widget")).toBe(2);
    expect(names("Widget")).toEqual(["comes", "stays"]);
    expect(objects("Widget").get("stays")).toBe(stays);
    expect(calls.filter(({ call }) => call === "remove")).toEqual([]);
  });

  it("has everything in the end when the API server is killed again and again under writes", async () => {
    running = await runSynced(kubeConfig, [configMap], { namespace: "default" });
    const { names } = running;
    const created: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) {
        const name = `r${round}-${String(i).padStart(2, "0")}`;
        await api.create(configMaps("default"), newConfigMap(name));
        created.push(name);
      }
      for (const gone of created.splice(0, 5)) await api.remove(`${configMaps("default")}/${gone}`);
      await cluster.killApiServer();
      await cluster.startApiServer();
    }
    await until(() => names("ConfigMap").filter((name) => name.startsWith("r")).length === created.length);
    expect(names("ConfigMap").filter((name) => name.startsWith("r"))).toEqual(created);
  });

  it("ends everything when the signal aborts: a process with nothing else to do exits", async () => {
    const child = spawn(
      process.execPath,
      [fileURLToPath(new URL("abort-child.ts", import.meta.url)), cluster.kubeconfig],
      {
        stdio: ["ignore", "pipe", "inherit"],
        env: { ...process.env, NODE_OPTIONS: "" },
      },
    );
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code] = await once(child, "close");
    expect([code, output]).toEqual([0, expect.stringMatching(/^stopped in \d+ ms, left: \[\]\n$/)]);
    expect(Number(/in (\d+) ms/.exec(output)?.[1])).toBeLessThan(500);
  });
});
