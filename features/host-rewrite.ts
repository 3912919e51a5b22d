import { type Feature, ignored, nothing, oneLineProblems } from "./feature.ts";
import { flag, text } from "./fields.ts";

export const hostRewriteFields = {
  host_rewrite: text("Host header sent upstream. Default: the request's own."),
  auto_host_rewrite: flag(
    "Sends the name of the upstream as Host header: the DNS name, or the Service's. Default: false.",
  ),
};

export type HostRewriteSettings =
  | { readonly kind: "literal"; readonly host: string }
  /** The DNS name that was resolved. */
  | { readonly kind: "upstream" };

export const hostRewrite: Feature<typeof hostRewriteFields, HostRewriteSettings> = {
  name: "host-rewrite",
  fields: hostRewriteFields,

  fromMapping({ host_rewrite: host, auto_host_rewrite: automatic }, { upstream }) {
    if (host !== undefined) {
      const problems = oneLineProblems(host, ["host_rewrite"]);
      if (automatic === true) {
        const message = "host_rewrite and auto_host_rewrite are both set; auto_host_rewrite is ignored";
        problems.push(ignored(["auto_host_rewrite"], message, "leave one of them out"));
      }
      return { value: { kind: "literal", host }, problems };
    }
    if (automatic !== true || upstream === undefined) return nothing;
    // Envoy knows a name only for what it has resolved itself. Emissary resolves every Service by its name.
    const value =
      upstream.endpoints === "dns"
        ? ({ kind: "upstream" } as const)
        : ({ kind: "literal", host: upstream.host } as const);
    return { value, problems: [] };
  },

  forward(value, action) {
    const hostRewriteSpecifier =
      value.kind === "literal"
        ? ({ $case: "hostRewriteLiteral", value: value.host } as const)
        : ({ $case: "autoHostRewrite", value: true } as const);
    return { ...action, hostRewriteSpecifier };
  },
};
