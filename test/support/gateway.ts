import fs from "node:fs";
import http from "node:http";
import os from "node:os";
import path from "node:path";
import { manifestReader } from "../../compile/manifests.ts";
import type { Resources } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { certificateFiles } from "../../runtime/certificate-files.ts";
import { silentLog } from "../../runtime/log.ts";
import { systemClock } from "../../runtime/clock.ts";
import { watchConsul } from "../../runtime/consul.ts";
import { createQuarantine } from "../../runtime/quarantine/quarantine.ts";
import { createReconciler } from "../../runtime/reconciler.ts";
import { readSettings } from "../../runtime/settings.ts";
import { rejectionProblems } from "../../runtime/rejections.ts";
import type { AdsEvent } from "../../xds/server/events.ts";
import { createAdsServer } from "../../xds/server/server.ts";
import type { Snapshot } from "../../xds/snapshot.ts";
import { createValidator } from "../../runtime/validator/validator.ts";
import { createVerdicts } from "../../runtime/validator/verdicts.ts";
import { type BareEnvoy, type BareEnvoyOptions, ENVOY_BINARY, freePort, spawnEnvoy } from "./envoy.ts";

/** What a backend got, as it answers it: JSON of the request. */
export interface Echo {
  readonly backend: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  /** The request as the backend saw it. Throws when no backend answered. */
  echo(): Echo;
}

export interface RequestOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly host?: string;
  readonly body?: string;
}

export interface Gateway {
  /** The port of the Listener in `listenerAndHost`. */
  readonly port: number;
  readonly envoy: BareEnvoy;
  /** Serves these manifests instead of the earlier ones; resolves when Envoy has acknowledged them. */
  apply(manifests: string): Promise<readonly Problem[]>;
  /** Of what was compiled last: files may change while manifests do not. */
  problems(): readonly Problem[];
  request(path: string, options?: RequestOptions): Promise<Answer>;
  /** How often the serving Envoy has refused something. */
  nacks(): number;
  /** The Envoy that judges; undefined: there is none. */
  validatorPid(): number | undefined;
  /** What has been wrong with services in Consul for a while. */
  consulProblems(): readonly Problem[];
  stop(): Promise<void>;
}

export interface EchoBackend {
  readonly name: string;
  /** `http://127.0.0.1:PORT`, for a Mapping's service. */
  readonly service: string;
  /** Requests it got, oldest first. */
  readonly seen: readonly Echo[];
  close(): Promise<void>;
}

/** A backend that answers what it was asked. `x-answer-status` in the request sets the status, `x-answer-delay-ms` the delay. */
export async function echoBackend(name: string): Promise<EchoBackend> {
  const seen: Echo[] = [];
  const server = http.createServer((request, response) => {
    const headers = Object.fromEntries(Object.entries(request.headers).map(([key, value]) => [key, String(value)]));
    const echo: Echo = { backend: name, method: request.method ?? "", url: request.url ?? "", headers };
    seen.push(echo);
    response.statusCode = Number(headers["x-answer-status"] ?? 200);
    response.setHeader("content-type", "application/json");
    setTimeout(() => response.end(JSON.stringify(echo)), Number(headers["x-answer-delay-ms"] ?? 0));
  });
  server.keepAliveTimeout = 0;
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as { port: number };
  return {
    name,
    service: `http://127.0.0.1:${port}`,
    seen,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
  };
}

/** A Listener on the port and a Host for every name that serves cleartext. */
export function listenerAndHost(port: number): string {
  return `
apiVersion: getambassador.io/v3alpha1
kind: Listener
metadata: { name: http }
spec: { port: ${port}, protocol: HTTP, securityModel: XFP, hostBinding: { namespace: { from: ALL } } }
---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: { name: any }
spec: { hostname: "*", requestPolicy: { insecure: { action: Route } } }
`;
}

/** A Mapping as YAML; its hostname is "*" unless the spec says otherwise. */
export function mapping(name: string, spec: Readonly<Record<string, unknown>>): string {
  const object = {
    apiVersion: "getambassador.io/v3alpha1",
    kind: "Mapping",
    metadata: { name },
    spec: { hostname: "*", ...spec },
  };
  return `---\n${JSON.stringify(object)}\n`;
}

export interface GatewayOptions {
  /** How long connections of a filter chain that changed may live on. Default: 1. */
  readonly drainTimeSeconds?: number;
  /** Of Envoy's memory and connections. Default: none. */
  readonly limits?: BareEnvoyOptions["limits"];
  /** What the gateway's environment says of Consul. */
  readonly env?: Readonly<Record<string, string>>;
  /** What the compiler is told beside the usual. */
  readonly settings?: Partial<CompileSettings>;
  /** false: Envoy reads certificates from files itself. */
  readonly readsFiles?: boolean;
  /** false: what Envoy refuses is told, and nothing comes of it. */
  readonly quarantine?: boolean;
  /** Spoils a snapshot as no compiler of ours does, on its way to Envoy. */
  readonly spoil?: (snapshot: Snapshot) => Snapshot;
  /** Nothing stands beside the manifests: no Listener, no Host. */
  readonly bare?: boolean;
  /** Whether contents that only Envoy can judge are judged before they are served. Default: false. */
  readonly validator?: boolean;
}

