/** The first lines of each manifest: what it is, and how it is applied. */

export const crdsHeader = `# Written by \`npm run generate\`; edit crds/ and capabilities/kinds.ts.
#
# The kinds that Nuncio reads, as install.yaml has them too:
#   kubectl apply -f crds.yaml
`;

export const legacyHeader = `# Written by \`npm run generate\`; edit crds/ and capabilities/kinds.ts.
#
# The kinds of crds.yaml with getambassador.io/v2 and v1 beside v3alpha1, for clusters that have such objects or whose people still
# write them. After install.yaml, over its kinds:
#   kubectl apply --server-side --force-conflicts -f crds-legacy.yaml
#
# nuncio admission converts: it sets caBundle of these CRDs, which it may by the ClusterRole at the end. See docs/migrate.md.
`;

export const mutateHeader = `# Written by \`npm run generate\`; edit hack/manifests/ and crds/versions/modern.ts.
#
# Deprecated spellings (host of a Mapping, selector of a Host, ...) are rewritten before objects are stored. Off unless this is applied,
# and nuncio admission runs with --mutate (NUNCIO_ADMISSION_MUTATE=true). Tools that compare what they applied with what is stored
# (GitOps) show a difference until nuncio migrate has rewritten the manifests too.
`;

export const installHeader = `# Written by \`npm run generate\`; edit hack/manifests/ and capabilities/kinds.ts.
#
# Everything: the kinds of resources, the gateway, and the admission webhook that refuses what it could not serve:
#   kubectl apply -f install.yaml
#
# It is what the Helm chart (charts/nuncio) makes with its default values. See docs/install.md.
#
# The webhook makes its certificates itself: their authority is in the Secret nuncio-admission-ca, and the Pods set caBundle of the
# ValidatingWebhookConfiguration and renew all of it in time. Nothing is refused while they are away: failurePolicy is Ignore, and
# the gateway judges again whatever is stored.
`;

export const knativeHeader = `# Written by \`npm run generate\`; edit hack/manifests/ and capabilities/rules.ts.
#
# The right to serve Knative's Ingresses, for a gateway with AMBASSADOR_KNATIVE_SUPPORT=true. After install.yaml:
#   kubectl apply -f knative.yaml
`;

export const kustomizationHeader = `# Written by \`npm run generate\`. A base for overlays, such as gitops/kustomize.
`;
