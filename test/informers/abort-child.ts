// Run by restart.test.ts: node abort-child.ts KUBECONFIG. Aborts with watches open, one CRD waited for and idle connections pooled.
import { kubeConfigAt, run } from "./harness.ts";
import { configMap, secret, widget } from "./kinds.ts";
import { until } from "./recorder.ts";

const missing = { ...widget, kind: "Missing", plural: "missing", optional: true };
const running = run(kubeConfigAt(process.argv[2] ?? ""), [configMap, secret, widget, missing]);
await until(running.synced);
await until(() => ["ConfigMap", "Secret", "Widget"].every((kind) => running.state(kind)?.phase === "live"));
const before = performance.now();
await running.stop();
await new Promise(setImmediate); // sockets are closed in the next turn
const left = process.getActiveResourcesInfo().filter((resource) => !/^(TTY|Pipe|Immediate|FSReq)/.test(resource));
console.log(`stopped in ${Math.round(performance.now() - before)} ms, left: ${JSON.stringify(left)}`);
