/** What a control plane does with a cluster: reads it, and writes status to it. */
import type { Resources } from "../crds/resources.ts";
import type { CompileSettings } from "../ir/settings.ts";
import type { Clock } from "./clock.ts";
import { type ClusterSource, watchCluster } from "./cluster-source.ts";
import { createApi } from "./informers/api.ts";
import { ingressStatus } from "./ingress-status.ts";
import { knativeStatus } from "./knative-status.ts";
import { loadKubeConfig } from "./kubernetes.ts";
import type { Log } from "./log.ts";
import type { QuarantineControl } from "./quarantine/control.ts";
import type { Environment, Settings } from "./settings.ts";
import { type GatewayStatus, gatewayStatus, type GatewayStatusOptions } from "./status/gateway-status.ts";
import type { WhenLive } from "./when-live.ts";

export interface ClusterControlOptions {
  readonly settings: Settings;
  readonly compileSettings: CompileSettings;
  readonly env: Environment;
  /** A shadow writes nothing. */
  readonly isShadow: boolean;
  readonly quarantine: Pick<QuarantineControl, "keepIn" | "electedBy">;
  readonly inForce: () => Resources | undefined;
  readonly live: WhenLive;
  readonly report: GatewayStatusOptions["report"];
  readonly metrics: GatewayStatusOptions["metrics"];
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onChange: (endpointsOnly: boolean) => void;
  readonly onWaiting: (reason: string) => void;
}

export interface ClusterControl {
  readonly source: ClusterSource;
  /** Undefined in a shadow. */
  readonly status: GatewayStatus | undefined;
  /** To be called after a compile. */
  readonly reviewStatus: () => void;
}

export function controlCluster(options: ClusterControlOptions): ClusterControl {
  const { settings, compileSettings, live, log, clock, signal } = options;
  const { kubeConfig } = loadKubeConfig();
  const source = watchCluster({
    kubeConfig,
    settings: compileSettings,
    namespace: settings.singleNamespace ? settings.namespace : undefined,
    secretsNamespace: settings.secretsSingleNamespace ? settings.namespace : undefined,
    labelSelector: settings.labelSelector,
    fieldSelector: settings.fieldSelector,
    inForce: options.inForce,
    after: options.quarantine.keepIn(kubeConfig, options.onWaiting),
    log: log.child("kubernetes"),
    signal,
    onChange: options.onChange,
    onWaiting: options.onWaiting,
  });
  if (options.isShadow) return { source, status: undefined, reviewStatus: () => undefined };
  const gateway = { ...compileSettings, service: settings.service };
  const status = gatewayStatus({
    kubeConfig,
    env: options.env,
    ambassadorId: settings.ambassadorId,
    namespace: settings.namespace,
    source,
    report: options.report,
    writes: settings.updateStatus,
    metrics: options.metrics,
    log: log.child("status"),
    clock,
    signal,
  });
  const { election } = status;
  options.quarantine.electedBy(election);
  const common = { api: createApi(kubeConfig), gateway, election, log: log.child("status"), clock, signal };
  if (settings.knative) live.onLive(knativeStatus({ ...common, today: () => new Date() }));
  return { source, status, reviewStatus: ingressStatus({ ...common, resources: source.resources }) };
}
