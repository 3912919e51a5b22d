import { execFileSync } from "node:child_process";
import { startCluster } from "../../cluster/cluster.ts";
import { kubeConfigAt, runSynced } from "../harness.ts";
import { rest } from "../rest.ts";
import { until } from "../recorder.ts";
import { configMap, configMaps, newConfigMap, widget, widgetCrd, widgets, newWidget } from "../kinds.ts";
const cluster = await startCluster();
const api = rest(cluster);
await cluster.apply(widgetCrd());
await until(async () => (await cluster.kubectl(["get", "widgets"], { allowFail: true })).code === 0);
const N = 10_000;
const spec = {
  hostname: "*",
  prefix: "/some/path/here/",
  service: "backend.default:8080",
  timeout_ms: 3000,
  retry_policy: { retry_on: "5xx", num_retries: 3 },
  labels: { ambassador: [{ label: ["x"] }] },
};
let i = 0;
const t = performance.now();
await Promise.all(
  Array.from({ length: 16 }, async () => {
    while (i < N) {
      const k = i++;
      await api.create(widgets, { ...newWidget(`w${k}`), spec: { ...spec, prefix: `/p${k}/` } });
    }
  }),
);
console.log("created", N, "in", Math.round(performance.now() - t), "ms");
for (const keep of ["name", "name", "raw"])
  console.log(
    execFileSync(process.execPath, [
      "--expose-gc",
      process.env.CHILD ?? "test/informers/.bench/child.ts",
      cluster.kubeconfig,
      "widget",
      keep,
    ]).toString(),
  );
const running = await runSynced(kubeConfigAt(cluster.kubeconfig), [widget, configMap]);
await api.create(configMaps("default"), newConfigMap("lat"));
for (const [label, path, kind, name] of [
  ["ConfigMap", `${configMaps("default")}/lat`, "ConfigMap", "lat"],
  ["CR among 10,000", `${widgets}/w5`, "Widget", "w5"],
] as const) {
  const waits: number[] = [];
  const early: number[] = [];
  for (let j = 0; j < 220; j++) {
    let seen = 0;
    const before = running.calls.length;
    const poll = (async () => {
      while (running.calls.length === before) await new Promise(setImmediate);
      seen = performance.now();
    })();
    await api.patch(path, kind === "Widget" ? { spec: { timeout_ms: j } } : { data: { j: `${j}` } });
    const answered = performance.now();
    await poll;
    if (j >= 20) waits.push(seen - answered);
  }
  waits.sort((a, b) => a - b);
  console.log(
    label,
    name,
    "patch answer -> sink.put ms: p50",
    waits[100]?.toFixed(2),
    "p99",
    waits[198]?.toFixed(2),
    "min",
    waits[0]?.toFixed(2),
    "max",
    waits[199]?.toFixed(2),
  );
}
// ordering
for (let round = 0; round < 3; round++) {
  const from = running.calls.length;
  await Promise.all(
    Array.from({ length: 600 }, (_, j) => api.patch(`${configMaps("default")}/lat`, { data: { n: `${round}-${j}` } })),
  );
  await until(() => running.calls.length === from + 600);
  const versions = running.calls
    .slice(from)
    .flatMap((c) => (c.call === "put" ? [Number(c.object.metadata.resourceVersion)] : []));
  console.log(
    "600 updates:",
    versions.length,
    "puts,",
    versions.filter((v, k) => k > 0 && v <= (versions[k - 1] ?? 0)).length,
    "inversions",
  );
}
// relist cost
const r0 = running.replaces("Widget");
const tt = performance.now();
await cluster.compact();
const up = performance.now();
await api.patch(`${widgets}/w5`, { spec: { x: 1 } });
await until(
  () =>
    running.replaces("Widget") > r0 ||
    (running.objects("Widget").get("w5")?.["spec"] !== undefined &&
      (running.objects("Widget").get("w5")?.["spec"] as { x?: number }).x === 1),
);
console.log(
  "compact took",
  Math.round(up - tt),
  "then caught up in",
  Math.round(performance.now() - up),
  "ms, replaces",
  running.replaces("Widget") - r0,
);
await running.stop();
api.close();
await cluster.stop();
