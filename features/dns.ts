import { flag, text } from "./fields.ts";

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
