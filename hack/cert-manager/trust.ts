/** Whether the API server trusts the webhook: asked again and again, each time on a new connection. */
import { X509Certificate } from "node:crypto";
import { connect } from "node:tls";
import { setTimeout as sleep } from "node:timers/promises";
import type { Cluster } from "../../test/cluster/cluster.ts";
import { type Answer, request } from "../../test/cluster/loopback.ts";
import { caBundle, type Ground, serverName } from "./ground.ts";

const everyMs = 50;

export interface Sample {
  readonly atMs: number;
  readonly bundle: string;
  readonly served: string;
  /** Undefined: the bad Mapping was refused by the webhook. */
  readonly unjudged: string | undefined;
}

const mapping = (name: string, spec: object) => ({
  apiVersion: "getambassador.io/v3alpha1",
  kind: "Mapping",
  metadata: { name, namespace: "default" },
  spec: { hostname: "*", prefix: `/${name}/`, service: "quote", ...spec },
});

/** A server's dry run of a Mapping. */
async function tried(cluster: Cluster, object: object): Promise<Answer> {
  const at = "/apis/getambassador.io/v3alpha1/namespaces/default/mappings?dryRun=All";
  const { token, certificateAuthority: ca } = cluster;
  return await request(cluster.serverUrl + at, { token, ca, body: object });
}

/** What is wrong with the answers to a bad Mapping and to a good one, or undefined; and the words for the bad one. */
export async function judged(cluster: Cluster): Promise<{ readonly wrong?: string; readonly words: string }> {
  const words = messageOf(await tried(cluster, mapping("bad", { resolver: "nope" })));
  const good = await tried(cluster, mapping("good", {}));
  if (!isJudged(words)) return { words, wrong: `a bad Mapping was not refused by the webhook: ${words}` };
  if (good.status !== 201) return { words, wrong: `a good Mapping was answered ${good.status}: ${messageOf(good)}` };
  return { words };
}

function messageOf({ status, body }: Answer): string {
  const { message } = JSON.parse(body) as { readonly message?: string };
  return message ?? `it was taken, with status ${status}`;
}

const isJudged = (message: string): boolean =>
  message.includes('denied the request: Mapping default/bad: spec.resolver: there is no resolver "nope"');

/** The serial number of what a new connection gets. */
function servedAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: "127.0.0.1", port, servername: serverName, rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

export function certificatesIn(pem: string): readonly string[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => new X509Certificate(block).fingerprint256);
}

/** Asks until the abort. */
export async function watchTrust({ cluster, port, relay }: Ground, signal: AbortSignal): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  while (!signal.aborted) {
    relay.cut();
    await sleep(everyMs); // the API server learns that its connection is gone
    const before = relay.connections();
    const [bundle = "", served, words] = await Promise.all([
      caBundle(cluster),
      servedAt(port),
      tried(cluster, mapping("bad", { resolver: "nope" })).then(messageOf),
    ]);
    if (relay.connections() === before) throw new Error("the API server has asked on a connection that it had before");
    samples.push({ atMs: performance.now(), bundle, served, unjudged: isJudged(words) ? undefined : words });
  }
  return samples;
}

/** From the first bad Mapping that was not judged to the next one that was, in ms; 0 where all were. */
export function gapMs(samples: readonly Sample[]): number {
  const isGap = ({ unjudged }: Sample) => unjudged !== undefined;
  const first = samples.find(isGap);
  if (first === undefined) return 0;
  const after = samples[samples.findLastIndex(isGap) + 1] ?? samples.at(-1);
  return (after?.atMs ?? 0) - first.atMs;
}
