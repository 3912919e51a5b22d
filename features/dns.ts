import type { z } from "zod";
import { DnsCluster } from "../xds/generated/envoy/extensions/clusters/dns/v3/dns_cluster.ts";
import { checked, type Feature, type FieldProblem, ignored, invalid, nothing } from "./feature.ts";
import { flag, text } from "./fields.ts";
import { pack } from "./proto.ts";

export const dnsFields = {
  dns_type: text(
    "For a target that DNS answers: strict_dns balances over all addresses, logical_dns uses one for new connections. Default: strict_dns.",
  ),
  respect_dns_ttl: flag(
    "Whether the name is asked again when its TTL says so, not every five seconds. Default: false.",
  ),
  enable_ipv4: flag("Whether IPv4 addresses of the target are used. Default: the Module's enable_ipv4, else true."),
  enable_ipv6: flag("Whether IPv6 addresses of the target are used. Default: the Module's enable_ipv6, else false."),
};

type Spec = z.output<z.ZodObject<typeof dnsFields>>;

/** IPv6 first where both are there, as Emissary does. */
type Family = "AUTO" | "V4_ONLY" | "V6_ONLY";

export interface DnsSettings {
  readonly family: Family;
  /** One address for new connections, not all of them. */
  readonly logical: boolean;
  readonly respectTtl: boolean;
}

const families = { AUTO: 1, V4_ONLY: 2, V6_ONLY: 3 } as const;

function familyOf(ipv4: boolean, ipv6: boolean): Family | undefined {
  if (ipv4) return ipv6 ? "AUTO" : "V4_ONLY";
  return ipv6 ? "V6_ONLY" : undefined;
}

/** Fields that say something to DNS where the target needs none. */
function uselessFields(spec: Spec): FieldProblem[] {
  const names = (["dns_type", "respect_dns_ttl"] as const).filter((name) => spec[name] !== undefined);
  return names.map((name) => ignored([name], "the target is found without DNS, so that it has no effect", "remove it"));
}

export const dns: Feature<typeof dnsFields, DnsSettings> = {
  name: "dns",
  fields: dnsFields,

  fromMapping(spec, { defaults, upstream }) {
    if (upstream !== undefined && upstream.endpoints !== "dns") return { ...nothing, problems: uselessFields(spec) };
    const problems: FieldProblem[] = [];
    const type = spec.dns_type?.toLowerCase();
    if (type !== undefined && type !== "strict_dns" && type !== "logical_dns") {
      const message = `${JSON.stringify(spec.dns_type)} is not a way to use DNS; strict_dns is used`;
      problems.push(ignored(["dns_type"], message, "write strict_dns or logical_dns"));
    }
    const family = familyOf(
      spec.enable_ipv4 ?? defaults.enable_ipv4 ?? true,
      spec.enable_ipv6 ?? defaults.enable_ipv6 ?? false,
    );
    if (family === undefined) {
      const field = spec.enable_ipv4 === undefined && spec.enable_ipv6 !== undefined ? "enable_ipv6" : "enable_ipv4";
      const message = "neither IPv4 nor IPv6 addresses may be used, so that there is no address";
      return {
        value: undefined,
        problems: [...problems, invalid([field], message, "set enable_ipv4 or enable_ipv6 to true")],
      };
    }
    if (upstream === undefined) return { ...nothing, problems };
    const value: DnsSettings = { family, logical: type === "logical_dns", respectTtl: spec.respect_dns_ttl ?? false };
    const isUsual = family === "V4_ONLY" && !value.logical && !value.respectTtl;
    return isUsual ? { ...nothing, problems } : checked(value, problems);
  },

  cluster({ family, logical, respectTtl }, cluster) {
    const typedConfig = pack(DnsCluster, {
      dnsLookupFamily: families[family],
      allAddressesInSingleEndpoint: logical,
      respectDnsTtl: respectTtl,
    });
    // The fields of the cluster itself are deprecated, some of them since Envoy 1.33.
    return {
      ...cluster,
      dnsLookupFamily: undefined,
      clusterDiscoveryType: { $case: "clusterType", value: { name: "envoy.cluster.dns", typedConfig } },
    };
  },
};
