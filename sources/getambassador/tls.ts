import type { ModuleConfig } from "../../crds/module-config.ts";
import type { HostResource, SecretResource, TLSContextResource } from "../../crds/resources.ts";
import { alignedFilter } from "../../ir/aligned.ts";
import { memoByKey, memoLast, sameElements } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { keyOf } from "../../ir/resource.ts";
import type { Cluster, Listener, OriginationTls, Secret } from "../../ir/types.ts";
import { authorityOf, certificateOf, revocationOf } from "./certificate.ts";
import type { HostTls } from "./host.ts";
import { hostTls, type TlsSources } from "./host-tls.ts";
import type { BuiltMapping } from "./mapping.ts";
import {
  type Checked,
  checkedAuthority,
  checkedCertificate,
  parametersOf,
  report,
  secretKeyOf,
  type TlsContext,
} from "./tls-settings.ts";
import { checkTlsWords } from "./tls-words.ts";

/** Everything known of TLS: contexts by name, Secrets by key, checked. */
export interface TlsState extends TlsSources {
  /** By namespace and name. */
  readonly contexts: readonly TlsContext[];
  readonly problems: readonly Problem[];
  /** The SDS secrets that listeners and clusters refer to. */
  used(
    listeners: readonly Listener[],
    mappings: readonly BuiltMapping[],
    clusters: readonly Cluster[],
  ): ReadonlyMap<string, Secret>;
}

export interface TlsBuilder {
  prepare(contexts: readonly TLSContextResource[], secrets: readonly SecretResource[], module: ModuleConfig): TlsState;
  /** TLS of a Host by the last state prepared. Same answer, same object: a rotated Secret changes neither Host nor chain. */
  host(resource: HostResource): HostTls;
}

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
  let usedNames: readonly string[] = [];
  let used: ReadonlyMap<string, Secret> = new Map();
  const withTls = alignedFilter(({ cluster }: BuiltMapping) => cluster?.tls !== undefined);
  return {
    problems,
    namespacing: module.defaults?.tls_secret_namespacing ?? true,
    contexts: built,
    context: findContext,
    secret: (key) => bySecretKey.get(key),
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
  return authority.ok ? { kind: "validation", name, ca: authority.ca, crl: revocationOf(crl) } : undefined;
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
  checkTlsWords(spec, at, ["spec"]);
  const validation = checkedAuthority(spec, keyFor, (key) => secrets.get(key), at, ["spec"]);
  const origination: OriginationTls = {
    sni: spec.sni,
    certificateSecret: certificate,
    validationSecret: validation,
    parameters: parametersOf(spec, []),
  };
  return { resource, origination: problems.length === before ? origination : undefined, secretKey };
}
