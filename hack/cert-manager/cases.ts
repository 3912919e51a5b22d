/** Who signs the webhook's certificate, and what cert-manager does to caBundle when another one signs. */
export interface Case {
  readonly name: string;
  readonly title: string;
  /** Named by `admission.issuerRef`; undefined: the chart's own. */
  readonly issuer?: { readonly name: string; readonly spec: object };
  /** caBundle is replaced, as cert-manager did before 1.19; since then what is new is added to what is there. */
  readonly replaces: boolean;
  /** Whether there is to be a time in which the API server does not trust the webhook: it shows that the measure sees one. */
  readonly hasGap: boolean;
}

const selfSigned = { name: "self-signed", spec: { selfSigned: {} } };

export const cases: readonly Case[] = [
  { name: "chart", title: "the chart's authority", replaces: false, hasGap: false },
  { name: "chart-replaced", title: "the chart's authority; caBundle replaced", replaces: true, hasGap: false },
  { name: "self-signed", title: "signs itself", issuer: selfSigned, replaces: false, hasGap: false },
  {
    ...{ name: "self-signed-replaced", title: "signs itself; caBundle replaced" },
    ...{ issuer: selfSigned, replaces: true, hasGap: true },
  },
];
