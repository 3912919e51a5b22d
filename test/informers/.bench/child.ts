import { startInformers } from "../../../runtime/informers.ts";
import { loadKubeConfig } from "../../../runtime/kubernetes.ts";
import { silentLog } from "../../../runtime/log.ts";
import { configMap, widget } from "../kinds.ts";
const [path, which, keep] = process.argv.slice(2);
const kind = which === "cm" ? configMap : widget;
const mb = () => Math.round(process.memoryUsage().rss / 1e6);
const access = loadKubeConfig({ kubeconfigPath: path });
const base = mb();
const t0 = performance.now();
let n = 0;
let held: unknown;
let first = 0;
const c = new AbortController();
const { stopped } = startInformers({
  kubeConfig: access.kubeConfig,
  kinds: [kind],
  parse: (raw) => (keep === "raw" ? raw : raw.metadata.name),
  sink: {
    replace(_k, o) {
      n = o.length;
      held = o;
    },
    put() {},
    remove() {},
  },
  log: silentLog,
  signal: c.signal,
  onSynced: () => {
    first = performance.now() - t0;
  },
  onState: () => {},
});
while (first === 0) await new Promise((r) => setTimeout(r, 5));
console.log(which, keep, n, "listed in", Math.round(first), "ms; RSS before", base, "right after", mb());
await new Promise((r) => setTimeout(r, 2000));
console.log("2 s later", mb(), "heap", Math.round(process.memoryUsage().heapUsed / 1e6));
(globalThis as { gc?: () => void }).gc?.();
console.log("after gc", mb(), "heap", Math.round(process.memoryUsage().heapUsed / 1e6), typeof held);
c.abort();
await stopped;
