import { customKinds } from "../../capabilities/kinds.ts";
import { crdOf } from "../../crds/structural.ts";
import type { Manifest } from "../e2e/support/manifests.ts";

interface Version {
  readonly name: string;
  readonly schema: object;
  readonly subresources?: object;
  readonly [field: string]: unknown;
}

/** v3alpha1 alone. */
const modern: ReadonlySet<string> = new Set(["Listener"]);
const withStatus: ReadonlySet<string> = new Set(["Mapping", "Host"]);

/**
 * CRDs in the shape of those of Emissary's chart with legacy versions: v2 is stored, only Mapping and Host have a status
 * subresource, the label is Emissary's. Nothing converts here: v2's schema takes whatever v3alpha1 has.
 */
export function emissaryCrds(): readonly Manifest[] {
  return customKinds.map((kind) => {
    const crd = crdOf(kind) as unknown as Manifest & { readonly spec: { readonly versions: readonly Version[] } };
    const [version] = crd.spec.versions;
    if (version === undefined) throw new Error(`${kind.kind} has no version`);
    const { subresources, ...rest } = version;
    const served = withStatus.has(kind.kind) ? { ...rest, subresources } : rest;
    const open = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
    const versions = modern.has(kind.kind)
      ? [served]
      : [
          { ...served, name: "v2", storage: true, schema: open, additionalPrinterColumns: undefined },
          { ...served, storage: false },
        ];
    const labels = { "app.kubernetes.io/part-of": "emissary-ingress" };
    return { ...crd, metadata: { ...crd.metadata, labels }, spec: { ...crd.spec, versions } };
  });
}
