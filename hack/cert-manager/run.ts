/** One case: the chart is installed, a bad Mapping refused, certificates renewed while the API server asks on. */
import { X509Certificate } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../../test/cluster/cluster.ts";
import { eventually } from "../../test/support/eventually.ts";
import type { Session } from "../bench/session.ts";
import type { Case } from "./cases.ts";
import {
  certificateOf,
  type Ground,
  isReady,
  name,
  namespace,
  prepareGround,
  type Secret,
  secretOf,
} from "./ground.ts";
import { certificatesIn, judged, gapMs, type Sample, watchTrust } from "./trust.ts";

export interface Options {
  /** From a new Secret to its files in the mount. */
  readonly mountDelayMs: number;
}

/** Times in ms, from the new Secret on. */
export interface Renewal {
  readonly what: string;
  /** Until caBundle has the new Secret's authority; 0: it had it before. */
  readonly bundleMs: number;
  /** Until the process serves the new certificate; undefined: the webhook's was not renewed. */
  readonly servedMs: number | undefined;
  readonly asked: number;
  /** Bad Mappings that the webhook was not asked about. */
  readonly unjudged: number;
  readonly gapMs: number;
  /** What the API server said, once. */
  readonly reason: string | undefined;
}

export interface Outcome {
  readonly issuedMs: number;
  /** For the bad Mapping. */
  readonly words: string;
  readonly renewals: readonly Renewal[];
}

const patient = { timeoutMs: 120_000, everyMs: 50 };
const authority = `${name}-authority`;
/** So long the API server is asked on after all is done. */
const afterMs = 1000;

export async function runCase(session: Session, directory: string, which: Case, options: Options): Promise<Outcome> {
  return await session.scope(async (scope) => {
    const ground = await prepareGround(scope, directory, which);
    const { cluster, admission, issuedMs } = ground;
    session.say(
      `${which.name}: the Certificate is ready, and in caBundle, ${(issuedMs / 1000).toFixed(1)} s after helm`,
    );
    await eventually("the API server asks the webhook", () => isJudging(cluster), patient);
    const { words } = await judged(cluster);
    session.say(`${which.name}: a good Mapping is taken, a bad one refused: ${words}`);
    const renewals: Renewal[] = [];
    const renewed = async (what: string, renew: () => Promise<Renewal>): Promise<void> => {
      session.say(`${which.name}: renewing ${what} ...`);
      renewals.push(await renew());
    };
    await renewed("the certificate", () => renewServed(ground, "certificate", options));
    if (which.issuer === undefined) {
      await renewed("the authority", () => renewAuthority(ground));
      await renewed("the certificate of the new authority", () => renewServed(ground, "certificate after it", options));
    }
    await isJudging(cluster);
    if (await hasEnded(admission.ended)) throw new Error(`the webhook's process ${await admission.ended}`);
    return { issuedMs, words, renewals };
  });
}

const hasEnded = async (ended: Promise<unknown>): Promise<boolean> =>
  await Promise.race([ended.then(() => true), sleep(0, false)]);

async function isJudging(cluster: Cluster): Promise<true> {
  const { wrong } = await judged(cluster);
  if (wrong !== undefined) throw new Error(wrong);
  return true;
}

/** What `cmctl renew` does. Source: cert-manager cmctl's pkg/renew. */
async function askToRenew({ cluster }: Ground, certificate: string): Promise<void> {
  const { metadata, status } = await certificateOf(cluster, certificate);
  const issuing = {
    ...{ type: "Issuing", status: "True", reason: "ManuallyTriggered" },
    message: "Certificate re-issuance manually triggered",
    lastTransitionTime: new Date().toISOString().replace(/\.\d+Z$/, "Z"),
    observedGeneration: metadata.generation,
  };
  const others = (status?.conditions ?? []).filter(({ type }) => type !== "Issuing");
  const patch = JSON.stringify({ status: { conditions: [...others, issuing] } });
  const what = ["certificates.cert-manager.io", certificate, "-n", namespace];
  await cluster.kubectl(["patch", ...what, "--subresource=status", "--type=merge", "-p", patch]);
}

/** @returns the Secret, when it has another certificate */
async function renewedSecret(ground: Ground, certificate: string, secret: string): Promise<Secret> {
  const { cluster } = ground;
  const before = (await secretOf(cluster, secret)).data["tls.crt"];
  await askToRenew(ground, certificate);
  const isNew = async () => {
    const now = await secretOf(cluster, secret);
    return now.data["tls.crt"] === before ? undefined : now;
  };
  return await eventually(`Secret ${secret} has a new certificate`, isNew, patient);
}

/** What the API server was answered while something was done, and for a while after it. */
async function watchedDuring<T>(
  ground: Ground,
  action: () => Promise<T>,
): Promise<{ readonly done: T; readonly samples: readonly Sample[] }> {
  const stop = new AbortController();
  const watching = watchTrust(ground, stop.signal);
  watching.catch(() => undefined); // told below, if the action does not fail first
  try {
    const done = await action();
    await sleep(afterMs);
    stop.abort();
    return { done, samples: await watching };
  } finally {
    stop.abort();
  }
}

async function renewServed(ground: Ground, what: string, { mountDelayMs }: Options): Promise<Renewal> {
  const { done, samples } = await watchedDuring(ground, async () => {
    const secret = await renewedSecret(ground, name, `${name}-tls`);
    const startedMs = performance.now();
    await sleep(mountDelayMs);
    ground.mounted.write(secret.data);
    const { serialNumber } = new X509Certificate(decoded(secret, "tls.crt"));
    const isSaid = (line: string) => line.includes("serving a new certificate") && line.includes(serialNumber);
    await eventually("the process serves the new certificate", () => ground.log.some(isSaid), patient);
    const ready = async () => isReady(await certificateOf(ground.cluster, name));
    await eventually("the Certificate is ready", ready, patient);
    return { secret, startedMs, serialNumber };
  });
  const served = samples.find((sample) => sample.served === done.serialNumber);
  if (served === undefined) throw new Error("no handshake got the new certificate");
  const bundleMs = bundledAt(samples, decoded(done.secret, "ca.crt")) - done.startedMs;
  const servedMs = served.atMs - done.startedMs;
  return { what, bundleMs: Math.max(0, bundleMs), servedMs, ...measured(samples) };
}

/** The webhook's certificate stays. */
async function renewAuthority(ground: Ground): Promise<Renewal> {
  const { samples } = await watchedDuring(ground, async () => {
    await renewedSecret(ground, authority, authority);
    const ready = async () => isReady(await certificateOf(ground.cluster, authority));
    await eventually("the authority is ready", ready, patient);
  });
  return { what: "authority", bundleMs: 0, servedMs: undefined, ...measured(samples) };
}

const decoded = ({ data }: Secret, key: string): string => Buffer.from(data[key] ?? "", "base64").toString();

/** When caBundle first had the authority of a Secret. */
function bundledAt(samples: readonly Sample[], ca: string): number {
  const [wanted] = certificatesIn(ca);
  const first = samples.find(({ bundle }) => wanted !== undefined && certificatesIn(bundle).includes(wanted));
  if (first === undefined) throw new Error("caBundle never had the authority of the new Secret");
  return first.atMs;
}

function measured(samples: readonly Sample[]): Pick<Renewal, "asked" | "unjudged" | "gapMs" | "reason"> {
  const unjudged = samples.flatMap((sample) => sample.unjudged ?? []);
  return { asked: samples.length, unjudged: unjudged.length, gapMs: gapMs(samples), reason: unjudged[0] };
}
