/** An explanation as data: what `nuncio explain -o json` prints. Objects are references, everything else is JSON. */
import type { ObjectRef } from "../../ir/problem.ts";
import type { OrderCriterion } from "../../sources/getambassador/route-order.ts";

/** A field of an object, as its author wrote it: `spec.timeout_ms` of a Mapping. */
export interface Place {
  readonly object: ObjectRef;
  /** `spec.timeout_ms`; empty: the object as a whole. */
  readonly path: string;
}

export interface Setting {
  /** `timeouts.timeoutMs` */
  readonly name: string;
  readonly value: unknown;
  /** undefined: nobody has written it, it is the default. */
  readonly from: Place | undefined;
}

/** What a route asks for: `prefix /orders/`, `header x-beta: 1`. */
export interface Rule {
  readonly text: string;
  readonly from: Place | undefined;
}

/** A condition that the request does not meet. */
export interface Lack {
  readonly kind: "path" | "header" | "queryParameter" | "weight";
  readonly wants: string;
  /** undefined: the request has no such thing. */
  readonly has: string | undefined;
  readonly from: Place | undefined;
}

export interface RouteView {
  /** The name of the route in Envoy. */
  readonly name: string;
  readonly object: ObjectRef;
  readonly rules: readonly Rule[];
}

/** Another route of the virtual host, and why it was not taken. */
export type Rival = RouteView & { readonly order: "before" | "after" } & (
    | { readonly kind: "lacks"; readonly lack: Lack }
    /** It matches too, and comes later. name: they are alike, and names decide. weight: it shares these requests by its weight. */
    | { readonly kind: "later"; readonly by: OrderCriterion | "name" | "weight" }
  );

export interface FilterView {
  readonly name: string;
  readonly state: "on" | "off";
  /** What it does to this request, or why it does nothing. */
  readonly note: string;
  /** Who asks for it. */
  readonly from: readonly Place[];
}

export interface EndpointView {
  readonly address: string;
  readonly port: number;
  readonly draining: boolean;
}

export interface Upstream {
  /** As the Mapping has it. */
  readonly service: string;
  readonly from: Place;
  readonly cluster: string;
  readonly tls: boolean;
  /** What Envoy sends requests to; a name that DNS answers is one of them. */
  readonly endpoints: readonly EndpointView[];
  /** Why that is all that is known. */
  readonly note: string | undefined;
}

export interface Share {
  readonly route: string;
  readonly percent: number;
}

/** What the client gets, or where the request goes. */
export type Answer =
  | { readonly kind: "forward"; readonly upstream: Upstream; readonly path: string; readonly host: string }
  | {
      readonly kind: "redirect";
      readonly status: number;
      readonly location: string;
      readonly because: string | undefined;
    }
  /** Connections are handed on as they are: nobody looks at requests. */
  | { readonly kind: "connection"; readonly clusters: readonly string[]; readonly from: readonly Place[] }
  | { readonly kind: "refused"; readonly status: number; readonly because: string }
  /** There is no answer: the connection is not taken, or closed. */
  | { readonly kind: "closed"; readonly because: string };

export interface ListenerView {
  readonly object: ObjectRef;
  readonly port: number;
  /** Other Listeners that serve the scheme. */
  readonly others: readonly ObjectRef[];
}

export interface TlsView {
  readonly serverName: string | undefined;
  readonly certificate: string;
  /** Milliseconds since 1970; undefined: not known. */
  readonly expiresMs: number | undefined;
  readonly clientCertificate: "required" | "verified" | "none";
}

export interface HostView {
  /** undefined: there is no Host, and one stands in. */
  readonly object: ObjectRef | undefined;
  readonly domain: string;
  /** Exact names go before `*.x`, these before `x.*`, and `*` is last. */
  readonly match: "exact" | "suffix" | "prefix" | "any";
}

/** A Mapping with an error that would take the request. */
export interface Unused {
  readonly object: ObjectRef;
  readonly because: readonly string[];
}

/** An object that has an error, and serves in an earlier form. */
export interface LastGood {
  readonly object: ObjectRef;
  /** Of what serves; undefined: not known. */
  readonly generation: number | undefined;
  readonly because: readonly string[];
}

export interface Explanation {
  readonly request: {
    readonly method: string;
    readonly url: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  /** The path as routes see it, where that is another one. */
  readonly normalizedPath: string | undefined;
  readonly listener: ListenerView | undefined;
  readonly tls: TlsView | undefined;
  readonly host: HostView | undefined;
  readonly route: RouteView | undefined;
  readonly answer: Answer;
  /** Where weights decide, how requests like this one are shared. */
  readonly shares: readonly Share[];
  /** In the order in which they are tried; of some where no route is taken, the closest first. */
  readonly rivals: readonly Rival[];
  /** Rivals that are not listed. */
  readonly moreRivals: number;
  readonly unused: readonly Unused[];
  /** Of the objects that are named here. */
  readonly lastGood: readonly LastGood[];
  readonly filters: readonly FilterView[];
  readonly settings: readonly Setting[];
}
