import type { ModuleConfig } from "../../crds/module-config.ts";
import type { HostResource, ModuleResource, SecretResource, TLSContextResource } from "../../crds/resources.ts";
import { alignedFilter } from "../../ir/aligned.ts";
import { memoByKey, memoLast, sameElements } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { keyOf } from "../../ir/resource.ts";
import type { Cluster, Listener, OriginationTls, Secret } from "../../ir/types.ts";
import { authorityOf, certificateOf, dataOf } from "./certificate.ts";
import { type CertificateUse, usesOf } from "./certificate-uses.ts";
import { fallbackHost } from "./fallback-host.ts";
import { type FileReference, referenceOf } from "./file-secrets.ts";
import type { BuiltHost, HostTls } from "./host.ts";
import { checkDead, hostTls, type TlsSources } from "./host-tls.ts";
import { type ContextSource, isTlsModule, legacyContexts, ownSource } from "./legacy-tls.ts";
import type { BuiltMapping } from "./mapping.ts";
import { checkParameters } from "./tls-parameters.ts";
import { checkedAuthority, checkedCertificate, checkedCertificateFiles, type SecretLookup } from "./tls-secrets.ts";
import { type Checked, parametersOf, secretKeyOf, type TlsContext } from "./tls-settings.ts";

/** Everything known of TLS: contexts by name, Secrets by key, checked. */
export interface TlsState extends TlsSources {
  /** By namespace and name. */
  readonly contexts: readonly TlsContext[];
  readonly problems: readonly Problem[];
  /** Problems of contexts where there is no Host. */
  readonly withoutHosts: readonly Problem[];
  /** Of contexts. */
  readonly certificates: readonly CertificateUse[];
  /** The SDS secrets that listeners and clusters refer to. */
  used(
    listeners: readonly Listener[],
    mappings: readonly BuiltMapping[],
    clusters: readonly Cluster[],
  ): ReadonlyMap<string, Secret>;
}

export interface TlsBuilder {
  prepare(
    contexts: readonly TLSContextResource[],
    modules: readonly ModuleResource[],
    secrets: readonly SecretResource[],
    module: ModuleConfig,
    readsFiles: boolean,
  ): TlsState;
  /** TLS of a Host by the last state prepared. Same answer, same object: a rotated Secret changes neither Host nor chain. */
  host(resource: HostResource): HostTls;
  /** The Host that stands in where there is none. */
  defaultHost(ownNamespace: string): BuiltHost;
}

/** Certificates of Hosts and of contexts. */
export function allCertificates(hosts: readonly BuiltHost[], state: TlsState): readonly CertificateUse[] {
  const ofHosts = hosts.flatMap(({ resource, tls }) => {
    if (resource === undefined) return [];
    const path = ["spec", resource.spec.tlsSecret === undefined ? "tls" : "tlsSecret"];
    return usesOf(tls, state, resource, { certificate: path, authority: ["spec"] });
  });
  return [...ofHosts, ...state.certificates];
}

export function tlsBuilder(): TlsBuilder {
  let state: TlsState | undefined;
  const prepared = memoLast(prepareState);
  const legacyModules = alignedFilter(isTlsModule);
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
    prepare(contexts, modules, secrets, { defaults: { tls_secret_namespacing: namespacing = true } = {} }, readsFiles) {
      state = prepared(contexts, legacyModules(modules), secrets, namespacing, readsFiles);
      return state;
    },
    host: (resource) => forState(resource, [state]),
    defaultHost: (ownNamespace) => fallbackHost(state as TlsState, [ownNamespace]),
  };
}

function prepareState(
  contexts: readonly TLSContextResource[],
  modules: readonly ModuleResource[],
  secrets: readonly SecretResource[],
  namespacing: boolean,
  readsFiles: boolean,
): TlsState {
  const bySecretKey = new Map(secrets.map((secret) => [keyOf(secret), secret]));
  const lookup: SecretLookup = { secret: (key) => bySecretKey.get(key), readsFiles };
  const problems: Problem[] = [];
  const sources = [...contexts.map(ownSource), ...legacyContexts(modules)];
  const built = sources.map((source) => ({ source, context: buildContext(source, namespacing, lookup, problems) }));
  const all = built.map(({ context }) => context);
  const findContext = (name: string, namespace: string) =>
    all.find(({ resource }) => resource.name === name && resource.namespace === namespace) ??
    all.find(({ resource }) => resource.name === name);
  let usedNames: readonly string[] = [];
  let used: ReadonlyMap<string, Secret> = new Map();
  const withTls = alignedFilter(({ cluster }: BuiltMapping) => cluster?.tls !== undefined);
  return {
    ...lookup,
    problems,
    withoutHosts: withoutHosts(sources),
    contexts: all,
    namespacing,
    context: findContext,
    certificates: built.flatMap(({ source: { object, pathOf }, context: { origination } }) =>
      usesOf(origination, lookup, object, { certificate: pathOf("secret"), authority: pathOf("ca_secret") }),
    ),
    used(listeners, mappings, clusters) {
      const names = new Set<string>();
      for (const { chains } of listeners)
        for (const { tls } of chains) addNames(names, tls?.certificateSecret, tls?.validationSecret);
      const addCluster = (tls: OriginationTls | undefined) =>
        addNames(names, tls?.certificateSecret, tls?.validationSecret);
      for (const { cluster } of withTls(mappings)) addCluster(cluster?.tls);
      for (const { tls } of clusters) addCluster(tls);
      const sorted = [...names].sort();
      if (sameElements(sorted, usedNames)) return used;
      usedNames = sorted;
      used = new Map(
        sorted.flatMap((name): [string, Secret][] => {
          const secret = sdsSecret(name, bySecretKey);
          return secret === undefined ? [] : [[name, secret]];
        }),
      );
      return used;
    },
  };
}

