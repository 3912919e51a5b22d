import { z } from "zod";
import { type FieldProblem, invalid, nothing } from "../features/feature.ts";
import { pack } from "../features/proto.ts";
import { type Cidr, parseCidr } from "../ir/cidr.ts";
import { type Principal, RBAC_Action } from "../xds/generated/envoy/config/rbac/v3/rbac.ts";
import { RBAC } from "../xds/generated/envoy/extensions/filters/http/rbac/v3/rbac.ts";
import type { ModuleFilter } from "./filter.ts";

function addressRules(description: string) {
  const address = (which: string) => z.string().optional().describe(`${which}: address or range, such as 10.0.0.0/8.`);
  return z
    .array(
      z.object({
        peer: address("The other end of the connection, be it a proxy"),
        remote: address("The client, as x-forwarded-for or the PROXY protocol tells where they are trusted"),
      }),
    )
    .optional()
    .describe(description);
}

export const ipRulesFields = {
  ip_allow: addressRules("Only these clients are served; the others get 403. Excludes ip_deny."),
  ip_deny: addressRules("These clients are not served and get 403. Excludes ip_allow."),
};

export interface IpRulesSettings {
  readonly action: "allow" | "deny";
  readonly ranges: readonly { readonly of: "peer" | "remote"; readonly range: Cidr }[];
}

type Rules = z.output<z.ZodObject<typeof ipRulesFields>>["ip_allow"];

function rangesOf(key: "ip_allow" | "ip_deny", rules: Rules, problems: FieldProblem[]): IpRulesSettings["ranges"] {
  return (rules ?? []).flatMap((rule, index) => {
    const given = (["peer", "remote"] as const).filter((of) => rule[of] !== undefined);
    if (given.length !== 1) {
      const what = given.length === 0 ? "has neither peer nor remote" : "has both peer and remote";
      problems.push(invalid([key, index], what, "write one of them, and the other as an item of its own"));
    }
    return given.flatMap((of) => {
      const written = rule[of] ?? "";
      const range = parseCidr(written);
      if (range !== undefined) return [{ of, range }];
      const message = `${JSON.stringify(written)} is neither an address nor a range`;
      problems.push(invalid([key, index, of], message, "write one such as 10.0.0.1, 10.0.0.0/8 or fd00::/8"));
      return [];
    });
  });
}

const principal = ({ of, range }: IpRulesSettings["ranges"][number]): Principal => {
  const value = { addressPrefix: range.address, prefixLen: range.prefixLength };
  return { identifier: { $case: of === "peer" ? "directRemoteIp" : "remoteIp", value } };
};

/** With an error in it the rules hold that can be read, and nobody is let in by a typing error. */
export const ipRules: ModuleFilter<typeof ipRulesFields, IpRulesSettings> = {
  name: "envoy.filters.http.rbac",
  fields: ipRulesFields,

  fromModule({ ip_allow: allow = [], ip_deny: deny = [] }) {
    if (allow.length === 0 && deny.length === 0) return nothing;
    const problems: FieldProblem[] = [];
    if (allow.length > 0 && deny.length > 0) {
      const message = "ip_allow and ip_deny are both set, and only one can be";
      problems.push(invalid(["ip_deny"], message, "leave one of them out"));
    }
    const action = allow.length > 0 ? "allow" : "deny";
    const ranges = action === "allow" ? rangesOf("ip_allow", allow, problems) : rangesOf("ip_deny", deny, problems);
    return { value: { action, ranges }, problems };
  },

  toFilter: ({ action, ranges }) =>
    pack(RBAC, {
      rules: {
        action: action === "allow" ? RBAC_Action.ALLOW : RBAC_Action.DENY,
        policies:
          ranges.length === 0
            ? {}
            : {
                [`ip-${action}`]: {
                  permissions: [{ rule: { $case: "any", value: true } }],
                  principals: ranges.map(principal),
                },
              },
      },
    }),
};
