/** The status of Knative's Ingresses: what Knative waits for before it calls a Service ready. */
import type { KnativeIngressResource } from "../../crds/resources.ts";
import { formatPath, type Problem } from "../../ir/problem.ts";

interface Condition {
  readonly type: string;
  readonly status: "True" | "False";
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime: string;
}

export interface KnativeStatus {
  readonly observedGeneration: number;
  readonly conditions: readonly Condition[];
  readonly publicLoadBalancer?: object;
  readonly privateLoadBalancer?: object;
}

export interface StatusInput {
  /** The first error of the Ingress, if it has one. */
  readonly problem: Problem | undefined;
  /** Name by which the cluster reaches the gateway; undefined: it is not known. */
  readonly domainInternal: string | undefined;
  readonly now: string;
}

/** The status that an Ingress is to have; undefined: it has it. */
export function statusOf(
  { generation, spec }: KnativeIngressResource,
  { problem, domainInternal, now }: StatusInput,
): KnativeStatus | undefined {
  const failure =
    problem === undefined
      ? undefined
      : { reason: problem.code, message: `${formatPath(problem.path)}: ${problem.message}; ${problem.advice}` };
  const condition = (type: string, failed: typeof failure): Condition => {
    const before = spec.conditions.find((each) => each.type === type);
    const status = failed === undefined ? "True" : "False";
    const since = before?.status === status ? before.lastTransitionTime : undefined;
    return { type, status, ...failed, lastTransitionTime: since ?? now };
  };
  const conditions = [
    condition("LoadBalancerReady", undefined),
    condition("NetworkConfigured", failure),
    condition("Ready", failure),
  ];
  const isThere =
    spec.observedGeneration === generation &&
    spec.domainInternal === domainInternal &&
    conditions.every((wanted) =>
      spec.conditions.some(
        ({ type, status, message }) =>
          type === wanted.type && status === wanted.status && (message ?? "") === (wanted.message ?? ""),
      ),
    );
  if (isThere) return undefined;
  const balancer = { ingress: [{ domainInternal }] };
  return {
    observedGeneration: generation,
    conditions,
    ...(domainInternal === undefined
      ? {}
      : { loadBalancer: balancer, publicLoadBalancer: balancer, privateLoadBalancer: balancer }),
  };
}