function addNames(names: Set<string>, ...some: readonly (string | undefined)[]): void {
  for (const name of some) if (name !== undefined) names.add(name);
}

const unread = new Map<string, { readonly crl: SecretResource | undefined; readonly secret: Secret }>();

function unreadSecret(name: string, reference: FileReference, crl: SecretResource | undefined): Secret {
  const known = unread.get(name);
  if (known !== undefined && known.crl === crl) return known.secret;
  const secret: Secret =
    reference.kind === "certificate"
      ? { kind: "certificateFiles", name, chainPath: reference.chainPath, keyPath: reference.keyPath }
      : { kind: "validationFile", name, caPath: reference.caPath, crl: dataOf(crl)["crl.pem"] };
  unread.set(name, { crl, secret });
  return secret;
}

const sdsMemo = memoByKey((_: SecretResource, [name, secret, crl]) =>
  makeSdsSecret(name as string, secret as SecretResource, crl as SecretResource | undefined),
);

function sdsSecret(name: string, secrets: ReadonlyMap<string, SecretResource>): Secret | undefined {
  const [main = "", crlPart] = name.split("+crl:");
  const key = main.replace(/^ca:/, "");
  const secret = secrets.get(key);
  if (secret === undefined) {
    const reference = referenceOf(key);
    if (reference === undefined) return undefined;
    // Not read by us: by Envoy.
    return unreadSecret(name, reference, crlPart === undefined ? undefined : secrets.get(crlPart));
  }
  return sdsMemo(secret, [name, secret, crlPart === undefined ? undefined : secrets.get(crlPart)]);
}

function makeSdsSecret(name: string, secret: SecretResource, crl: SecretResource | undefined): Secret | undefined {
  if (!name.startsWith("ca:")) {
    const certificate = certificateOf(secret);
    return certificate.ok ? { kind: "certificate", name, chain: certificate.chain, key: certificate.key } : undefined;
  }
  const authority = authorityOf(secret);
  return authority.ok ? { kind: "validation", name, ca: authority.ca, crl: dataOf(crl)["crl.pem"] } : undefined;
}

function buildContext(
  source: ContextSource,
  namespacing: boolean,
  lookup: SecretLookup,
  problems: Problem[],
): TlsContext {
  const { resource, object, pathOf } = source;
  const { spec } = resource;
  const at: Checked = { object, problems };
  const keyFor = (name: string) => secretKeyOf(name, resource.namespace, spec.secret_namespacing ?? namespacing);
  const before = problems.length;
  const secretKey = spec.secret === undefined ? undefined : keyFor(spec.secret);
  const certificate =
    secretKey === undefined
      ? checkedCertificateFiles(spec, lookup, at, pathOf)
      : checkedCertificate(secretKey, lookup, at, pathOf("secret"));
  const validation = checkedAuthority(spec, keyFor, lookup, at, pathOf);
  checkDead(spec, at, pathOf);
  checkParameters(spec, at, pathOf);
  const origination: OriginationTls = {
    sni: spec.sni,
    certificateSecret: certificate,
    validationSecret: validation,
    parameters: parametersOf(spec, []),
  };
  const isReady = !problems.slice(before).some(({ severity }) => severity === "error");
  return { resource, origination: isReady ? origination : undefined, secretKey };
}

/** Contexts with hosts serve clients, by Hosts alone. */
function withoutHosts(sources: readonly ContextSource[]): readonly Problem[] {
  return sources
    .filter(({ resource }) => (resource.spec.hosts ?? []).length > 0)
    .map(({ object, pathOf }) => ({
      code: "NoHost",
      severity: "warning",
      object,
      path: pathOf("hosts"),
      message: "there is no Host, and a TLSContext serves its hosts only where a Host names it",
      advice: "apply a Host with tlsSecret, and with tlsContext where this context has settings of its own",
    }));
}
