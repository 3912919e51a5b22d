import type { Resources } from "../../crds/resources.ts";
import { authorityFile, certificateFiles, type FileFields, type FileReference, fileSecretKey } from "./file-secrets.ts";
import { legacyContexts } from "./legacy-tls.ts";
import { noModule, selectModule } from "./module.ts";
import { secretKeyOf } from "./tls-settings.ts";

type Referrers = Pick<Resources, "hosts" | "tlsContexts" | "modules">;

/** The Secret that gives TLS to a gateway without Hosts. Source: Emissary's default Host. */
export const FALLBACK_SECRET = "fallback-self-signed-cert";

/**
 * Secrets that Hosts, TLSContexts and the Module tls name, by `namespace/name`, whether or not they exist or can be used.
 * @param ownNamespace the gateway's, where the Secret for a gateway without Hosts is
 */
export function referencedSecrets(resources: Referrers, ownNamespace?: string): ReadonlySet<string> {
  const { hosts, tlsContexts, modules } = resources;
  const names = new Set<string>();
  if (ownNamespace !== undefined) names.add(`${ownNamespace}/${FALLBACK_SECRET}`);
  const byDefault = (selectModule(modules).config ?? noModule).defaults?.tls_secret_namespacing ?? true;
  for (const { namespace, spec } of hosts) {
    if (spec.tlsSecret?.name !== undefined)
      names.add(`${spec.tlsSecret.namespace ?? namespace}/${spec.tlsSecret.name}`);
    for (const name of [spec.tls?.ca_secret, spec.tls?.crl_secret]) {
      if (name !== undefined) names.add(secretKeyOf(name, namespace, true));
    }
  }
  const legacy = legacyContexts(modules).map(({ resource }) => resource);
  for (const { namespace, spec } of [...tlsContexts, ...legacy]) {
    for (const name of [spec.secret, spec.ca_secret, spec.crl_secret]) {
      if (name === undefined) continue;
      names.add(secretKeyOf(name, namespace, spec.secret_namespacing ?? byDefault));
      // A Host that uses the context splits the name whatever the context says.
      names.add(secretKeyOf(name, namespace, true));
    }
  }
  return names;
}

/** Files that they name, by the key of the Secret that stands for them. */
export function referencedFiles({ hosts, tlsContexts, modules }: Referrers): ReadonlyMap<string, FileReference> {
  const found = new Map<string, FileReference>();
  const note = (fields: FileFields | undefined): void => {
    if (fields === undefined) return;
    for (const reference of [certificateFiles(fields), authorityFile(fields)]) {
      if (reference !== undefined) found.set(fileSecretKey(reference), reference);
    }
  };
  for (const { spec } of hosts) note(spec.tls);
  for (const { spec } of tlsContexts) note(spec);
  for (const { resource } of legacyContexts(modules)) note(resource.spec);
  return found;
}
