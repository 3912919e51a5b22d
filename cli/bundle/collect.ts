import { manifestReader } from "../../compile/manifests.ts";
import { createExpander } from "../../compile/expand.ts";
import { parseDocuments } from "../../crds/documents.ts";
import { type Fields, isFields } from "../../crds/metadata.ts";
import { parseResource } from "../../crds/parse.ts";
import { type AnyResource, sortResources } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";
import { keyOf } from "../../ir/resource.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { referencedSecrets } from "../../sources/getambassador/secret-references.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { conditionsIn } from "../../status/status.ts";
import { exitCodes } from "../output/exit-codes.ts";
import { clusterOf, ownNamespace, readClusterObjects } from "../state/cluster.ts";
import { fileSettings, manifestFiles } from "../state/files.ts";
import { readReplicas } from "../state/replicas.ts";
import { sourceOf } from "../state/source.ts";
import type { Environment, StateFlags } from "../state/state.ts";
import type { SavedCluster } from "./bundle.ts";
import { redactRecords } from "./kept.ts";
import { redactObject } from "./redact.ts";
import { type RedactTexts, secretTexts, textRedactor } from "./texts.ts";

export interface Collected {
  /** Redacted; those of a cluster with their conditions. */
  readonly objects: readonly Fields[];
  readonly cluster: SavedCluster | undefined;
  readonly settings: CompileSettings;
  /** Of files, and of objects that are not read. */
  readonly problems: readonly Problem[];
  readonly from: string;
  /** Takes out of texts what was taken out of the objects. */
  readonly redactTexts: RedactTexts;
}

/**
 * Every object that a gateway would read, and of Secrets those that something names; redacted.
 * @param note for people: what could not be read
 */
export async function collect(flags: StateFlags, env: Environment, note: (line: string) => void): Promise<Collected> {
  const source = sourceOf(flags, env);
  if (source.kind === "bundle")
    throw new FatalError(`${source.path} is a bundle already; give that one away`, exitCodes.usage);
  const { raws, cluster, ...rest } =
    source.kind === "cluster" ? await ofCluster(flags, env, note) : ofFiles(source.path, env);
  const { settings } = rest;
  const read = raws.flatMap((raw) => {
    const { resource } = parseResource(raw);
    return resource === undefined ? [] : [{ raw, resource }];
  });
  const named = secretsNamed(
    read.map(({ resource }) => resource),
    settings,
  );
  const wanted = read.filter(({ resource }) => resource.kind !== "Secret" || named.has(keyOf(resource)));
  const hidden = new Set(wanted.flatMap(({ raw }) => (raw["kind"] === "Secret" ? secretTexts(raw) : [])));
  const redacted = (raw: Fields) => redactObject(raw, (text) => hidden.add(text));
  const objects = wanted.map(({ raw }) => redacted(raw));
  const lastGood = (cluster?.kept ?? []).map(({ lastGood: manifest }) => manifest && redacted(manifest));
  // Once all that is hidden is known.
  const redactTexts = textRedactor(hidden);
  if (cluster === undefined) return { ...rest, objects, cluster, redactTexts };
  const before = wanted.map(({ raw }) => raw);
  const kept = redactRecords(cluster.kept, { before, after: objects, lastGood, settings, texts: redactTexts });
  return {
    ...rest,
    objects: objects.map((object, index) => withConditions(object, before[index], redactTexts)),
    cluster: { replicas: redactTexts(cluster.replicas), kept },
    redactTexts,
  };
}

/** What became of it, as gateways have told. */
function withConditions(object: Fields, raw: Fields | undefined, redactTexts: RedactTexts): Fields {
  const status = raw?.["status"];
  const conditions = isFields(status) ? [...conditionsIn(status).values()] : [];
  return conditions.length === 0 ? object : { ...object, status: { conditions: redactTexts(conditions) } };
}

interface Read extends Omit<Collected, "objects" | "redactTexts"> {
  readonly raws: readonly Fields[];
}

async function ofCluster(flags: StateFlags, env: Environment, note: (line: string) => void): Promise<Read> {
  const { kinds, kept, settings, from } = await readClusterObjects(flags, env);
  const { kubeConfig } = clusterOf(flags, env);
  let replicas: SavedCluster["replicas"];
  try {
    replicas = await readReplicas(kubeConfig, ownNamespace(env), from);
  } catch (error) {
    // All else is worth having for who may not read Leases.
    if (!(error instanceof FatalError)) throw error;
    note(`what the replicas report is not in it: ${error.message}`);
  }
  return { raws: kinds.flatMap(({ objects }) => objects), cluster: { replicas, kept }, settings, problems: [], from };
}

function ofFiles(from: string, env: Environment): Read {
  const files = manifestFiles([from], env);
  const { problems, skipped } = manifestReader()(files);
  const raws = [...files].flatMap(([name, file]) =>
    file.kind === "text"
      ? parseDocuments(file.text, name).documents.flatMap(({ raw }) => (isFields(raw) ? [raw] : []))
      : [],
  );
  return { raws, cluster: undefined, settings: fileSettings(env), problems: [...problems, ...skipped], from };
}

function secretsNamed(resources: readonly AnyResource[], settings: CompileSettings): ReadonlySet<string> {
  const expansion = createExpander()(sortResources(resources).value, settings);
  return referencedSecrets(expansion.resources, settings.ownNamespace);
}
