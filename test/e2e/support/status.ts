import type { Cluster } from "../../cluster/cluster.ts";
import { conditionsIn, type Condition } from "../../../status/status.ts";

export interface StatusOf {
  readonly generation: number;
  readonly resourceVersion: string;
  /** By type. */
  readonly by: Readonly<Record<string, Condition>>;
  readonly status: Readonly<Record<string, unknown>>;
}

/** Reads an object such as `mappings/quote`, of the namespace default or `-n` another. */
export function statusReader({ kubectl }: Cluster): (resource: string) => Promise<StatusOf> {
  return async (resource) => {
    const { stdout } = await kubectl(["get", resource, "-n", "default", "-o", "json"]);
    const { metadata, status = {} } = JSON.parse(stdout) as {
      readonly metadata: { readonly generation: number; readonly resourceVersion: string };
      readonly status?: Readonly<Record<string, unknown>>;
    };
    return { ...metadata, by: Object.fromEntries(conditionsIn(status)), status };
  };
}
