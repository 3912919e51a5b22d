import type { IngressSpec } from "../../crds/ingress.ts";

export type IngressPath = NonNullable<IngressSpec["rules"][number]["http"]>["paths"][number];

/** What of a Mapping's spec decides by path. */
export interface PathFields {
  readonly prefix: string;
  readonly prefix_exact?: true;
  readonly precedence?: number;
}

/**
 * What a path of an Ingress matches, as the specification of Ingress has it. Prefix goes by elements: /foo, with or without a
 * slash at its end, is /foo and all below /foo/. ImplementationSpecific is a plain prefix, as in Emissary.
 * An Exact path goes before every prefix; of prefixes the longest is tried first, as of all Mappings.
 */
export function pathFields({ path, pathType }: Pick<IngressPath, "path" | "pathType">): readonly PathFields[] {
  const prefix = path === undefined || path === "" ? "/" : path;
  switch (pathType) {
    case "Exact":
      return [{ prefix, prefix_exact: true, precedence: 1 }];
    case "ImplementationSpecific":
      return [{ prefix }];
    case "Prefix": {
      const bare = prefix.replace(/\/$/, "");
      return bare === "" ? [{ prefix: "/" }] : [{ prefix: `${bare}/` }, { prefix: bare, prefix_exact: true }];
    }
  }
}

/** Host names of a rule: a star stands for exactly one label. */
export function hostFields(host: string): { readonly hostname: string; readonly regex_headers?: object } {
  if (!host.startsWith("*.")) return { hostname: host };
  const rest = host.slice(1).replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return { hostname: host, regex_headers: { ":authority": `(?i)[^.:]+${rest}(:[0-9]+)?` } };
}
