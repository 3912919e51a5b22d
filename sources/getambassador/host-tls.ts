import type { HostSpec } from "../../crds/host.ts";
import type { HostResource } from "../../crds/resources.ts";
import type { Problem } from "../../ir/problem.ts";
import type { TerminationTls } from "../../ir/types.ts";
import type { HostTls } from "./host.ts";
import { checkParameters } from "./tls-parameters.ts";
import {
  type Checked,
  DEFAULT_ALPN,
  parametersOf,
  report,
  reportIgnored,
  secretKeyOf,
  type Settings,
  type TlsContext,
} from "./tls-settings.ts";
import {
  checkedAuthority,
  checkedCertificate,
  checkedCertificateFiles,
  isCertificateRequired,
  type PathOf,
  type SecretLookup,
} from "./tls-secrets.ts";

/** What a Host's TLS is made from. */
export interface TlsSources extends SecretLookup {
  /** Whether secret names carry namespaces where nothing else is said. */
  readonly namespacing: boolean;
  context(name: string, namespace: string): TlsContext | undefined;
}

const none: HostTls = { tls: undefined, wanted: false, problems: [] };

/**
 * TLS needs `tlsSecret`, or certificate and key in files; its settings come from tlsContext, else tls, else a TLSContext named
 * `<host>-context`. Source: Emissary IRHost, which does not get to files.
 */
export function hostTls(resource: HostResource, state: TlsSources): HostTls {
  const { spec, namespace, name } = resource;
  const named = spec.tlsContext?.name;
  const own = named === undefined ? spec.tls : undefined;
  const context = own === undefined ? state.context(named ?? `${name}-context`, namespace) : undefined;
  const settings: Settings = own ?? context?.resource.spec ?? {};
  const pathOf: PathOf = (field) =>
    own === undefined ? ["spec", "tlsContext"] : ["spec", "tls", ...(field === undefined ? [] : [field])];
  const problems: Problem[] = [];
  const at: Checked = { object: resource, problems };
  const secretName = spec.tlsSecret?.name;
  // Only a context that the Host itself names makes it one with TLS.
  const files = secretName === undefined && context !== undefined && named === undefined ? {} : settings;
  const hasFiles = files.cert_chain_file !== undefined || files.private_key_file !== undefined;
  if (secretName === undefined && !hasFiles) {
    if (named === undefined && own === undefined) return none;
    const path = ["spec", named === undefined ? "tls" : "tlsContext"];
    reportIgnored(at, path, "without tlsSecret the Host has no TLS", "name the Secret of its certificate in tlsSecret");
    return { tls: undefined, wanted: false, problems };
  }
  if (named !== undefined && context === undefined) {
    report(
      at,
      "TlsContextNotFound",
      ["spec", "tlsContext", "name"],
      `there is no TLSContext ${JSON.stringify(named)}`,
      "apply it, or remove tlsContext",
    );
  }
  let certificateSecret: string | undefined;
  if (secretName === undefined) {
    certificateSecret = checkedCertificateFiles(settings, state, at, pathOf);
  } else {
    const key = `${spec.tlsSecret?.namespace ?? namespace}/${secretName}`;
    certificateSecret = checkedCertificate(key, state, at, ["spec", "tlsSecret"]);
    if (hasFiles) {
      const message = "tlsSecret is set too and wins";
      reportIgnored(at, pathOf("cert_chain_file"), message, "leave tlsSecret out, or the files");
    }
    if (context !== undefined) checkSecret(context, key, at);
  }
  if (context !== undefined) checkHosts(context, resource.name, spec, at);
  const home = context?.resource.namespace ?? namespace;
  const namespacing = context === undefined || (context.resource.spec.secret_namespacing ?? state.namespacing);
  const keyFor = (each: string) => secretKeyOf(each, home, namespacing);
  const validationSecret = checkedAuthority(settings, keyFor, state, at, pathOf);
  const requireClientCertificate = isCertificateRequired(settings, keyFor, state);
  if (requireClientCertificate && settings.ca_secret === undefined && settings.cacert_chain_file === undefined) {
    const message = "without ca_secret no client certificate is asked for, since nothing says who must have signed it";
    reportIgnored(at, pathOf("cert_required"), message, "name the certificate authority in ca_secret");
  }
  if (own !== undefined) checkDead(own, at, pathOf);
  checkParameters(settings, at, pathOf);
  if (certificateSecret === undefined || problems.some(({ severity }) => severity === "error"))
    return { tls: undefined, wanted: true, problems };
  const parameters = parametersOf(settings, DEFAULT_ALPN);
  const tls: TerminationTls = { certificateSecret, validationSecret, requireClientCertificate, parameters };
  return { tls, wanted: true, problems };
}

/** What has had no effect in Emissary since Listeners, and is told. */
export function checkDead(settings: Settings, at: Checked, pathOf: PathOf): void {
  if (settings.redirect_cleartext_from === undefined) return;
  const message = "has no effect: what becomes of cleartext requests is the Host's to say";
  const advice = "remove it, and set requestPolicy.insecure.action of the Host; a Listener opens the port";
  reportIgnored(at, pathOf("redirect_cleartext_from"), message, advice);
}

function checkSecret(context: TlsContext, key: string, at: Checked): void {
  if (context.secretKey === undefined || context.secretKey === key) return;
  report(
    at,
    "HostConflict",
    ["spec", "tlsContext"],
    `the TLSContext has the Secret ${context.secretKey} and tlsSecret names ${key}`,
    "name the same Secret, or leave secret out of the TLSContext",
  );
}

/** Source: Emissary IRHost, where the Host's own name will do too. */
function checkHosts({ resource }: TlsContext, name: string, spec: HostSpec, at: Checked): void {
  const { hosts } = resource.spec;
  const hostname = spec.hostname ?? "*";
  if (hosts === undefined || hosts.length === 0 || hosts.includes(hostname) || hosts.includes(name)) return;
  at.problems.push({
    code: "HostConflict",
    severity: "warning",
    object: at.object,
    path: ["spec", "tlsContext"],
    message: `the TLSContext's hosts (${hosts.join(", ")}) do not include ${hostname}`,
    advice: "add it there; the TLSContext is used all the same",
  });
}
