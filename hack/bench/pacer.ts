/** Beats finer than Node's timers, whose unit is a millisecond: a thread that sleeps for less and tells. It costs a few per cent of a core. */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

/** So often the prober asks, at most. */
export const BEAT_MS = 0.8;

const RUNNING = 0;
const NEVER = 1;

if (!isMainThread && parentPort !== null) {
  const flags = new Int32Array(workerData as SharedArrayBuffer);
  for (;;) {
    Atomics.wait(flags, RUNNING, 0);
    Atomics.wait(flags, NEVER, 0, BEAT_MS);
    parentPort.postMessage(undefined);
  }
}

export interface Pacer {
  start(onBeat: () => void): void;
  stop(): void;
}

export function createPacer(): Pacer {
  const shared = new SharedArrayBuffer(8);
  const flags = new Int32Array(shared);
  let beat: (() => void) | undefined;
  const worker = new Worker(new URL(import.meta.url), { workerData: shared, execArgv: [] });
  worker.on("message", () => beat?.());
  worker.unref();
  return {
    start(onBeat) {
      beat = onBeat;
      Atomics.store(flags, RUNNING, 1);
      Atomics.notify(flags, RUNNING);
    },
    stop() {
      beat = undefined;
      Atomics.store(flags, RUNNING, 0);
    },
  };
}
