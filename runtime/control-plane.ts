import { manifestReader } from "../compile/manifests.ts";
import { type Resources, sortResources } from "../crds/resources.ts";
import type { ObjectRef, Problem } from "../ir/problem.ts";
import type { Listener } from "../ir/types.ts";
import { createAdsServer } from "../xds/server/server.ts";
import type { AdsEvent } from "../xds/server/events.ts";
import type { Snapshot } from "../xds/snapshot.ts";
import type { AdminPlace } from "./admin-port.ts";
import { startAdminServer } from "./admin-server.ts";
import { certificateFiles } from "./certificate-files.ts";
import { type Clock } from "./clock.ts";
import { diagnosticsPage } from "./diagnostics/diagnostics.ts";
import { expiryWatch } from "./expiry-watch.ts";
import { controlCluster } from "./cluster-control.ts";
import type { GatewayStatus } from "./status/gateway-status.ts";
import { createSightings } from "./status/sightings.ts";
import { ownReport } from "./status/own-report.ts";
import { whenLive } from "./when-live.ts";
import { watchConsul } from "./consul.ts";
import { FatalError } from "./fatal.ts";
import { watchManifests } from "./files.ts";
import type { Log } from "./log.ts";
import { countOf, createMetrics } from "./metrics.ts";
import { watchIstioCertificates } from "./istio-certificates.ts";
import { connectParent, type ParentChannel } from "./parent.ts";
import { createPortGuard } from "./port-guard.ts";
import { isHeldByOthers, portProblem } from "./ports.ts";
import { problemLog, summary } from "./problem-log.ts";
import { controlQuarantine } from "./quarantine/control.ts";
import { createReadiness } from "./readiness.ts";
import { createReconciler } from "./reconciler.ts";
import { gatewayVerdicts, type ServingEnvoy } from "./validator/gateway.ts";
import { createRejections } from "./rejections.ts";
import { compileSettingsOf } from "./compile-settings.ts";
import type { Environment, Settings } from "./settings.ts";

export interface ControlPlaneOptions {
  readonly settings: Settings;
  /** Where probes, metrics and reports are asked for. */
  readonly adminAt: AdminPlace;
  /** For variables in resources, where they are filled in. */
  readonly env: Environment;
  /** undefined: a shadow, which compiles and reports, and serves nothing. */
  readonly envoy: ServingEnvoy | undefined;
  readonly version: string;
  readonly log: Log;
  readonly clock: Clock;
  /** `process`. */
  readonly channel: ParentChannel;
  readonly exit: (code: number) => void;
}

const portRetryMs = 500;

/** Where no socket can be: nobody asks a shadow's Envoy for its statistics. */
const noSocket = "/dev/null/none";

/** What is left to do before the process ends: tell the other replicas. */
export type Farewell = () => Promise<void>;

