import { KubeConfig } from "@kubernetes/client-node";
import { startInformers } from "../../runtime/informers.ts";
import type { InformerOptions } from "../../runtime/informers.ts";
import type { WatchedKind } from "../../runtime/informers/kind.ts";
import type { RawObject } from "../../runtime/informers/raw.ts";
import { loadKubeConfig } from "../../runtime/kubernetes.ts";
import { recorder, until } from "./recorder.ts";
import type { Recorder } from "./recorder.ts";

export interface Running extends Recorder {
  readonly synced: () => boolean;
  readonly stop: () => Promise<void>;
}

export function run(
  kubeConfig: KubeConfig,
  kinds: readonly WatchedKind[],
  options: Partial<InformerOptions<RawObject>> = {},
): Running {
  const recorded = recorder();
  const controller = new AbortController();
  let syncs = 0;
  const { stopped } = startInformers<RawObject>({
    kubeConfig,
    kinds,
    parse: (raw) => raw,
    sink: recorded.sink,
    log: recorded.log,
    signal: controller.signal,
    onSynced: () => (syncs += 1),
    onState: recorded.onState,
    ...options,
  });
  return {
    ...recorded,
    synced: () => syncs === 1,
    stop: async () => {
      controller.abort();
      await stopped;
    },
  };
}

export async function runSynced(...args: Parameters<typeof run>): Promise<Running> {
  const running = run(...args);
  await until(running.synced, { describe: () => running.lines.join("\n") });
  return running;
}

export function kubeConfigAt(path: string): KubeConfig {
  return loadKubeConfig({ kubeconfigPath: path }).kubeConfig;
}

/** For a plain HTTP server of our own. */
export function kubeConfigFor(server: string, token = "t0ken"): KubeConfig {
  const kubeConfig = new KubeConfig();
  const name = "fake";
  kubeConfig.loadFromClusterAndUser({ name, server, skipTLSVerify: true }, { name, token });
  return kubeConfig;
}
