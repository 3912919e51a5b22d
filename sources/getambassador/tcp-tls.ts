import { memoForever } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { keyOf } from "../../ir/resource.ts";
import { compareText } from "../../ir/problem.ts";
import type { TerminationTls } from "../../ir/types.ts";
import type { BuiltHost } from "./host.ts";
import { globsOverlap, withoutPort } from "./hostname.ts";
import type { TcpGroup } from "./tcp-group.ts";
import { DEFAULT_ALPN, parametersOf, type TlsContext } from "./tls-settings.ts";

/** Where the certificates of names are found. */
export interface Certificates {
  readonly hosts: readonly BuiltHost[];
  readonly contexts: readonly TlsContext[];
}

/** HTTP's protocols are not what is inside, unless somebody says so. */
const ofHost = memoForever(
  (tls: TerminationTls): TerminationTls =>
    tls.parameters.alpnProtocols === DEFAULT_ALPN
      ? { ...tls, parameters: { ...tls.parameters, alpnProtocols: [] } }
      : tls,
);

const ofContext = memoForever(({ resource: { spec }, origination }: TlsContext): TerminationTls | undefined =>
  origination?.certificateSecret === undefined
    ? undefined
    : {
        certificateSecret: origination.certificateSecret,
        validationSecret: origination.validationSecret,
        requireClientCertificate: spec.cert_required ?? false,
        parameters: parametersOf(spec, []),
      },
);

/** The nearest name first: the same one, then the longest wildcard. */
function nearestFirst(name: string): (a: BuiltHost, b: BuiltHost) => number {
  const rank = ({ hostname }: BuiltHost) => (withoutPort(hostname) === name ? 0 : hostname.includes("*") ? 1 : 2);
  return (a, b) =>
    rank(a) - rank(b) ||
    b.hostname.length - a.hostname.length ||
    compareText(a.hostname, b.hostname) ||
    compareText(a.key, b.key);
}

/**
 * TLS that ends at the gateway, for a group with a host: from a Host whose hostname matches and that has a certificate, else
 * from a TLSContext that has the very name among its hosts. Source: Emissary `v3listener.py` tlscontext_for_tcpmapping, which takes
 * the first Host by name, so that `*` comes before the name itself.
 */
export function terminationOf(
  { host, members }: TcpGroup,
  { hosts, contexts }: Certificates,
): { readonly tls: TerminationTls | undefined; readonly problems: readonly Problem[] } {
  const name = host ?? "*";
  const matching = hosts
    .filter(({ resource, hostname }) => resource !== undefined && globsOverlap(withoutPort(hostname), name))
    .sort(nearestFirst(name));
  const fromHost = matching.find(({ tls }) => tls !== undefined)?.tls;
  if (fromHost !== undefined) return { tls: ofHost(fromHost), problems: [] };
  const named = contexts.filter(({ resource }) => resource.spec.hosts?.some((each) => each.toLowerCase() === name));
  for (const context of named) {
    const tls = ofContext(context);
    if (tls !== undefined) return { tls, problems: [] };
  }
  const [without] = [
    ...matching.filter(({ resource }) => resource?.spec.tlsSecret !== undefined).map(({ key }) => `Host ${key}`),
    ...named.map(({ resource }) => `TLSContext ${keyOf(resource)}`),
  ];
  return { tls: undefined, problems: members.map((member) => noCertificate(member.resource, name, without)) };
}

function noCertificate(object: Problem["object"], name: string, without: string | undefined): Problem {
  const quoted = JSON.stringify(name);
  const common = { severity: "error", object, path: ["spec", "host"] } as const;
  const otherwise = "where the service itself ends TLS, write tls_passthrough: true";
  return without === undefined
    ? {
        ...common,
        code: "TlsContextNotFound",
        message: `TLS for ${quoted} cannot end here: no Host with a tlsSecret has that hostname, and no TLSContext has it among its hosts`,
        advice: `apply a Host with that hostname and a tlsSecret; ${otherwise}`,
      }
    : {
        ...common,
        code: "SecretNotFound",
        message: `TLS for ${quoted} cannot end here: the ${without} has no usable certificate`,
        advice: `correct the ${without.startsWith("Host") ? "tlsSecret" : "secret"} of that one; ${otherwise}`,
      };
}
