/** What becomes of a request, in the parts that people care for: where it goes, who may send it, and what is made of it. */
import { type AuthSettings, AUTH_UNUSABLE, EXT_AUTHZ } from "../../features/auth.ts";
import type { ExtAuthzSettings } from "../../filters/ext-authz.ts";
import type { ObjectRef } from "../../ir/problem.ts";
import type { Chain, Cluster, Ir, Route, VirtualHost } from "../../ir/types.ts";
import { drawOf, type Drawn, type Match, matchRequest, type Request } from "../match/match.ts";

/** Whether the authorization service decides about a request. */
export type Authorization =
  /** There is none. */
  | { readonly kind: "none" }
  /** There is one, and it is not asked. */
  | { readonly kind: "bypassed" }
  | { readonly kind: "asked"; readonly cluster: string; readonly extensions: Readonly<Record<string, string>> }
  /** There is none that can be used: all is refused. */
  | { readonly kind: "refused" };

export type ClientCertificate = "none" | "asked" | "required";

/** One of the routes among which requests like this one are drawn by weights; mostly there is one, with 100. */
export interface Share {
  readonly percent: number;
  readonly route: Route;
  /** Of a route that forwards. */
  readonly cluster: Cluster | undefined;
  readonly auth: Authorization;
}

export interface Answer {
  /** In the order in which they are tried; empty where no route takes the request. */
  readonly shares: readonly Share[];
  /** Percent of requests that no route takes. */
  readonly lostPercent: number;
  /** Why no route takes it; undefined where one does. */
  readonly nobody: string | undefined;
  readonly clientCertificate: ClientCertificate;
  /** The request reached a listener over TLS. */
  readonly secure: boolean;
}

/** @param request with the port of a listener */
export function answerTo(ir: Ir, request: Request): Answer {
  const match = matchRequest(ir, request);
  return answerOf(ir, match, drawOf(match));
}

/** As `answerTo`, of a match that has been made. */
export function answerOf(ir: Ir, match: Match, drawn: readonly Drawn[]): Answer {
  const shares = drawn.map(({ route, percent }) => shareOf(ir, match, route, percent));
  const lostPercent = 100 - drawn.reduce((sum, { percent }) => sum + percent, 0);
  const nobody = shares.length === 0 ? nobodyOf(match, ir) : undefined;
  return { shares, lostPercent, nobody, clientCertificate: clientCertificateOf(match.chain), secure: match.secure };
}

function shareOf(ir: Ir, { domain }: Match, route: Route, percent: number): Share {
  const { action } = route;
  const cluster = action.kind === "forward" ? ir.clusters.get(action.cluster) : undefined;
  return { percent, route, cluster, auth: authorizationOf(ir, domain?.virtualHost, route) };
}

/** The object that a route came from; the one that people wrote, where it stands within another. */
export function objectOf({ source: { object } }: Route): ObjectRef {
  return object.within?.object ?? object;
}

export function forwards({ route: { action } }: Share): boolean {
  return action.kind === "forward";
}

/** What is made of the path and the Host header of a request. */
export function rewriteOf({ features }: Route): readonly [path: unknown, host: unknown] {
  return [features["rewrite"], features["host-rewrite"]];
}

/** A route's own word counts before that of its virtual host. */
export function authorizationOf(
  { filters }: Ir,
  virtualHost: VirtualHost | undefined,
  { features }: Route,
): Authorization {
  const asked = (features["auth"] ?? virtualHost?.features?.["auth"]) as AuthSettings | undefined;
  const service = filters.find(({ name }) => name === EXT_AUTHZ);
  const isUnusable = filters.some(({ name }) => name === AUTH_UNUSABLE);
  if (service === undefined && !isUnusable) return { kind: "none" };
  if (asked?.kind === "bypass") return { kind: "bypassed" };
  if (service === undefined) return { kind: "refused" };
  const { cluster } = service.settings as ExtAuthzSettings;
  return { kind: "asked", cluster, extensions: asked?.extensions ?? {} };
}

function clientCertificateOf(chain: Chain | undefined): ClientCertificate {
  if (chain?.tls?.validationSecret === undefined) return "none";
  return chain.tls.requireClientCertificate ? "required" : "asked";
}

function nobodyOf({ outcome }: Match, { listeners }: Ir): string {
  switch (outcome.kind) {
    case "noRoute":
      return "404";
    case "noVirtualHost":
      return "404, no Host";
    case "misdirected":
      return "421, another Host's certificate";
    case "refused":
      return `400, ${outcome.because}`;
    case "connection":
      return `handed on as a connection to ${outcome.chain.clusters.map(({ cluster }) => cluster).join(", ")}`;
    case "noChain":
      return `no connection: ${outcome.because}`;
    case "noListener":
    case "route":
      return listeners.length === 0 ? "no Listener" : "no Listener on the port";
  }
}
