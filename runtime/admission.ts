import type { KubeConfig } from "@kubernetes/client-node";
import { apiVersionOf, customKinds, kinds } from "../capabilities/kinds.ts";
import { isSelected } from "../insight/watched.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { startAdminServer } from "./admin-server.ts";
import type { AdmissionSettings } from "./admission/settings.ts";
import { startHost } from "./admission/host.ts";
import { createJudge } from "./admission/judge.ts";
import { type KeyPair, readKeyPair, watchKeyPair } from "./admission/key-pair.ts";
import { createAdmissionMetrics } from "./admission/metrics.ts";
import { loadCapabilities } from "./admission/pepr.ts";
import type { AdmissionRequest, Answer } from "./admission/review.ts";
import { type Clock, sleep } from "./clock.ts";
import { watchCluster, watchedKinds } from "./cluster-source.ts";
import { errorText, FatalError } from "./fatal.ts";
import type { Log } from "./log.ts";

export interface AdmissionOptions {
  readonly settings: AdmissionSettings;
  readonly kubeConfig: KubeConfig;
  readonly version: string;
  readonly log: Log;
  readonly clock: Clock;
  /** Pepr is configured by it: `process.env`. */
  readonly env: NodeJS.ProcessEnv;
  /** Its abort ends the process in good order. */
  readonly signal: AbortSignal;
}

/** What verdicts rest on. */
const compiledKinds: ReadonlySet<string> = new Set(kinds.filter(({ compiled }) => compiled).map(({ kind }) => kind));

/** An object that means nothing to others, for a first compile. */
const harmless = {
  apiVersion: apiVersionOf(customKinds[0]),
  kind: "KubernetesServiceResolver",
  metadata: { name: "warm-up", namespace: "default" },
  spec: { ambassador_id: ["_automatic_"] },
};

/** The admission process: follows the cluster, and judges what the API server asks about. Resolves when it has ended after an abort. */
export async function runAdmission(options: AdmissionOptions): Promise<void> {
  const closing: (() => void | Promise<void>)[] = [];
  try {
    await run(options, (close) => closing.unshift(close));
  } finally {
    for (const close of closing) await close();
  }
}

async function run(options: AdmissionOptions, atEnd: (close: () => void | Promise<void>) => void): Promise<void> {
  const { settings, log, clock, signal } = options;
  const stopped = new AbortController();
  const pair = firstPair(settings);
  let waitingFor = "the state of the cluster has not been read yet";
  let isReady = false;

  const compileSettings: CompileSettings = Object.freeze({
    ambassadorId: settings.ambassadorId,
    ownNamespace: settings.namespace,
    bindAddress: settings.envoyBindAddress,
    inCluster: true,
    looseLabelSelectors: settings.looseLabelSelectors,
  });
  const source = watchCluster({
    keepAllSecrets: true,
    settings: compileSettings,
    kubeConfig: options.kubeConfig,
    kinds: watchedKinds.filter(({ kind }) => compiledKinds.has(kind)),
    namespace: settings.singleNamespace ? settings.namespace : undefined,
    secretsNamespace: settings.secretsSingleNamespace ? settings.namespace : undefined,
    labelSelector: settings.labelSelector,
    fieldSelector: settings.fieldSelector,
    log: log.child("kubernetes"),
    signal: stopped.signal,
    onChange: onceOnly(() => void warmUp()),
    onWaiting: (reason) => (waitingFor = reason),
  });
  atEnd(() => stopped.abort());

  const judge = createJudge({
    settings: compileSettings,
    resources: source.resources,
    synced: source.synced,
    clock,
    onCompiled: (seconds) => metrics.compiled(seconds),
  });

  /** The first compile of a large state takes a second; no review should have to wait for it. */
  async function warmUp(): Promise<void> {
    try {
      await judge.judge({ kind: "create", object: harmless });
    } catch (error) {
      log.error("the first compile failed", { reason: errorText(error) });
    }
    isReady = true;
    log.info("ready: the state of the cluster is known");
  }

  const metrics = createAdmissionMetrics(options.version, judge.waiting);
  metrics.certificate(pair.expiresAt);
  const validate = await loadCapabilities(judge, options.env, (reason) => log.error("no verdict", { reason }));

  async function review(request: AdmissionRequest): Promise<Answer | undefined> {
    // What is not watched is none of this gateway's business.
    if (settings.singleNamespace && request.namespace !== settings.namespace) return { allowed: true };
    if (!isSelected(request.object, settings)) return { allowed: true };
    const startedMs = clock.now();
    const answer = await validate(request);
    const outcome = answer === undefined ? "failed" : answer.allowed ? "allowed" : "denied";
    metrics.reviewed(request.kind.kind, outcome, (clock.now() - startedMs) / 1000);
    if (answer?.allowed === false) log.info(`denied: ${answer.message ?? ""}`);
    return answer;
  }

  const admin = await startAdminServer({
    address: settings.adminAddress,
    port: settings.adminPort,
    readiness: () => {
      if (signal.aborted) return { ready: false, reason: "the process is about to stop" };
      return isReady ? { ready: true } : { ready: false, reason: waitingFor };
    },
    metrics,
    log: log.child("admin"),
  });
  atEnd(admin.close);
  const host = await startHost({ port: settings.port, pair, validate: review, log: log.child("https") });
  atEnd(host.close);
  log.info("judging changes", { port: host.port, certificateExpires: pair.expiresAt.toISOString() });
  watchKeyPair({
    files: settings.keyPair,
    current: pair,
    everyMs: settings.keyPairPollMs,
    clock,
    log: log.child("https"),
    signal: stopped.signal,
    onChange(renewed) {
      host.setKeyPair(renewed);
      metrics.certificate(renewed.expiresAt);
      log.info("serving a new certificate", { serial: renewed.serial, expires: renewed.expiresAt.toISOString() });
    },
  });

  await aborted(signal);
  log.info("stopping");
  // Until every node has heard that we are not ready, the API server may still be led here.
  await sleep(clock, settings.drainDelayMs);
}

function firstPair(settings: AdmissionSettings): KeyPair {
  try {
    return readKeyPair(settings.keyPair);
  } catch (error) {
    throw new FatalError(`${errorText(error)}; name the files with --cert PATH and --key PATH`);
  }
}

function onceOnly(action: () => void): () => void {
  let done = false;
  return () => {
    if (!done) action();
    done = true;
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
