/** What the core is told besides resources. One frozen object for the life of a process: results are remembered by its identity. */
export interface CompileSettings {
  /** AMBASSADOR_ID: resources for other ids are not ours. */
  readonly ambassadorId: string;
  readonly ownNamespace: string;
  /** AMBASSADOR_ENVOY_BIND_ADDRESS: where listeners bind. */
  readonly bindAddress: string;
  /** Services are watched and their ClusterIPs answer; false for manifests from files. */
  readonly inCluster: boolean;
  /** Where the gateway's own probes answer, `address:port`; undefined: nowhere, and no route leads to them. */
  readonly ownService?: string | undefined;
  /** Files that TLS names are among the Secrets; otherwise Envoy reads them, and nothing is known of them. */
  readonly readsFiles?: boolean;
  /** DISABLE_STRICT_LABEL_SELECTORS: any one label of a selector is enough, and for a Host and a Mapping the hostname too. */
  readonly looseLabelSelectors?: boolean;
  /** AMBASSADOR_KNATIVE_SUPPORT: Knative's Ingresses are read. */
  readonly knative?: boolean;
  /** How a virtual host finds its route: in order, by a tree of path prefixes, or (the default) by a tree where there are many. */
  readonly routeMatching?: RouteMatching;
}

export type RouteMatching = "list" | "tree" | "auto";
