import type { CompileSettings } from "../ir/settings.ts";
import { ownServiceOf, type Settings } from "./settings.ts";

/** What the compiler of a gateway is told. */
export function compileSettingsOf(settings: Settings): CompileSettings {
  return Object.freeze({
    ambassadorId: settings.ambassadorId,
    ownNamespace: settings.namespace,
    bindAddress: settings.envoyBindAddress,
    inCluster: settings.mode.kind === "cluster",
    ownService: ownServiceOf(settings),
    readsFiles: true,
    routeMatching: settings.routeMatching,
    looseLabelSelectors: settings.looseLabelSelectors,
    knative: settings.knative,
  });
}
