import type { HostSpec } from "../../crds/host.ts";
import type { ModuleConfig } from "../../crds/module-config.ts";
import type { HostResource, SecretResource, TLSContextResource } from "../../crds/resources.ts";
import type { TLSContextSpec } from "../../crds/tls-context.ts";
import { memoByKey, memoLast, sameEntries } from "../../ir/memo.ts";
import type { ObjectRef, PathStep, Problem, ProblemCode } from "../../ir/problem.ts";
import { keyOf } from "../../ir/resource.ts";
import type { Listener, OriginationTls, Secret, TerminationTls, TlsParameters, TlsVersion } from "../../ir/types.ts";
import { authorityOf, certificateOf } from "./certificate.ts";
import type { HostTls } from "./host.ts";
import type { BuiltMapping } from "./mapping.ts";

/** Everything known of TLS: contexts by name, Secrets by key, checked. */
export interface TlsState {
  readonly problems: readonly Problem[];
  /** Whether secret names carry namespaces where nothing else is said. */
  readonly namespacing: boolean;
  context(name: string, namespace: string): TlsContext | undefined;
  secret(key: string): SecretResource | undefined;
  /** The SDS secrets that listeners and clusters refer to. */
  used(listeners: readonly Listener[], mappings: readonly BuiltMapping[]): ReadonlyMap<string, Secret>;
}

interface TlsContext {
  readonly resource: TLSContextResource;
  readonly origination: OriginationTls | undefined;
  /** `namespace/name` of its own secret. */
  readonly secretKey: string | undefined;
}

export interface TlsBuilder {
  prepare(contexts: readonly TLSContextResource[], secrets: readonly SecretResource[], module: ModuleConfig): TlsState;
  /** TLS of a Host by the last state prepared. Same answer, same object: a rotated Secret changes neither Host nor chain. */
  host(resource: HostResource): HostTls;
}

type Settings = Pick<
  TLSContextSpec,
  "alpn_protocols" | "cipher_suites" | "ecdh_curves" | "ca_secret" | "crl_secret" | "cert_required" | "sni"
> & { readonly min_tls_version?: string | undefined; readonly max_tls_version?: string | undefined };

const versions: Readonly<Record<string, TlsVersion>> = {
  "v1.0": "TLSv1_0",
  "v1.1": "TLSv1_1",
  "v1.2": "TLSv1_2",
  "v1.3": "TLSv1_3",
};

/** HTTP/2 is offered unless told otherwise; Emissary needs alpn_protocols for it. */
const DEFAULT_ALPN = ["h2", "http/1.1"];

function parametersOf(settings: Settings, defaultAlpn: readonly string[]): TlsParameters {
  const alpn = settings.alpn_protocols
    ?.split(",")
    .map((each) => each.trim())
    .filter((each) => each !== "");
  return {
    minVersion: versions[settings.min_tls_version ?? ""],
    maxVersion: versions[settings.max_tls_version ?? ""],
    cipherSuites: settings.cipher_suites ?? [],
    ecdhCurves: settings.ecdh_curves ?? [],
    alpnProtocols: alpn ?? defaultAlpn,
  };
}

/** `name.namespace` is split at its last dot where secret names carry namespaces. */
export function secretKeyOf(name: string, namespace: string, namespacing: boolean): string {
  const dot = name.lastIndexOf(".");
  return namespacing && dot > 0 ? `${name.slice(dot + 1)}/${name.slice(0, dot)}` : `${namespace}/${name}`;
}

const validationName = (ca: string, crl: string | undefined): string =>
  crl === undefined ? `ca:${ca}` : `ca:${ca}+crl:${crl}`;

export function tlsBuilder(): TlsBuilder {
  let state: TlsState | undefined;
  const prepared = memoLast(prepareState);
  const stable = new WeakMap<HostResource, { readonly text: string; readonly tls: HostTls }>();
  const forState = memoByKey((resource: HostResource, [current]) => {
    const tls = hostTls(resource, current as TlsState);
    const text = JSON.stringify([tls.tls, tls.problems.map(({ code, path, message }) => [code, path, message])]);
    const earlier = stable.get(resource);
    if (earlier?.text === text) return earlier.tls;
    stable.set(resource, { text, tls });
    return tls;
  });
  return {
    prepare(contexts, secrets, module) {
      state = prepared(contexts, secrets, module);
      return state;
    },
    host: (resource) => forState(resource, [state]),
  };
}

function prepareState(
  contexts: readonly TLSContextResource[],
  secrets: readonly SecretResource[],
  module: ModuleConfig,
): TlsState {
  const bySecretKey = new Map(secrets.map((secret) => [keyOf(secret), secret]));
  const problems: Problem[] = [];
  const built = contexts.map((resource) => buildContext(resource, module, bySecretKey, problems));
  const findContext = (name: string, namespace: string) =>
    built.find(({ resource }) => resource.name === name && resource.namespace === namespace) ??
    built.find(({ resource }) => resource.name === name);
  let used: ReadonlyMap<string, Secret> = new Map();
  return {
    problems,
    namespacing: module.defaults?.tls_secret_namespacing ?? true,
    context: findContext,
    secret: (key) => bySecretKey.get(key),
    used(listeners, mappings) {
      const names = new Set<string>();
      for (const { chains } of listeners)
        for (const { tls } of chains) addNames(names, tls?.certificateSecret, tls?.validationSecret);
      for (const { cluster } of mappings) {
        if (cluster?.tls !== undefined) addNames(names, cluster.tls.certificateSecret, cluster.tls.validationSecret);
      }
      const now = new Map<string, Secret>();
      for (const name of [...names].sort()) {
        const secret = sdsSecret(name, bySecretKey);
        if (secret !== undefined) now.set(name, secret);
      }
      if (!sameEntries(now, used)) used = now;
      return used;
    },
  };
}

