import type { HostSpec } from "../../crds/host.ts";
import type { HostResource, SecretResource } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";
import type { TerminationTls } from "../../ir/types.ts";
import type { HostTls } from "./host.ts";
import {
  type Checked,
  checkedAuthority,
  checkedCertificate,
  DEFAULT_ALPN,
  parametersOf,
  report,
  secretKeyOf,
  type Settings,
  type TlsContext,
} from "./tls-settings.ts";
import { checkTlsWords } from "./tls-words.ts";

/** What a Host's TLS is made from. */
export interface TlsSources {
  /** Whether secret names carry namespaces where nothing else is said. */
  readonly namespacing: boolean;
  context(name: string, namespace: string): TlsContext | undefined;
  secret(key: string): SecretResource | undefined;
}

const none: HostTls = { tls: undefined, problems: [] };

/** TLS needs `tlsSecret`; its settings come from tlsContext, else tls, else a TLSContext named `<host>-context`. Source: Emissary IRHost. */
export function hostTls(resource: HostResource, state: TlsSources): HostTls {
  const { spec, namespace, name } = resource;
  if (spec.tlsSecret?.name === undefined) return none;
  const problems: Problem[] = [];
  const at: Checked = { object: resource, problems };
  const key = `${spec.tlsSecret.namespace ?? namespace}/${spec.tlsSecret.name}`;
  const certificateSecret = checkedCertificate(key, state.secret(key), at, ["spec", "tlsSecret"]);
  const named = spec.tlsContext?.name;
  const context = state.context(named ?? `${name}-context`, namespace);
  if (named !== undefined && context === undefined) {
    report(
      at,
      "TlsContextNotFound",
      ["spec", "tlsContext", "name"],
      `there is no TLSContext ${JSON.stringify(named)}`,
      "apply it, or remove tlsContext",
    );
  }
  const settings: Settings = named === undefined && spec.tls !== undefined ? spec.tls : (context?.resource.spec ?? {});
  const settingsPath = named === undefined && spec.tls !== undefined ? ["spec", "tls"] : ["spec", "tlsContext"];
  if (context !== undefined && settings === context.resource.spec) checkContext(context, key, spec, at);
  const isContext = settings === context?.resource.spec;
  const home = isContext ? context.resource.namespace : namespace;
  const namespacing = isContext ? (context.resource.spec.secret_namespacing ?? state.namespacing) : true;
  checkTlsWords(settings, at, settingsPath);
  const validationSecret = checkedAuthority(
    settings,
    (each) => secretKeyOf(each, home, namespacing),
    state.secret,
    at,
    settingsPath,
  );
  if (certificateSecret === undefined || problems.some(({ severity }) => severity === "error"))
    return { tls: undefined, problems };
  const tls: TerminationTls = {
    certificateSecret,
    validationSecret,
    requireClientCertificate: settings.cert_required ?? false,
    parameters: parametersOf(settings, DEFAULT_ALPN),
  };
  return { tls, problems };
}

function checkContext(context: TlsContext, key: string, spec: HostSpec, at: Checked): void {
  if (context.secretKey !== undefined && context.secretKey !== key) {
    const path = ["spec", "tlsContext"];
    report(
      at,
      "HostConflict",
      path,
      `the TLSContext has the Secret ${context.secretKey} and tlsSecret names ${key}`,
      "name the same Secret, or leave secret out of the TLSContext",
    );
  }
  const { hosts } = context.resource.spec;
  const hostname = spec.hostname ?? "*";
  if (hosts === undefined || hosts.length === 0 || hosts.includes(hostname)) return;
  at.problems.push({
    code: "HostConflict",
    severity: "warning",
    object: at.object,
    path: ["spec", "tlsContext"],
    message: `the TLSContext's hosts (${hosts.join(", ")}) do not include ${hostname}`,
    advice: "add it there; the TLSContext is used all the same",
  });
}
