/**
 * Certificates from files are Secrets whose namespace no cluster can have. Who reads the files puts such Secrets among the others,
 * so that they are checked, kept in their last good version and rotated as those are.
 */
import type { SecretResource } from "../../crds/resources.ts";
import type { SecretSpec } from "../../crds/core.ts";
import { keyOf } from "../../ir/resource.ts";

const NAMESPACE = "file:";

/** Files that TLS is made from. */
export type FileReference =
  | { readonly kind: "certificate"; readonly chainPath: string; readonly keyPath: string }
  | { readonly kind: "authority"; readonly caPath: string };

export interface FileFields {
  readonly cert_chain_file?: string | undefined;
  readonly private_key_file?: string | undefined;
  readonly cacert_chain_file?: string | undefined;
}

/** undefined where not both files are named. */
export function certificateFiles({ cert_chain_file, private_key_file }: FileFields): FileReference | undefined {
  if (cert_chain_file === undefined || private_key_file === undefined) return undefined;
  return { kind: "certificate", chainPath: cert_chain_file, keyPath: private_key_file };
}

export function authorityFile({ cacert_chain_file }: FileFields): FileReference | undefined {
  return cacert_chain_file === undefined ? undefined : { kind: "authority", caPath: cacert_chain_file };
}

const SEPARATOR = " + ";

function nameOf(reference: FileReference): string {
  return reference.kind === "authority" ? reference.caPath : `${reference.chainPath}${SEPARATOR}${reference.keyPath}`;
}

/** The key of its Secret. */
export function fileSecretKey(reference: FileReference): string {
  return keyOf({ namespace: NAMESPACE, name: nameOf(reference) });
}

/** The files behind a Secret's key; undefined for a Secret of a cluster. */
export function referenceOf(key: string): FileReference | undefined {
  if (!key.startsWith(`${NAMESPACE}/`)) return undefined;
  const [first = "", keyPath] = key.slice(NAMESPACE.length + 1).split(SEPARATOR);
  return keyPath === undefined
    ? { kind: "authority", caPath: first }
    : { kind: "certificate", chainPath: first, keyPath };
}

export function fileSecret(reference: FileReference, spec: SecretSpec): SecretResource {
  return Object.freeze({
    kind: "Secret",
    apiVersion: "v1",
    namespace: NAMESPACE,
    name: nameOf(reference),
    labels: {},
    annotations: {},
    uid: "",
    generation: 0,
    creationTimestamp: "",
    spec,
    problems: [],
  });
}
