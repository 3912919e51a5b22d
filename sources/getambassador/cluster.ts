import { hash } from "node:crypto";
import type { Cluster, ClusterEndpoints, FeatureSettings, OriginationTls } from "../../ir/types.ts";
import { features } from "../../features/index.ts";

export interface ClusterInput {
  readonly endpoints: ClusterEndpoints;
  readonly tls: OriginationTls | undefined;
  readonly features: FeatureSettings;
  /** Mark of a cluster that is not shared with other targets' Mappings. */
  readonly tag: string | undefined;
  /** Host name of the target, for the readable part of the name. */
  readonly host: string;
  readonly port: number;
}

const clusterFeatures = new Set(
  features.filter((feature) => feature.cluster !== undefined || feature.protocol !== undefined).map(({ name }) => name),
);

/** The settings that shape the cluster: with them equal, two Mappings to one target share it. */
function clusterSettings(all: FeatureSettings): FeatureSettings {
  return Object.fromEntries(Object.entries(all).filter(([name]) => clusterFeatures.has(name)));
}

const HASH_LENGTH = 10;

/** The cluster of a target. Its name is readable and ends in a hash of everything that shapes it, so that names cannot collide. */
export function clusterOf(input: ClusterInput): Cluster {
  const settings = clusterSettings(input.features);
  const statName = mangled(input.host, input.port);
  const identity = JSON.stringify([input.endpoints, input.tls ?? null, settings, statName]);
  const mark = input.tag === undefined || input.tag === "" ? "" : `${input.tag}/`;
  const name = `${mark}${input.host}:${input.port}/${hash("sha256", identity, "hex").slice(0, HASH_LENGTH)}`;
  return { name, statName, endpoints: input.endpoints, tls: input.tls, features: settings };
}

/** Envoy's statistics split names at dots. */
function mangled(host: string, port: number): string {
  return `${host}_${port}`.replace(/[^0-9A-Za-z_]/g, "_");
}
