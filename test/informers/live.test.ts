import { afterAll, afterEach, beforeAll, describe, expect, it } from "@jest/globals";
import type { KubeConfig } from "@kubernetes/client-node";
import { systemClock } from "../../runtime/clock.ts";
import { defaultTiming } from "../../runtime/informers.ts";
import { secretFieldSelector } from "../../runtime/informers/kind.ts";
import { clusterAvailable } from "../cluster/available.ts";
import { startCluster } from "../cluster/cluster.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { kubeConfigAt, kubeConfigFor, run, runSynced } from "./harness.ts";
import type { Running } from "./harness.ts";
import { configMap, configMaps, newConfigMap, newWidget, secret, widget, widgetCrd, widgets } from "./kinds.ts";
import { until } from "./recorder.ts";
import { rest } from "./rest.ts";
import type { Rest } from "./rest.ts";

(clusterAvailable ? describe : describe.skip)("informers on a live API server", () => {
  let cluster: Cluster;
  let api: Rest;
  let kubeConfig: KubeConfig;
  let running: Running | undefined;

  beforeAll(async () => {
    cluster = await startCluster();
    api = rest(cluster);
    kubeConfig = kubeConfigAt(cluster.kubeconfig);
  }, 600_000);

  afterEach(async () => {
    await running?.stop();
    running = undefined;
  });

  afterAll(async () => {
    api?.close();
    await cluster?.stop();
  });

  it("delivers one complete list over many pages, then each change in order", async () => {
    await cluster.kubectl(["create", "namespace", "pages"]);
    const initial = Array.from({ length: 7 }, (_, i) => `c${i}`);
    await Promise.all(initial.map((name) => api.create(configMaps("pages"), newConfigMap(name))));
    const kind = { ...configMap, namespace: "pages" };
    running = await runSynced(kubeConfig, [kind], { timing: { pageSize: 3 } });
    expect(running.calls).toEqual([{ call: "replace", kind: "ConfigMap", names: initial }]);

    await api.create(configMaps("pages"), newConfigMap("new", { a: "1" }));
    await api.patch(`${configMaps("pages")}/c0`, { data: { b: "2" } });
    await api.remove(`${configMaps("pages")}/c1`);
    const { calls, objects, state } = running;
    await until(() => calls.length === 4);
    expect(calls.slice(1).map((call) => [call.call, "name" in call ? call.name : ""])).toEqual([
      ["put", "new"],
      ["put", "c0"],
      ["remove", "c1"],
    ]);
    expect(objects("ConfigMap").get("c0")?.["data"]).toEqual({ b: "2" });
    expect(state("ConfigMap")).toEqual({ phase: "live" });
  });

  it("fills kind and apiVersion in and drops managedFields and the last applied manifest", async () => {
    await cluster.kubectl(["create", "namespace", "slim"]);
    await cluster.kubectl(["apply", "-n", "slim", "-f", "-"], { input: JSON.stringify(newConfigMap("c", { a: "1" })) });
    running = await runSynced(kubeConfig, [{ ...configMap, namespace: "slim" }]);
    await api.patch(`${configMaps("slim")}/c`, { metadata: { annotations: { mine: "kept" } } });
    const { calls, objects } = running;
    await until(() => calls.length === 2);
    const object = objects("ConfigMap").get("c");
    expect(object).toMatchObject({ kind: "ConfigMap", apiVersion: "v1", data: { a: "1" } });
    expect(object?.metadata["annotations"]).toEqual({ mine: "kept" });
    expect(object?.metadata["managedFields"]).toBeUndefined();
  });

  it("transfers only Secrets that can matter, and prints no object into the debug log", async () => {
    await cluster.kubectl(["create", "namespace", "secrets"]);
    const create = (name: string, type: string) =>
      api.create("/api/v1/namespaces/secrets/secrets", {
        kind: "Secret",
        metadata: { name },
        type,
        stringData: { "tls.crt": "hush-hush", "tls.key": "hush-hush" },
      });
    await create("cert", "kubernetes.io/tls");
    await create("opaque", "Opaque");
    await create("release", "helm.sh/release.v1");
    running = await runSynced(kubeConfig, [{ ...secret, namespace: "secrets", fieldSelector: secretFieldSelector }]);
    await create("release-2", "helm.sh/release.v1");
    await create("opaque-2", "example.com/mine");
    const { calls, names, debugLines, lines } = running;
    await until(() => calls.length === 2);
    expect(names("Secret")).toEqual(["cert", "opaque", "opaque-2"]);
    expect([...debugLines, ...lines].join("\n")).not.toMatch(/hush|aHVzaC/);
    expect(debugLines).not.toEqual([]);
  });

  it("takes an object that leaves the label selector away", async () => {
    await cluster.kubectl(["create", "namespace", "labels"]);
    const labelled = { ...newConfigMap("c"), metadata: { name: "c", labels: { use: "yes" } } };
    await api.create(configMaps("labels"), labelled);
    await api.create(configMaps("labels"), newConfigMap("other"));
    running = await runSynced(kubeConfig, [configMap], { namespace: "labels", labelSelector: "use=yes" });
    const { names } = running;
    expect(names("ConfigMap")).toEqual(["c"]);
    await api.patch(`${configMaps("labels")}/c`, { metadata: { labels: { use: "no" } } });
    await until(() => names("ConfigMap").length === 0);
  });

  it("keeps 600 fast updates of one object in order", async () => {
    await cluster.kubectl(["create", "namespace", "order"]);
    await api.create(configMaps("order"), newConfigMap("c"));
    running = await runSynced(kubeConfig, [configMap], { namespace: "order" });
    const patches = Array.from({ length: 600 }, (_, i) =>
      api.patch(`${configMaps("order")}/c`, { data: { n: `${i}` } }),
    );
    await Promise.all(patches);
    const { calls } = running;
    await until(() => calls.length === 601);
    const versions = calls.flatMap((call) =>
      call.call === "put" ? [Number(call.object.metadata.resourceVersion)] : [],
    );
    expect(versions.filter((version, i) => i > 0 && version <= (versions[i - 1] ?? 0))).toEqual([]);
  });

  it("waits for a missing CRD, says so once by name, and serves the other kinds meanwhile", async () => {
    await cluster.kubectl(["create", "namespace", "crd"]);
    running = run(kubeConfig, [widget, { ...configMap, namespace: "crd" }]);
    const { calls, lines, names, state, synced } = running;
    const missing = "warn CRD widgets.test.nuncio.dev is not installed; waiting for it";
    await until(() => lines.includes(missing));
    expect(state("Widget")).toMatchObject({ phase: "waiting", reason: "absent" });
    await api.create(configMaps("crd"), newConfigMap("c"));
    await until(() => names("ConfigMap").includes("c"));
    expect(synced()).toBe(false);

    await cluster.apply(widgetCrd());
    await until(synced, { withinMs: 5_000, describe: () => lines.join("\n") });
    await api.create(widgets, newWidget("w1"));
    await until(() => names("Widget").includes("w1"));
    expect(lines).toEqual([missing, "info widgets.test.nuncio.dev is watched now"]);
    expect(calls.filter(({ call }) => call === "replace")).toHaveLength(2);
  });

  it("keeps what is live while a CRD no longer serves the version, and goes on when it is back", async () => {
    running = await runSynced(kubeConfig, [widget], { timing: { watchMs: 1_000 } });
    const { lines, names, replaces, state } = running;
    expect(names("Widget")).toEqual(["w1"]);
    // The open watch stays open (API server 1.36); the next one is answered 404.
    await cluster.apply(widgetCrd({ served: false }));
    await until(() => state("Widget")?.phase === "waiting");
    await until(() => lines.length === 1);
    expect(lines[0]).toMatch(/^warn CRD widgets\.test\.nuncio\.dev is gone, or no longer serves v1; .* \(1 objects\)/);
    expect(names("Widget")).toEqual(["w1"]);
    await cluster.apply(widgetCrd());
    await until(() => replaces("Widget") === 2, { withinMs: 5_000 });
    expect(names("Widget")).toEqual(["w1"]);
  });

  it("keeps the objects of a CRD that is deleted, and for a while when it is back without them", async () => {
    for (const name of ["w2", "w3"]) await api.create(widgets, newWidget(name));
    let laterMs = 0;
    const clock = { ...systemClock, now: () => systemClock.now() + laterMs };
    running = await runSynced(kubeConfig, [widget], { clock, timing: { watchMs: 1_000 } });
    const { calls, lines, names, objects, state } = running;
    const before = names("Widget");
    const uid = objects("Widget").get("w2")?.metadata.uid;
    await cluster.kubectl(["delete", "crd", "widgets.test.nuncio.dev"]);
    await until(() => state("Widget")?.phase === "waiting");
    await cluster.apply(widgetCrd());
    await until(() => state("Widget")?.phase === "live");
    await until(() => lines.some((line) => /^warn 3 widgets\.test\.nuncio\.dev are not there any more/.test(line)));
    await api.create(widgets, newWidget("w2"));
    await until(() => objects("Widget").get("w2")?.metadata.uid !== uid);
    expect(before).toEqual(["w1", "w2", "w3"]);
    expect(names("Widget")).toEqual(before);
    expect(calls.filter(({ call }) => call === "remove")).toEqual([]);
    laterMs = defaultTiming.keepAfterCrdMs;
    await until(() => names("Widget").length === 1, { withinMs: 10_000 });
    expect(names("Widget")).toEqual(["w2"]);
  });

  it("takes deletions one by one and all at once for what they are while their CRD is there", async () => {
    for (const name of ["d1", "d2", "d3"]) await api.create(widgets, newWidget(name));
    running = await runSynced(kubeConfig, [widget]);
    const { names } = running;
    await api.remove(`${widgets}/d1`);
    await api.create(widgets, newWidget("after"));
    await until(() => names("Widget").includes("after"));
    expect(names("Widget")).toEqual(["after", "d2", "d3", "w2"]);
    await cluster.kubectl(["delete", "widgets", "--all"]);
    await until(() => names("Widget").length === 0);
  });

  it("opens a watch anew that says nothing, though it stays open, and learns what it was not told", async () => {
    const proxy = await startFaultProxy(cluster);
    try {
      running = await runSynced(kubeConfigFor(proxy.url, cluster.token), [widget], { timing: { quietMs: 1_000 } });
      const { debugLines, names, state } = running;
      await until(() => state("Widget")?.phase === "live");
      expect(proxy.silence()).toBe(1);
      await api.create(widgets, newWidget("unheard"));
      await until(() => names("Widget").includes("unheard"));
      expect(debugLines).toContain(
        "debug the watch of widgets.test.nuncio.dev said nothing for a while; opening a new one",
      );
    } finally {
      await running?.stop();
      await proxy.close();
    }
  });

  it("counts an optional kind as synced while its CRD is missing", async () => {
    const optional = { ...widget, kind: "Gadget", plural: "gadgets", optional: true };
    running = await runSynced(kubeConfig, [optional, { ...configMap, namespace: "crd" }]);
    expect(running.state("Gadget")).toMatchObject({ phase: "waiting", reason: "absent" });
  });

  it("names the resource and the verbs that RBAC lacks, and goes on when they are granted", async () => {
    await cluster.kubectl(["create", "namespace", "rbac"]);
    await cluster.apply("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: gateway, namespace: rbac}");
    await api.create(configMaps("rbac"), newConfigMap("c"));
    const account = await cluster.kubeconfigFor({ namespace: "rbac", serviceAccount: "gateway" });
    running = run(kubeConfigAt(account), [configMap], { namespace: "rbac" });
    const { lines, names, state, synced } = running;
    await until(() => lines.length === 1);
    expect(lines[0]).toBe(
      "warn RBAC does not allow system:serviceaccount:rbac:gateway to list configmaps in namespace rbac; " +
        'give its Role the verbs list and watch on resource "configmaps" of apiGroup "", trying again',
    );
    expect(state("ConfigMap")).toMatchObject({ phase: "waiting", reason: "forbidden" });
    await cluster.kubectl(["create", "role", "gw", "-n", "rbac", "--verb=list", "--resource=configmaps"]);
    await cluster.kubectl(["create", "rolebinding", "gw", "-n", "rbac", "--role=gw", "--serviceaccount=rbac:gateway"]);
    await until(() => lines.length === 2);
    expect(lines[1]).toMatch(/does not allow system:serviceaccount:rbac:gateway to watch configmaps in namespace rbac/);
    expect(synced()).toBe(true);
    expect(names("ConfigMap")).toEqual(["c"]);
    await cluster.kubectl(["delete", "role", "gw", "-n", "rbac"]);
    await cluster.kubectl(["create", "role", "gw", "-n", "rbac", "--verb=list,watch", "--resource=configmaps"]);
    await until(() => state("ConfigMap")?.phase === "live");
    expect(lines).toHaveLength(3);
  });

  it("asks for one namespace only in single-namespace mode", async () => {
    await cluster.kubectl(["create", "namespace", "single"]);
    running = await runSynced(kubeConfig, [configMap], { namespace: "single" });
    await api.create(configMaps("default"), newConfigMap("elsewhere"));
    await api.create(configMaps("single"), newConfigMap("here"));
    const { names } = running;
    await until(() => names("ConfigMap").includes("here"));
    expect(names("ConfigMap")).toEqual(["here"]);
  });
});
