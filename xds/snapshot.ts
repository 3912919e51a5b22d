/** What the xDS server serves: per type a map of named, encoded, content-versioned resources. Immutable. */

export const xdsTypes = ["runtime", "cluster", "endpoint", "secret", "extension", "listener", "route"] as const;
export type XdsType = (typeof xdsTypes)[number];

const prefix = "type.googleapis.com/";
export const typeUrls: Readonly<Record<XdsType, string>> = {
  runtime: `${prefix}envoy.service.runtime.v3.Runtime`,
  cluster: `${prefix}envoy.config.cluster.v3.Cluster`,
  endpoint: `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`,
  secret: `${prefix}envoy.extensions.transport_sockets.tls.v3.Secret`,
  extension: `${prefix}envoy.config.core.v3.TypedExtensionConfig`,
  listener: `${prefix}envoy.config.listener.v3.Listener`,
  route: `${prefix}envoy.config.route.v3.RouteConfiguration`,
};

/** One resource, encoded once. */
export interface XdsResource {
  readonly name: string;
  /** Hash of `body`: equal content has an equal version in every process, so a reconnecting Envoy is sent nothing it has. */
  readonly version: string;
  /** Field 2 (`resources`) of a DeltaDiscoveryResponse, tag and length included: responses are concatenations of frames. */
  readonly frame: Uint8Array;
  /** The message itself (Cluster, Listener, ...): a view into `frame`. */
  readonly body: Uint8Array;
}

export type ResourceMap = ReadonlyMap<string, XdsResource>;

/** Unchanged types keep the identity of their map from one snapshot to the next; the server skips those. */
export type Snapshot = { readonly [T in XdsType]: ResourceMap };

const empty: ResourceMap = new Map();
export const emptySnapshot: Snapshot = {
  runtime: empty,
  cluster: empty,
  endpoint: empty,
  secret: empty,
  extension: empty,
  listener: empty,
  route: empty,
};
