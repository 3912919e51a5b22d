/** Why a request goes where it goes: what `nuncio explain` tells, as data. */
import type { Compiled } from "../compile/compile.ts";
import { assertNever } from "../ir/assert.ts";
import type { Cluster, Route, TerminationTls } from "../ir/types.ts";
import { takesMapping } from "../sources/getambassador/host.ts";
import type { BuiltMapping } from "../sources/getambassador/mapping.ts";
import { locationOf, upstreamHost, upstreamPath } from "./explain/destination.ts";
import { filtersOn } from "./explain/filters.ts";
import { lastGoodIn, type Quarantine } from "./explain/last-good.ts";
import { type Origin, placeOf, refOf, viewOf } from "./explain/places.ts";
import { reasonOf } from "./explain/reasons.ts";
import { rivalsOf } from "./explain/rivals.ts";
import { type Grouped, settingsOf } from "./explain/settings.ts";
import type { Answer, Explanation, HostView, ListenerView, TlsView } from "./explain/types.ts";
import { unusedFor } from "./explain/unused.ts";
import { fixedPlaces, upstreamOf } from "./explain/upstream.ts";
import { seesTls, takesCleartext } from "./match/chain.ts";
import { drawOf, type Match, matchRequest, type Request } from "./match/match.ts";

export type { Explanation } from "./explain/types.ts";

export interface ExplainOptions {
  /** How many of the routes that were not taken are told. Default: 5. */
  readonly rivals?: number;
  /** Objects in whose place others were compiled, and everything that is wrong. Default: none, and what the compile says. */
  readonly quarantine?: Quarantine;
}

const FEW_RIVALS = 5;

export function explain(
  compiled: Compiled,
  request: Request,
  { rivals: limit = FEW_RIVALS, quarantine = { quarantined: [], problems: compiled.problems } }: ExplainOptions = {},
): Explanation {
  const match = matchRequest(compiled.ir, request);
  const host = match.domain?.virtualHost === undefined ? undefined : compiled.origins.host(match.domain.virtualHost);
  const originOf = (route: Route): Origin => ({ route, mapping: compiled.origins.mapping(route.source), host });
  const taken = match.outcome.kind === "route" ? originOf(match.outcome.route) : undefined;
  const { rivals, more } = rivalsOf(match, taken, originOf, limit);
  const shares = drawOf(match).map(({ route, percent }) => ({ route: route.name, percent }));
  const isDrawn = shares.some(({ percent }) => percent < 100);
  const explanation = {
    request: {
      method: request.method,
      url: `${request.scheme}://${request.authority}${request.path}`,
      headers: request.headers,
    },
    normalizedPath: match.arrived === undefined || match.arrived.path === request.path ? undefined : match.arrived.path,
    listener: listenerView(compiled, match),
    tls: tlsView(compiled, match, host),
    host: hostView(match, host),
    route: taken === undefined ? undefined : viewOf(taken),
    answer: answerOf(compiled, match, taken, host),
    shares: isDrawn ? shares : [],
    rivals,
    moreRivals: more,
    unused: taken === undefined ? unusedFor(match, compiled, quarantine) : [],
    filters: taken === undefined ? [] : filtersOn(compiled.ir, taken.route, match.domain?.virtualHost),
    settings: taken?.mapping === undefined ? [] : settingsOf(grouped(compiled, taken, taken.mapping)),
  };
  return { ...explanation, lastGood: lastGoodIn(explanation, quarantine) };
}

type Host = Origin["host"];

/** With the Mappings of the same match: those that get no requests, and their shadow, too. */
function grouped({ origins, ir }: Compiled, taken: Origin, mapping: BuiltMapping): Grouped {
  const isHere = (other: BuiltMapping) => taken.host === undefined || takesMapping(taken.host, other);
  const group = [...origins.mappings()].filter(
    (other) => other === mapping || (other.groupKey === mapping.groupKey && isHere(other)),
  );
  return { ...taken, mapping, group, module: ir.owner };
}

function listenerView({ ir }: Compiled, { listener, request }: Match): ListenerView | undefined {
  if (listener === undefined) return undefined;
  const serves = request.scheme === "https" ? seesTls : takesCleartext;
  const others = ir.listeners.filter((other) => other !== listener && other.quic === listener.quic && serves(other));
  return {
    object: refOf(listener.source.object),
    port: listener.port,
    others: others.map(({ source }) => refOf(source.object)),
  };
}

function clientCertificate({
  requireClientCertificate,
  validationSecret,
}: TerminationTls): TlsView["clientCertificate"] {
  if (requireClientCertificate) return "required";
  return validationSecret === undefined ? "none" : "verified";
}

function tlsView({ certificates }: Compiled, { chain, serverName }: Match, host: Host): TlsView | undefined {
  if (chain?.tls === undefined) return undefined;
  const { certificateSecret: certificate } = chain.tls;
  const use = certificates.find(({ object, path }) => object === host?.resource && path.length > 1);
  return { serverName, certificate, expiresMs: use?.dates.notAfterMs, clientCertificate: clientCertificate(chain.tls) };
}

function hostView({ domain }: Match, host: Host): HostView | undefined {
  if (domain?.virtualHost === undefined) return undefined;
  const object = host?.resource === undefined ? undefined : placeOf(host.resource, []).object;
  return { object, domain: domain.domain, match: domain.kind };
}

function answerOf(compiled: Compiled, match: Match, taken: Origin | undefined, host: Host): Answer {
  const { outcome } = match;
  switch (outcome.kind) {
    case "route":
      return routed(compiled, match, taken as Origin);
    case "connection": {
      const { clusters, sources } = outcome.chain;
      const from = sources.map(({ object, path }) => placeOf(object, path));
      return { kind: "connection", clusters: clusters.map(({ cluster }) => cluster), from };
    }
    case "noChain":
    case "noListener":
      return { kind: "closed", because: reasonOf(compiled, match, host) };
    case "refused":
      return { kind: "refused", status: 400, because: reasonOf(compiled, match, host) };
    case "misdirected":
      return { kind: "refused", status: 421, because: reasonOf(compiled, match, host) };
    case "noRoute":
    case "noVirtualHost":
      return { kind: "refused", status: 404, because: reasonOf(compiled, match, host) };
    default:
      return assertNever(outcome);
  }
}

function routed({ ir, expansion }: Compiled, { arrived }: Match, { route, mapping, host }: Origin): Answer {
  if (arrived === undefined) throw new Error("a request that has a route has arrived");
  const { action } = route;
  if (action.kind === "redirect") {
    const isHosts = mapping?.action !== action && host?.resource !== undefined;
    const because = isHosts ? `${host.key} redirects what comes without TLS` : undefined;
    return { kind: "redirect", status: action.code, location: locationOf(action, route, arrived), because };
  }
  const cluster = ir.clusters.get(action.cluster) as Cluster;
  if (mapping === undefined) throw new Error(`the route ${route.name} is no Mapping's`);
  const upstream = upstreamOf(mapping, route, cluster, expansion.resources);
  return {
    kind: "forward",
    upstream,
    path: upstreamPath(route, arrived),
    host: upstreamHost(route, arrived, fixedPlaces(cluster)),
  };
}
