/** Has the API server ask this process, and trust it: caBundle of the webhook configurations, conversion of the CRDs. */
import { conversionPath } from "../../capabilities/webhook.ts";
import { group } from "../../crds/common.ts";
import { at, isFields, type Kube, type KubeAnswer, refusalOf } from "./kube.ts";

/** Where the API server reaches the process. */
export type Address =
  | { readonly kind: "service"; readonly name: string; readonly namespace: string; readonly port: number }
  | { readonly kind: "url"; readonly url: string };

export interface Context {
  readonly kube: Kube;
  readonly address: Address;
  readonly caBundle: string;
  readonly signal: AbortSignal;
}

export type Outcome =
  /** As it should be, now or already. */
  | { readonly kind: "done"; readonly changed: readonly string[] }
  /** Nobody has asked for it: the object is not there, or not for us to change. */
  | { readonly kind: "left"; readonly reason: string }
  | { readonly kind: "failed"; readonly reason: string };

const registration = "/apis/admissionregistration.k8s.io/v1";
const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

/** Sets caBundle of those webhooks of the configuration that lead here. */
export async function trustWebhooks(
  { kube, address, caBundle, signal }: Context,
  plural: "validatingwebhookconfigurations" | "mutatingwebhookconfigurations",
  name: string,
): Promise<Outcome> {
  const path = `${registration}/${plural}/${name}`;
  const found = await kube({ method: "GET", path, signal });
  if (found.status !== 200) return notThere(found, `${plural} ${name}`);
  const webhooks = at(found.body, "webhooks");
  const stale = (Array.isArray(webhooks) ? webhooks : []).flatMap((webhook: unknown, index) => {
    const config = at(webhook, "clientConfig");
    return leadsHere(config, address) && at(config, "caBundle") !== caBundle ? [index] : [];
  });
  if (stale.length === 0) return { kind: "done", changed: [] };
  const body = [
    // Somebody else's change in between is looked at first.
    { op: "test", path: "/metadata/resourceVersion", value: at(found.body, "metadata", "resourceVersion") },
    ...stale.map((index) => ({ op: "add", path: `/webhooks/${index}/clientConfig/caBundle`, value: caBundle })),
  ];
  const patched = await kube({ method: "PATCH", path, body, patch: "json", signal });
  return patched.status === 200 ? { kind: "done", changed: [`${plural} ${name}`] } : failed(patched);
}

function leadsHere(config: unknown, address: Address): boolean {
  if (address.kind === "url") return String(at(config, "url")).startsWith(`${address.url}/`);
  return at(config, "service", "name") === address.name && at(config, "service", "namespace") === address.namespace;
}

/** CRDs by name, with the resourceVersion in which they were as they should be. */
export type KnownCrds = Map<string, string>;

/**
 * Points the CRDs of our group that have several versions here. Those that another process converts are left alone, unless they
 * are ours by their label: two that correct each other would never end.
 * @param known is brought up to date, so that a CRD is fetched only when it has changed; they are large
 */
export async function convertHere(context: Context, names: readonly string[], known: KnownCrds): Promise<Outcome[]> {
  const { kube, signal } = context;
  const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  const listed = await kube({ method: "GET", path: crds, accept, signal });
  if (listed.status !== 200) return [notThere(listed, "the CustomResourceDefinitions")];
  const items = at(listed.body, "items");
  const outcomes: Outcome[] = [];
  for (const item of Array.isArray(items) ? (items as readonly unknown[]) : []) {
    const name = String(at(item, "metadata", "name"));
    const version = String(at(item, "metadata", "resourceVersion"));
    if (!names.includes(name) || known.get(name) === version) continue;
    const outcome = await convertOne(context, name);
    // What failed is tried again; what was changed has a new version by now.
    if (outcome.kind !== "failed" && !(outcome.kind === "done" && outcome.changed.length > 0)) known.set(name, version);
    outcomes.push(outcome);
  }
  return outcomes;
}

async function convertOne({ kube, address, caBundle, signal }: Context, name: string): Promise<Outcome> {
  const path = `${crds}/${name}`;
  const found = await kube({ method: "GET", path, signal });
  if (found.status !== 200) return notThere(found, name);
  const { body: crd } = found;
  const versions = at(crd, "spec", "versions");
  if (at(crd, "spec", "group") !== group || !Array.isArray(versions) || versions.length < 2) {
    return { kind: "done", changed: [] };
  }
  const webhook = at(crd, "spec", "conversion", "webhook");
  const config = at(webhook, "clientConfig");
  const isOurs = at(crd, "metadata", "labels", "app.kubernetes.io/part-of") === "nuncio";
  const isElsewhere = webhook !== undefined && !leadsHere(config, address);
  if (isElsewhere && !isOurs) {
    const who = String(at(config, "service", "name") ?? at(config, "url"));
    const advice = "to hand it over, end that one and apply crds-legacy.yaml";
    return { kind: "left", reason: `${name} is converted by ${who}; ${advice}` };
  }
  const wanted =
    address.kind === "url"
      ? { url: address.url + conversionPath }
      : { service: { name: address.name, namespace: address.namespace, path: conversionPath, port: address.port } };
  const isRight =
    at(config, "caBundle") === caBundle && Object.entries(wanted).every(([key, value]) => same(at(config, key), value));
  if (at(crd, "spec", "conversion", "strategy") === "Webhook" && isRight) return { kind: "done", changed: [] };
  const clientConfig = { url: null, service: null, ...wanted, caBundle };
  const body = {
    metadata: { resourceVersion: at(crd, "metadata", "resourceVersion") },
    spec: { conversion: { strategy: "Webhook", webhook: { clientConfig, conversionReviewVersions: ["v1"] } } },
  };
  const patched = await kube({ method: "PATCH", path, body, signal });
  return patched.status === 200 ? { kind: "done", changed: [name] } : failed(patched);
}

function same(found: unknown, wanted: unknown): boolean {
  if (!isFields(found) || !isFields(wanted)) return found === wanted;
  return Object.entries(wanted).every(([key, value]) => found[key] === value);
}

function notThere(answer: KubeAnswer, what: string): Outcome {
  if (answer.status === 404) return { kind: "left", reason: `${what}: not there` };
  if (answer.status === 403) return { kind: "left", reason: `${what}: ${refusalOf(answer)}` };
  return failed(answer);
}

function failed(answer: KubeAnswer): Outcome {
  return { kind: "failed", reason: refusalOf(answer) };
}
