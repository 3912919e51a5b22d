/** Why no route is taken, in words. */
import type { Compiled } from "../../compile/compile.ts";
import { assertNever } from "../../ir/assert.ts";
import { formatObject } from "../../ir/problem.ts";
import type { Listener } from "../../ir/types.ts";
import { globMatches } from "../../sources/getambassador/hostname.ts";
import type { Match } from "../match/match.ts";
import type { Refusal } from "../match/request.ts";
import { withoutAnyPort } from "../match/request.ts";
import type { Origin } from "./places.ts";

const refusals: Readonly<Record<Refusal, string>> = {
  "not a path": "the path does not begin with a slash",
  "not ASCII": "the path has characters that have to be escaped",
  "a fragment": "the path has a fragment (#), which clients keep for themselves",
  "an escaped NUL": "the path has an escaped NUL character",
  "an escaped slash": "the path has an escaped slash, and the Module's reject_requests_with_escaped_slashes is true",
  "a header with an underscore":
    "a header's name has an underscore, and the Module's headers_with_underscores_action is REJECT_REQUEST",
  "an HTTP/1.1 request without a host": "the request names no host",
};

/** For outcomes without a route. */
export function reasonOf(compiled: Compiled, match: Match, host: Origin["host"]): string {
  const { outcome, request, serverName, listener, arrived } = match;
  switch (outcome.kind) {
    case "noListener":
      return noListener(compiled, request.port, request.scheme);
    case "noChain":
      return noChain(outcome.because, serverName, listener);
    case "refused":
      return refusals[outcome.because];
    case "misdirected":
      return misdirected(compiled, match);
    case "noVirtualHost":
      return `no Host is for ${arrived?.authority ?? request.authority}`;
    case "noRoute":
      if (host?.insecureAction === "Reject" && !isSecure(match))
        return `${host.key} rejects what comes without TLS (requestPolicy.insecure.action: Reject)`;
      return match.domain?.virtualHost?.routes.length === 0
        ? "the Host has no Mappings"
        : "no Mapping of the Host matches";
    case "route":
    case "connection":
      return "";
    default:
      return assertNever(outcome);
  }
}

function isSecure({ arrived }: Match): boolean {
  return arrived?.headers.get("x-forwarded-proto")?.[0] === "https";
}

function named({ source, port }: Listener): string {
  return `${formatObject(source.object)} on port ${port}`;
}

function noListener({ ir: { listeners } }: Compiled, port: number | undefined, scheme: string): string {
  if (listeners.length === 0) return "no Listener is served";
  const all = listeners.map(named).join(", ");
  return port === undefined
    ? `no Listener serves ${scheme}; there is ${all}`
    : `no Listener is on port ${port}; there is ${all}`;
}

function noChain(
  because: "no TLS here" | "only TLS here" | "no such server name",
  serverName: string | undefined,
  listener: Listener | undefined,
): string {
  const where = listener === undefined ? "the Listener" : named(listener);
  switch (because) {
    case "no TLS here":
      return `${where} does not speak TLS`;
    case "only TLS here":
      return `${where} speaks TLS only`;
    case "no such server name":
      return serverName === undefined || serverName === ""
        ? `${where} has no certificate for clients that name no server`
        : `${where} has no certificate for ${serverName}: no Host of that name has a tlsSecret that can be used`;
    default:
      return assertNever(because);
  }
}

/** The name is another connection's: of a Host with another certificate, or of nobody. */
function misdirected({ expansion }: Compiled, { arrived, serverName, request }: Match): string {
  const authority = withoutAnyPort(arrived?.authority ?? request.authority);
  const owners = expansion.resources.hosts.filter(({ spec }) => globMatches(spec.hostname ?? "*", authority));
  const asked = serverName === undefined || serverName === "" ? "no server name" : `the server name ${serverName}`;
  const owner = owners.length === 0 ? "no Host is for it" : `it is for ${owners.map(formatObject).join(", ")}`;
  return `a connection with ${asked} is not one for ${authority}: ${owner}`;
}