function addNames(names: Set<string>, ...some: readonly (string | undefined)[]): void {
  for (const name of some) if (name !== undefined) names.add(name);
}

const sdsMemo = memoByKey((_: SecretResource, [name, secret, crl]) =>
  makeSdsSecret(name as string, secret as SecretResource, crl as SecretResource | undefined),
);

function sdsSecret(name: string, secrets: ReadonlyMap<string, SecretResource>): Secret | undefined {
  const [main, crlPart] = name.split("+crl:");
  const secret = secrets.get((main ?? "").replace(/^ca:/, ""));
  if (secret === undefined) return undefined;
  return sdsMemo(secret, [name, secret, crlPart === undefined ? undefined : secrets.get(crlPart)]);
}

function makeSdsSecret(name: string, secret: SecretResource, crl: SecretResource | undefined): Secret | undefined {
  if (!name.startsWith("ca:")) {
    const certificate = certificateOf(secret);
    return certificate.ok ? { kind: "certificate", name, chain: certificate.chain, key: certificate.key } : undefined;
  }
  const authority = authorityOf(secret);
  return authority.ok ? { kind: "validation", name, ca: authority.ca, crl: crl?.spec.data["crl.pem"] } : undefined;
}

interface Checked {
  readonly object: ObjectRef;
  readonly problems: Problem[];
}

function report(
  { object, problems }: Checked,
  code: ProblemCode,
  path: readonly PathStep[],
  message: string,
  advice: string,
): undefined {
  problems.push({ code, severity: "error", object, path, message, advice });
  return undefined;
}

function checkedCertificate(
  key: string,
  secret: SecretResource | undefined,
  at: Checked,
  path: readonly PathStep[],
): string | undefined {
  if (secret === undefined)
    return report(
      at,
      "SecretNotFound",
      path,
      `there is no Secret ${key}`,
      "create it; TLS starts as soon as it is there",
    );
  const certificate = certificateOf(secret);
  if (!certificate.ok)
    return report(at, "InvalidSecret", path, `the Secret ${key} ${certificate.message}`, certificate.advice);
  return key;
}

function checkedAuthority(
  settings: Settings,
  keyFor: (name: string) => string,
  lookup: (key: string) => SecretResource | undefined,
  at: Checked,
  path: readonly PathStep[],
): string | undefined {
  if (settings.ca_secret === undefined) return undefined;
  const key = keyFor(settings.ca_secret);
  const secret = lookup(key);
  if (secret === undefined)
    return report(
      at,
      "SecretNotFound",
      [...path, "ca_secret"],
      `there is no Secret ${key}`,
      "create it with the CA as tls.crt",
    );
  const authority = authorityOf(secret);
  if (!authority.ok)
    return report(
      at,
      "InvalidSecret",
      [...path, "ca_secret"],
      `the Secret ${key} ${authority.message}`,
      authority.advice,
    );
  if (settings.crl_secret === undefined) return validationName(key, undefined);
  const crl = keyFor(settings.crl_secret);
  if (lookup(crl)?.spec.data["crl.pem"] === undefined) {
    return report(
      at,
      "SecretNotFound",
      [...path, "crl_secret"],
      `there is no Secret ${crl} with crl.pem`,
      "create it, or remove crl_secret",
    );
  }
  return validationName(key, crl);
}

function buildContext(
  resource: TLSContextResource,
  module: ModuleConfig,
  secrets: ReadonlyMap<string, SecretResource>,
  problems: Problem[],
): TlsContext {
  const { spec } = resource;
  const at: Checked = { object: resource, problems };
  const namespacing = spec.secret_namespacing ?? module.defaults?.tls_secret_namespacing ?? true;
  const keyFor = (name: string) => secretKeyOf(name, resource.namespace, namespacing);
  const before = problems.length;
  for (const field of ["cert_chain_file", "private_key_file", "cacert_chain_file"] as const) {
    if (spec[field] !== undefined)
      report(
        at,
        "NotYetSupported",
        ["spec", field],
        "certificates from files are not read",
        "put it into a Secret and name that",
      );
  }
  const secretKey = spec.secret === undefined ? undefined : keyFor(spec.secret);
  const certificate =
    secretKey === undefined ? undefined : checkedCertificate(secretKey, secrets.get(secretKey), at, ["spec", "secret"]);
  const validation = checkedAuthority(spec, keyFor, (key) => secrets.get(key), at, ["spec"]);
  const origination: OriginationTls = {
    sni: spec.sni,
    certificateSecret: certificate,
    validationSecret: validation,
    parameters: parametersOf(spec, []),
  };
  return { resource, origination: problems.length === before ? origination : undefined, secretKey };
}

const none: HostTls = { tls: undefined, problems: [] };

/** TLS needs `tlsSecret`; its settings come from tlsContext, else tls, else a TLSContext named `<host>-context`. Source: Emissary IRHost. */
function hostTls(resource: HostResource, state: TlsState): HostTls {
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
