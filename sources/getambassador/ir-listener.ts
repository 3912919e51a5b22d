import type { ModuleConfig } from "../../crds/module-config.ts";
import type { Counters } from "../../ir/counters.ts";
import { keepEqual, sameElements } from "../../ir/memo.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { Telemetry } from "../../ir/telemetry.ts";
import type { Chain, ConnectionManager, Listener } from "../../ir/types.ts";
import type { BuiltListener } from "./listener.ts";
import { connectionLogsOf, observed } from "./telemetry.ts";

type MakeListener = (
  listener: BuiltListener,
  chains: readonly Chain[],
  module: ModuleConfig,
  settings: CompileSettings,
  telemetry: Telemetry,
) => Listener;

function textOf(chains: readonly Chain[]): string {
  return JSON.stringify(chains.map((chain) => (chain.kind === "tcp" ? { ...chain, sources: undefined } : chain)));
}

function sourcesOf(chains: readonly Chain[]): readonly unknown[] {
  return chains.flatMap((chain) => (chain.kind === "tcp" ? chain.sources.map(({ object }) => object) : []));
}

/** Makes listeners of the IR; the same object as long as nothing in it changes. */
export function listenerMaker(counters: () => Counters): MakeListener {
  const known = new WeakMap<BuiltListener, { readonly deps: readonly unknown[]; readonly listener: Listener }>();
  const keep = keepEqual<ConnectionManager | undefined>(undefined);
  return (listener, chains, module, settings, telemetry) => {
    const connectionManager = keep(observed(module, [telemetry])) as ConnectionManager;
    const { buffer_limit_bytes: bufferLimitBytes } = module;
    const deps = [connectionManager, bufferLimitBytes, settings, telemetry, textOf(chains), ...sourcesOf(chains)];
    const earlier = known.get(listener);
    if (earlier !== undefined && sameElements(earlier.deps, deps)) return earlier.listener;
    counters().listeners++;
    const made: Listener = {
      name: listener.name,
      address: listener.address ?? settings.bindAddress,
      port: listener.port,
      proxyProtocol: listener.proxyProtocol,
      tlsInspector: !listener.quic && (listener.tls || chains.some((chain) => chain.kind === "tcp" && chain.onlyTls)),
      quic: listener.quic,
      statPrefix: listener.statPrefix,
      trustedHops: listener.trustedHops,
      http2MaxConcurrentStreams: listener.resource.spec.http2MaxConcurrentStreams,
      connectionManager,
      connectionLogs: connectionLogsOf(telemetry),
      ...(bufferLimitBytes === undefined ? {} : { bufferLimitBytes }),
      chains,
      source: { object: listener.resource, path: ["spec"] },
    };
    known.set(listener, { deps, listener: made });
    return made;
  };
}
