import fs from "node:fs";
import path from "node:path";
import { root } from "../../hack/paths.mjs";

export type WafFile = "waf.yaml" | "sidecar.yaml" | "native-sidecar.yaml" | "service.yaml";

export const wafFile = (name: WafFile): string => path.join(root, "integrations/waf", name);

export const wafText = (name: WafFile): string => fs.readFileSync(wafFile(name), "utf8");

interface Container {
  readonly name: string;
  readonly volumeMounts?: readonly { readonly mountPath: string }[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly lifecycle?: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
}

export interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly automountServiceAccountToken?: boolean;
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
}

/** The seconds by which it is decided who outlives whom. */
export interface Ending {
  readonly drainDelay: number;
  readonly drain: number;
  readonly agentSleeps: number;
  readonly grace: number;
}

export function endingOf({ containers, terminationGracePeriodSeconds }: PodSpec): Ending {
  const gateway = containers.find(({ name }) => name === "gateway");
  const agent = containers.find(({ name }) => name === "waf-agent");
  const delay = /^--drain-delay=(\d+)$/m.exec(gateway?.args?.join("\n") ?? "")?.[1];
  return {
    // 5 by default: `nuncio run --help`.
    drainDelay: Number(delay ?? 5),
    drain: Number(gateway?.env?.find(({ name }) => name === "AMBASSADOR_DRAIN_TIME")?.value),
    agentSleeps: Number(agent?.lifecycle?.preStop.exec.command[1]),
    grace: terminationGracePeriodSeconds,
  };
}
