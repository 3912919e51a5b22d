/** Quarantine as a control plane has it: with its figures, and in a cluster with what is kept there. */
import type { KubeConfig } from "@kubernetes/client-node";
import type { Judged, Quarantined } from "../../compile/last-good.ts";
import type { AdsEvent } from "../../xds/server/events.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Settings } from "../settings.ts";
import { type Election, keepLastGood, type Keeper } from "./keeper.ts";
import { createQuarantine, type Quarantine } from "./quarantine.ts";

export interface QuarantineControlOptions {
  readonly settings: Pick<Settings, "namespace" | "ambassadorId">;
  readonly metrics: Pick<Metrics, "quarantined">;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** What is to be compiled is another by now. */
  readonly onChange: () => void;
  /** Envoy has answered for all of a snapshot, and nothing else is to come because of the answer. */
  readonly onAcknowledged: (event: Acknowledged) => void;
}

type Acknowledged = Extract<AdsEvent, { readonly kind: "acknowledged" }>;

export interface QuarantineControl extends Quarantine {
  /** What Envoy said. @param goOn for what waits for an answer, and nothing else is to come */
  heard(event: AdsEvent, goOn: () => void): void;
  /** As of what was judged last. */
  objects(): readonly Quarantined[];
  /** Who is to blame is known: what was judged last may be written down. */
  settled(): void;
  /** Keeps last good forms in the cluster. Resolves when those that were kept are known. */
  keepIn(kubeConfig: KubeConfig, onWaiting: (reason: string) => void): Promise<void>;
  /** Of several replicas one writes. Before this nothing is written, and so never by a shadow. */
  electedBy(election: Election): void;
}

export function controlQuarantine(options: QuarantineControlOptions): QuarantineControl {
  const { settings, metrics, log, clock, signal } = options;
  const quarantine = createQuarantine(options);
  let latest: Judged | undefined;
  let keeper: Keeper | undefined;
  /** What is to come because of this answer may be what Envoy has: then it is the last answer. */
  let untold: Acknowledged | undefined;

  return {
    ...quarantine,
    judged(judged) {
      latest = judged;
      quarantine.judged(judged);
    },
    published(snapshot) {
      untold = undefined;
      quarantine.published(snapshot);
    },
    unchanged() {
      quarantine.unchanged();
      if (untold === undefined || quarantine.isAtWork()) return;
      const event = untold;
      untold = undefined;
      options.onAcknowledged(event);
    },
    heard(event, goOn) {
      if (event.kind === "acknowledged") {
        quarantine.acknowledged(event.snapshot, event.refused);
        untold = quarantine.isAtWork() ? event : undefined;
        if (untold === undefined) options.onAcknowledged(event);
      }
      // Not from within what the stream does now.
      if (event.kind === "halted" && !quarantine.halted(event.snapshot, event.refused)) setImmediate(goOn);
    },
    objects: () => latest?.quarantined ?? [],
    settled() {
      if (latest === undefined || quarantine.isAtWork()) return;
      keeper?.keep(latest.quarantined, latest.problems);
      metrics.quarantined(countByKind(latest.quarantined));
    },
    keepIn(kubeConfig, onWaiting) {
      keeper = keepLastGood({
        kubeConfig,
        namespace: settings.namespace,
        ambassadorId: settings.ambassadorId,
        log,
        clock,
        today: () => new Date(),
        signal,
        onRead: quarantine.remember,
        onWaiting,
      });
      return keeper.read;
    },
    electedBy: (election) => keeper?.electedBy(election),
  };
}

function countByKind(quarantined: readonly Quarantined[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { object } of quarantined) counts[object.kind] = (counts[object.kind] ?? 0) + 1;
  return counts;
}
