import { isDeepStrictEqual } from "node:util";
import type { KubeConfig } from "@kubernetes/client-node";
import { apiVersionOf, customKinds, kinds } from "../capabilities/kinds.ts";
import { isSelected } from "../insight/watched.ts";
import type { CompileSettings } from "../ir/settings.ts";
import { startAdminServer } from "./admin-server.ts";
import type { AdmissionSettings } from "./admission/settings.ts";
import { createCaretaker, keepLooking } from "./admission/caretaker.ts";
import { startHost } from "./admission/host.ts";
import { createJudge } from "./admission/judge.ts";
import { type KeyPair, type KeyPairFiles, readKeyPair, watchKeyPair } from "./admission/key-pair.ts";
import { createKube } from "./admission/kube.ts";
import { createAdmissionMetrics } from "./admission/metrics.ts";
import { loadCapabilities, loadMutations } from "./admission/pepr.ts";
import { type AdmissionRequest, type Answer, unjudgeable } from "./admission/review.ts";
import { type Clock, sleep } from "./clock.ts";
import { watchCluster, watchedKinds } from "./cluster-source.ts";
import { errorText, FatalError } from "./fatal.ts";
import type { Log } from "./log.ts";
import type { Validator } from "./validator/validator.ts";
import { createVerdicts } from "./validator/verdicts.ts";

export interface AdmissionOptions {
  readonly settings: AdmissionSettings;
  readonly kubeConfig: KubeConfig;
  /** Judges contents that only Envoy can; undefined: there is none here, and they are the gateway's to judge. */
  readonly validator: Validator | undefined;
  readonly version: string;
  readonly log: Log;
  readonly clock: Clock;
  /** For certificates: the time of day. */
  readonly now: () => Date;
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
  const { certificates } = settings;
  const fromFiles = certificates.kind === "files" ? firstPair(certificates.keyPair) : undefined;
  let waitingFor = "the state of the cluster has not been read yet";
  let isReady = false;
  let hasCertificate = false;

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
  atEnd(() => options.validator?.close());

  const judge = createJudge({
    settings: compileSettings,
    resources: source.resources,
    synced: source.synced,
    behind: source.behind,
    verdicts: createVerdicts(options.validator, { where: "elsewhere", clock }),
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
  const validate = await loadCapabilities(judge, options.env, (reason) => log.error("no verdict", { reason }));

  const mutations = settings.mutate ? await loadMutations(options.env) : undefined;

  async function mutate(request: AdmissionRequest): Promise<Answer> {
    // What cannot be judged is denied when it is validated.
    if (unjudgeable(request.object) !== undefined) return { allowed: true };
    const changed = await mutations?.(request);
    const spec = changed?.["spec"];
    if (spec === undefined || isDeepStrictEqual(spec, specOf(request.object))) return { allowed: true };
    return { allowed: true, patch: [{ op: "replace", path: "/spec", value: spec }] };
  }

  async function review(request: AdmissionRequest): Promise<Answer | undefined> {
    // What is not watched is none of this gateway's business.
    if (settings.singleNamespace && request.namespace !== settings.namespace) return { allowed: true };
    if (!isSelected(request.operation === "DELETE" ? request.oldObject : request.object, settings))
      return { allowed: true };
    const startedMs = clock.now();
    const message = unjudgeable(request.object);
    const answer = message === undefined ? await validate(request) : { allowed: false, message };
    const outcome = answer === undefined ? "failed" : answer.allowed ? "allowed" : "denied";
    metrics.reviewed(request.kind.kind, outcome, (clock.now() - startedMs) / 1000);
    if (answer?.allowed === false) log.info(`denied: ${answer.message ?? ""}`);
    return answer;
  }

  const admin = await startAdminServer({
    at: { address: settings.adminAddress, port: settings.adminPort },
    readiness: () => {
      if (signal.aborted) return { ready: false, reason: "the process is about to stop" };
      if (!hasCertificate) return { ready: false, reason: "there is no certificate to serve yet" };
      return isReady ? { ready: true } : { ready: false, reason: waitingFor };
    },
    metrics,
    log: log.child("admin"),
  });
  atEnd(admin.close);

  async function serve(pair: KeyPair): Promise<(renewed: KeyPair) => void> {
    const onConverted = (objects: number, failure: string | undefined) => metrics.converted(objects, failure);
    const https = log.child("https");
    const host = await startHost({ port: settings.port, pair, validate: review, mutate, onConverted, log: https });
    atEnd(host.close);
    hasCertificate = true;
    metrics.certificate(pair.expiresAt);
    log.info("judging changes", { port: host.port, certificateExpires: pair.expiresAt.toISOString() });
    return (renewed) => {
      host.setKeyPair(renewed);
      metrics.certificate(renewed.expiresAt);
      log.info("serving a new certificate", { serial: renewed.serial, expires: renewed.expiresAt.toISOString() });
    };
  }

  if (certificates.kind === "files" && fromFiles !== undefined) {
    const onChange = await serve(fromFiles);
    watchKeyPair({
      files: certificates.keyPair,
      current: fromFiles,
      everyMs: settings.keyPairPollMs,
      clock,
      log: log.child("https"),
      signal: stopped.signal,
      onChange,
    });
  } else if (certificates.kind === "own") {
    const caretaker = createCaretaker({
      ...certificates,
      kube: createKube(options.kubeConfig),
      namespace: settings.namespace,
      mutates: settings.mutate,
      now: options.now,
      log,
      signal: stopped.signal,
    });
    let renew: Promise<(renewed: KeyPair) => void> | undefined;
    const looking = keepLooking({
      caretaker,
      everyMs: certificates.lookEveryMs,
      clock,
      log,
      signal: stopped.signal,
      async onChange(pair) {
        if (renew === undefined) await (renew = serve(pair));
        else (await renew)(pair);
      },
    });
    // Ends at the signal; before that only when the port cannot be had.
    await Promise.race([looking, aborted(signal)]);
  }

  await aborted(signal);
  log.info("stopping");
  // Until every node has heard that we are not ready, the API server may still be led here.
  await sleep(clock, settings.drainDelayMs);
}

function specOf(object: unknown): unknown {
  return typeof object === "object" && object !== null ? (object as { readonly spec?: unknown }).spec : undefined;
}

function firstPair(files: KeyPairFiles): KeyPair {
  try {
    return readKeyPair(files);
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
