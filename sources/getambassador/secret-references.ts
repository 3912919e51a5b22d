import type { Resources } from "../../crds/resources.ts";
import { noModule, selectModule } from "./module.ts";
import { secretKeyOf } from "./tls-settings.ts";

type Referrers = Pick<Resources, "hosts" | "tlsContexts" | "modules">;

/** Secrets that Hosts and TLSContexts name, by `namespace/name`, whether or not they exist or can be used. */
export function referencedSecrets({ hosts, tlsContexts, modules }: Referrers): ReadonlySet<string> {
  const names = new Set<string>();
  const byDefault = (selectModule(modules).config ?? noModule).defaults?.tls_secret_namespacing ?? true;
  for (const { namespace, spec } of hosts) {
    if (spec.tlsSecret?.name !== undefined)
      names.add(`${spec.tlsSecret.namespace ?? namespace}/${spec.tlsSecret.name}`);
    for (const name of [spec.tls?.ca_secret, spec.tls?.crl_secret]) {
      if (name !== undefined) names.add(secretKeyOf(name, namespace, true));
    }
  }
  for (const { namespace, spec } of tlsContexts) {
    for (const name of [spec.secret, spec.ca_secret, spec.crl_secret]) {
      if (name === undefined) continue;
      names.add(secretKeyOf(name, namespace, spec.secret_namespacing ?? byDefault));
      // A Host that uses the context splits the name whatever the context says.
      names.add(secretKeyOf(name, namespace, true));
    }
  }
  return names;
}