/** The control plane: resources in, configuration to Envoy by ADS, probes and metrics on the admin port. Runs until its supervisor ends it. */
export async function runControlPlane(options: ControlPlaneOptions): Promise<Farewell> {
  const { settings, log, clock } = options;
  const adminSocketPath = options.envoy?.adminSocketPath ?? noSocket;
  const stopped = new AbortController();
  const readiness = createReadiness({
    serves: options.envoy !== undefined,
    tell: (message) => void parent?.send(message),
  });
  let status: GatewayStatus | undefined;
  let proxyReport: () => unknown = () => ({});

  const metrics = createMetrics({
    version: options.version,
    ambassadorId: settings.ambassadorId,
    envoyAdminSocketPath: adminSocketPath,
  });
  const parent = connectParent({
    channel: options.channel,
    onMessage(message) {
      if (message.type === "draining") {
        readiness.drain();
        status?.resign();
      }
      if (message.type === "envoyStarted") {
        metrics.envoyRestarts(message.restarts);
        readiness.envoyStarted(message.pid);
      }
      if (message.type === "envoyEnded") {
        readiness.envoyEnded(message.how);
        status?.progressed();
      }
      if (message.type === "controlPlaneStarted") metrics.controlPlaneRestarts(message.restarts);
    },
    onGone: () => options.exit(0),
  });

  const diagnostics = diagnosticsPage(settings, options.version, () => readiness.now().ready);

  try {
    const admin = await startAdminServer({
      at: options.adminAt,
      readiness: readiness.now,
      metrics,
      report: () => proxyReport(),
      diagnostics,
      log: log.child("admin"),
    });
    if (admin.port !== 0) log.debug("admin port open", { port: admin.port });

    const born = new WeakMap<Snapshot, number>();
    const rejections = createRejections();
    let compiledProblems: readonly Problem[] = [];
    let kept: ReadonlySet<ObjectRef> = new Set();
    const quarantine = controlQuarantine({
      settings,
      metrics,
      clock,
      signal: stopped.signal,
      log: log.child("quarantine"),
      onChange: () => (isRead ? reconciler.changed() : undefined),
      onAcknowledged: (event) => onAcknowledged(event),
    });
    let listeners = -1;
    /** Undefined before the first compile. */
    let inForce: Resources | undefined;
    let sourceProblems: readonly Problem[] = [];
    let portProblems: readonly Problem[] = [];
    let expired: readonly Problem[] = [];
    const logProblems = problemLog(log.child("config"));
    const report = () => {
      const all = [
        ...sourceProblems,
        ...compiledProblems,
        ...expired,
        ...portProblems,
        ...consul.problems(reconciler.sourceMap()),
        ...(quarantine.isAtWork() ? [] : rejections.problems()),
      ];
      metrics.problems(all);
      diagnostics.told(all);
      logProblems(all, kept, quarantine.objects());
      proxy.problems(all);
      if (inForce !== undefined) status?.judged(all, kept);
    };
    const expiry = expiryWatch({
      wallClock: Date.now,
      clock,
      onChange(problems) {
        expired = problems;
        report();
      },
    });

    const onEvent = (event: AdsEvent): void => {
      if (event.kind === "sent") metrics.pushed(event.type, event.bytes);
      if (event.kind === "nack") {
        metrics.rejected(event.type);
        rejections.refused(event, reconciler.sourceMap());
      }
      quarantine.heard(event, () => ads?.goOn());
    };
    const onAcknowledged = (event: Extract<AdsEvent, { kind: "acknowledged" }>): void => {
      proxy.acknowledged(event);
      live.acknowledged(event.snapshot);
      const since = born.get(event.snapshot);
      const lagMs = since === undefined ? undefined : clock.now() - since;
      if (lagMs !== undefined) metrics.snapshotAcknowledged(lagMs / 1000);
      if (rejections.acknowledged(event)) report();
      quarantine.settled();
      log.debug("live", lagMs === undefined ? {} : { ms: Math.round(lagMs * 10) / 10 });
      if (readiness.acknowledged()) log.info("ready");
      status?.progressed();
    };

    const ads =
      options.envoy &&
      (await createAdsServer({ socketPath: options.envoy.xdsSocketPath, halts: true, log: log.child("xds"), onEvent }));
    let currentResources: () => Resources = () => sortResources([]).value;
    let irListeners: readonly Listener[] = [];
    const live = whenLive();
    /** Files have no versions. */
    let sightings = createSightings();
    const proxy = ownReport({ readiness: readiness.now, sightings: () => sightings, clock, today: () => new Date() });
    live.onLive(proxy.live);
    proxyReport = proxy.now;
    let reviewStatus: () => void = () => undefined;
    const guard = createPortGuard<Listener>({
      isHeld: (place) => isHeldByOthers(place, adminSocketPath),
      publish(snapshot, changedAtMs) {
        born.set(snapshot, changedAtMs);
        readiness.waitingFor("Envoy has not acknowledged the first configuration yet");
        live.published(snapshot);
        quarantine.published(snapshot);
        proxy.published(snapshot);
        ads?.setSnapshot(snapshot);
      },
      onHeld(held) {
        portProblems = held.map(portProblem);
        report();
      },
      clock,
      retryMs: portRetryMs,
    });
    const consul = watchConsul({
      settings: settings.consul,
      env: options.env,
      clock,
      signal: stopped.signal,
      onEndpoints: () => reconciler.changed(true),
      onProblems: report,
    });
    const compileSettings = compileSettingsOf(settings);
    let isRead = false;
    const istio =
      settings.istioSecretDir === undefined
        ? undefined
        : watchIstioCertificates({
            directory: settings.istioSecretDir,
            namespace: settings.namespace,
            log: log.child("istio"),
            clock,
            signal: stopped.signal,
            onChange() {
              if (isRead) reconciler.changed();
            },
          });
    const files = certificateFiles({
      settings: compileSettings,
      onChange: () => reconciler.changed(),
      clock,
      log: log.child("files"),
    });
    const reconciler = createReconciler({
      settings: compileSettings,
      verdicts: options.envoy && gatewayVerdicts(options.envoy, clock, log.child("verdict")),
      resources: (serving) => files.withFiles(istio?.over(currentResources()) ?? currentResources(), serving),
      consul,
      quarantine,
      versions: () => sightings.contentVersions(),
      onComplete: (served, isNews) => live.judged(served, isNews && ads !== undefined),
      onSnapshot(snapshot, changedAtMs) {
        // A shadow opens no port, so it does not matter who has them.
        if (ads === undefined) return;
        guard.offer(snapshot, irListeners, changedAtMs);
      },
      onJudged(judged) {
        inForce = judged.effective;
        diagnostics.judged(judged);
        consul.need(judged.compiled.endpoints);
        irListeners = judged.compiled.ir.listeners;
        const opened = irListeners.length;
        if (opened === 0 && opened !== listeners) {
          log.warn("no Listener is served, so no port is open: apply a Listener, and a Host that it takes");
        }
        listeners = opened;
        metrics.resources(countOf(currentResources()));
        compiledProblems = judged.problems;
        expired = expiry.judge(judged.compiled.certificates);
        metrics.certificates(judged.compiled.certificates);
        kept = judged.kept;
        report();
        quarantine.settled();
        reviewStatus();
        if (options.envoy === undefined) log.info(summary(judged.problems, currentResources()));
      },
      onCompiled: (seconds) => metrics.compiled(seconds),
      clock,
      log,
    });

    if (settings.mode.kind === "standalone") {
      const read = manifestReader();
      watchManifests({
        path: settings.mode.configPath,
        log: log.child("files"),
        clock,
        signal: stopped.signal,
        onChange(files) {
          const manifests = read(files);
          currentResources = () => manifests.resources;
          sourceProblems = [...manifests.problems, ...manifests.skipped];
          isRead = true;
          reconciler.changed();
        },
      });
    } else {
      const cluster = controlCluster({
        quarantine,
        live,
        metrics,
        log,
        clock,
        settings,
        compileSettings,
        env: options.env,
        isShadow: options.envoy === undefined,
        inForce: () => quarantine.withProven(inForce),
        report: proxy,
        signal: stopped.signal,
        onChange(endpointsOnly) {
          isRead = true;
          reconciler.changed(endpointsOnly);
        },
        onWaiting: readiness.waitingFor,
      });
      currentResources = cluster.source.resources;
      sightings = cluster.source.sightings;
      status = cluster.status;
      reviewStatus = cluster.reviewStatus;
    }
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    if (parent === undefined) throw error;
    await parent.send({ type: "fatal", message: error.message, exitCode: error.exitCode });
    options.exit(error.exitCode);
  }
  return async () => status?.release();
}
