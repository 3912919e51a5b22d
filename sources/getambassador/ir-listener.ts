import type { ModuleConfig } from "../../crds/module-config.ts";
import type { Counters } from "../../ir/counters.ts";
import { sameElements } from "../../ir/memo.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { Chain, ConnectionManager, Listener } from "../../ir/types.ts";
import type { BuiltListener } from "./listener.ts";

type MakeListener = (
  listener: BuiltListener,
  chains: readonly Chain[],
  module: ModuleConfig,
  settings: CompileSettings,
) => Listener;

function connectionManagerOf(module: ModuleConfig): ConnectionManager {
  return { serverName: module.server_name ?? "envoy", useRemoteAddress: module.use_remote_address ?? true };
}

/** Makes listeners of the IR; the same object as long as nothing in it changes. */
export function listenerMaker(counters: () => Counters): MakeListener {
  const known = new WeakMap<BuiltListener, { readonly deps: readonly unknown[]; readonly listener: Listener }>();
  return (listener, chains, module, settings) => {
    const deps = [module, settings, JSON.stringify(chains)];
    const earlier = known.get(listener);
    if (earlier !== undefined && sameElements(earlier.deps, deps)) return earlier.listener;
    counters().listeners++;
    const made: Listener = {
      name: listener.name,
      address: settings.bindAddress,
      port: listener.port,
      proxyProtocol: listener.proxyProtocol,
      tlsInspector: listener.tls && !listener.quic,
      quic: listener.quic,
      statPrefix: listener.statPrefix,
      trustedHops: listener.trustedHops,
      http2MaxConcurrentStreams: listener.resource.spec.http2MaxConcurrentStreams,
      connectionManager: connectionManagerOf(module),
      chains,
      source: { object: listener.resource, path: ["spec"] },
    };
    known.set(listener, { deps, listener: made });
    return made;
  };
}