/** Compiler, reconciler, xDS server and a real Envoy. Manifests given to `apply` stand beside `listenerAndHost(port)`. */
export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const { readsFiles = true, bare = false } = options;
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-"));
  const socketPath = path.join(directory, "xds.sock");
  const port = await freePort();
  const read = manifestReader();
  let resources: Resources | undefined;
  let problems: readonly Problem[] = [];
  let waiting: (() => void) | undefined;
  let published = false;
  let nacks = 0;
  const validator =
    options.validator === true
      ? createValidator({ envoyPath: ENVOY_BINARY, directory, clock: systemClock, log: silentLog })
      : undefined;

  const onEvent = (event: AdsEvent): void => {
    if (event.kind === "nack") nacks++;
    if (event.kind === "nack") problems = [...problems, ...rejectionProblems(event, reconciler.sourceMap())];
    if (event.kind === "halted" && quarantine?.halted(event.snapshot, event.refused) !== true)
      setImmediate(() => ads.goOn());
    if (event.kind !== "acknowledged") return;
    quarantine?.acknowledged(event.snapshot, event.refused);
    if (event.snapshot === latest && quarantine?.isAtWork() !== true) settle();
  };
  const settle = () => {
    waiting?.();
    waiting = undefined;
  };
  let latest: unknown;
  const ads = await createAdsServer({ socketPath, log: silentLog, onEvent, graceMs: 50, halts: true });
  const settings: CompileSettings = {
    ambassadorId: "default",
    ownNamespace: "default",
    bindAddress: "127.0.0.1",
    inCluster: false,
    readsFiles,
    ...options.settings,
  };
  const env = options.env ?? {};
  const stopped = new AbortController();
  const consul = watchConsul({
    settings: readSettings({}, env).settings.consul,
    env,
    clock: systemClock,
    signal: stopped.signal,
    onEndpoints: () => reconciler.changed(true),
    onProblems: () => undefined,
  });
  const quarantine =
    options.quarantine === false
      ? undefined
      : createQuarantine({ onChange: () => reconciler.changed(), clock: systemClock });
  const reconciler = createReconciler({
    verdicts: createVerdicts(validator),
    // Whoever applies something waits for its verdict.
    patienceMs: 600_000,
    consul,
    quarantine,
    settings,
    resources: (inForce) => (readsFiles ? files.withFiles(resources as Resources, inForce) : (resources as Resources)),
    onSnapshot(made) {
      const snapshot = options.spoil?.(made) ?? made;
      latest = snapshot;
      published = true;
      quarantine?.published(snapshot);
      ads.setSnapshot(snapshot);
    },
    onJudged(judged) {
      consul.need(judged.compiled.endpoints);
      problems = judged.problems;
      published = false;
      // With nothing to publish there is nothing to acknowledge.
      setImmediate(() => {
        if (!published && consul.awaitedMs() === 0 && quarantine?.isAtWork() !== true) settle();
      });
    },
    onCompiled: () => undefined,
    clock: systemClock,
    log: silentLog,
  });
  const files = certificateFiles({
    settings,
    onChange: () => reconciler.changed(),
    clock: systemClock,
    log: silentLog,
  });
  const envoy = spawnEnvoy({ ...options, adsSocket: socketPath, logLevel: "warning" });

  const apply = async (manifests: string): Promise<readonly Problem[]> => {
    const {
      resources: now,
      problems: ofFiles,
      skipped,
    } = read(
      new Map([["test.yaml", { kind: "text", text: bare ? manifests : `${listenerAndHost(port)}---\n${manifests}` }]]),
    );
    resources = now;
    const acknowledged = new Promise<void>((done) => (waiting = done));
    reconciler.changed();
    await acknowledged;
    return [...ofFiles, ...skipped, ...problems];
  };

  await apply("");
  return {
    port,
    envoy,
    apply,
    problems: () => problems,
    nacks: () => nacks,
    validatorPid: () => validator?.pid,
    request: (url, options) => send(port, url, options),
    consulProblems: () => consul.problems(reconciler.sourceMap()),
    async stop() {
      files.close();
      reconciler.stop();
      stopped.abort();
      await Promise.all([envoy.stop(), validator?.close()]);
      await ads.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}

function send(port: number, url: string, options: RequestOptions = {}): Promise<Answer> {
  const { method = "GET", headers = {}, host = "example.com", body } = options;
  return new Promise((resolve, reject) => {
    const request = http.request(
      { host: "127.0.0.1", port, path: url, method, headers: { host, ...headers }, agent: false },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const body = Buffer.concat(chunks).toString();
          const echo = (): Echo => {
            try {
              return JSON.parse(body) as Echo;
            } catch {
              throw new Error(`no backend answered: ${response.statusCode} ${body}`);
            }
          };
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body, echo });
        });
      },
    );
    request.on("error", reject);
    request.end(body);
  });
}
