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
import { readClusterObjects } from "../state/cluster.ts";
import { fileSettings, manifestFiles } from "../state/files.ts";
import type { Environment, StateFlags } from "../state/state.ts";
import { redactObject } from "./redact.ts";

export interface Collected {
  /** Redacted. */
  readonly objects: readonly Fields[];
  readonly settings: CompileSettings;
  /** Of files, and of objects that are not read. */
  readonly problems: readonly Problem[];
  readonly from: string;
}

/** Every object that a gateway would read, and of Secrets those that something names; redacted. */
export async function collect(flags: StateFlags, env: Environment): Promise<Collected> {
  const { from = "cluster" } = flags;
  const { raws, ...rest } = from === "cluster" ? await ofCluster(flags, env) : ofFiles(from, env);
  const read = raws.flatMap((raw) => {
    const { resource } = parseResource(raw);
    return resource === undefined ? [] : [{ raw, resource }];
  });
  const named = secretsNamed(
    read.map(({ resource }) => resource),
    rest.settings,
  );
  const wanted = read.filter(({ resource }) => resource.kind !== "Secret" || named.has(keyOf(resource)));
  return { ...rest, objects: wanted.map(({ raw }) => redactObject(raw)) };
}

interface Source extends Omit<Collected, "objects"> {
  readonly raws: readonly Fields[];
}

async function ofCluster(flags: StateFlags, env: Environment): Promise<Source> {
  const { kinds, settings, from } = await readClusterObjects(flags, env);
  return { raws: kinds.flatMap(({ objects }) => objects), settings, problems: [], from };
}

function ofFiles(from: string, env: Environment): Source {
  const files = manifestFiles([from], env);
  const { problems, skipped } = manifestReader()(files);
  const raws = [...files].flatMap(([name, file]) =>
    file.kind === "text"
      ? parseDocuments(file.text, name).documents.flatMap(({ raw }) => (isFields(raw) ? [raw] : []))
      : [],
  );
  return { raws, settings: fileSettings(env), problems: [...problems, ...skipped], from };
}

function secretsNamed(resources: readonly AnyResource[], settings: CompileSettings): ReadonlySet<string> {
  const expansion = createExpander()(sortResources(resources).value, settings);
  return referencedSecrets(expansion.resources, settings.ownNamespace);
}
