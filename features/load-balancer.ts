import { z } from "zod";
import type { RouteAction_HashPolicy as HashPolicy } from "../xds/generated/envoy/config/route/v3/route_components.ts";
import { DURATION_ADVICE, durationMs } from "./duration.ts";
import { checked, type Feature, type FieldProblem, invalid, nothing } from "./feature.ts";
import { flag, text } from "./fields.ts";
import { headerNameProblems } from "./header-value.ts";
import { duration } from "./proto.ts";

export const loadBalancerPolicies = ["round_robin", "ring_hash", "maglev", "least_request"] as const;

export const loadBalancerFields = {
  load_balancer: z
    .object({
      policy: z
        .enum(loadBalancerPolicies)
        .describe(
          "How an endpoint is chosen. ring_hash and maglev keep a client on an endpoint and need exactly one of cookie, header and source_ip; the others take none.",
        ),
      cookie: z
        .object({
          name: z.string().describe("Name of the cookie whose value chooses the endpoint."),
          path: text("Path of a cookie that Envoy sets. Default: none."),
          ttl: text("Life of a cookie that Envoy sets where the client sent none, such as 60s. Default: not set."),
        })
        .optional()
        .describe("Chooses the endpoint by a cookie."),
      header: text("Name of the request header whose value chooses the endpoint."),
      source_ip: flag("Chooses the endpoint by the client's address. Default: false."),
    })
    .optional()
    .describe(
      "Balancing over the Pods of a Service; it needs a resolver that yields endpoints. Default: the Module's load_balancer, else round_robin.",
    ),
};

type Written = NonNullable<z.output<(typeof loadBalancerFields)["load_balancer"]>>;

/** What of a request chooses the endpoint. */
export type HashInput =
  | {
      readonly kind: "cookie";
      readonly name: string;
      readonly path?: string | undefined;
      readonly ttlMs?: number | undefined;
    }
  | { readonly kind: "header"; readonly name: string }
  | { readonly kind: "source-ip" };

export interface LoadBalancerSettings {
  readonly policy: (typeof loadBalancerPolicies)[number];
  readonly hashInput?: HashInput;
}

const lbPolicies = { round_robin: 0, least_request: 1, ring_hash: 2, maglev: 5 } as const;

function hashInputs({ cookie, header, source_ip: sourceIp }: Written, problems: FieldProblem[]): HashInput[] {
  const inputs: HashInput[] = [];
  if (cookie !== undefined) {
    const { name, path, ttl } = cookie;
    const at = ["load_balancer", "cookie"];
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name)) {
      problems.push(
        invalid(
          [...at, "name"],
          `${JSON.stringify(name)} is not the name of a cookie`,
          "write letters, digits, _ and -",
        ),
      );
    }
    // eslint-disable-next-line no-control-regex
    if (path !== undefined && /[\x00-\x1f;]/.test(path)) {
      problems.push(
        invalid([...at, "path"], `${JSON.stringify(path)} is not the path of a cookie`, "write a path, such as /"),
      );
    }
    const ttlMs = ttl === undefined ? undefined : durationMs(ttl);
    if (ttl !== undefined && ttlMs === undefined) {
      problems.push(invalid([...at, "ttl"], `${JSON.stringify(ttl)} is not a duration`, DURATION_ADVICE));
    }
    inputs.push({ kind: "cookie", name, path, ttlMs });
  }
  if (header !== undefined) {
    if (!header.startsWith(":")) problems.push(...headerNameProblems(header, ["load_balancer", "header"]));
    inputs.push({ kind: "header", name: header });
  }
  if (sourceIp === true) inputs.push({ kind: "source-ip" });
  return inputs;
}

/** Which of the fields that a policy needs are there or missing. */
function policyProblems(policy: Written["policy"], inputs: readonly HashInput[]): FieldProblem[] {
  const names = inputs.map(({ kind }) => (kind === "source-ip" ? "source_ip" : kind));
  if (policy === "round_robin" || policy === "least_request") {
    return names.map((name) =>
      invalid(
        ["load_balancer", name],
        `${policy} does not look at the request`,
        `remove ${name}, or use ring_hash or maglev`,
      ),
    );
  }
  if (names.length === 1) return [];
  const message =
    names.length === 0
      ? `${policy} needs something to choose by`
      : `${policy} chooses by one thing, not by ${names.join(" and ")}`;
  return [invalid(["load_balancer"], message, "write exactly one of cookie, header and source_ip: true")];
}

function hashPolicy(input: HashInput): HashPolicy {
  switch (input.kind) {
    case "cookie": {
      const { name, path, ttlMs } = input;
      return {
        policySpecifier: {
          $case: "cookie",
          value: {
            name,
            ...(path === undefined ? {} : { path }),
            ...(ttlMs === undefined ? {} : { ttl: duration(ttlMs) }),
          },
        },
      };
    }
    case "header":
      return { policySpecifier: { $case: "header", value: { headerName: input.name } } };
    case "source-ip":
      return { policySpecifier: { $case: "connectionProperties", value: { sourceIp: true } } };
  }
}

export const loadBalancer: Feature<typeof loadBalancerFields, LoadBalancerSettings> = {
  name: "load-balancer",
  fields: loadBalancerFields,

  fromMapping(spec, { defaults, upstream }) {
    const written = spec.load_balancer ?? defaults.load_balancer;
    if (written === undefined) return nothing;
    const problems: FieldProblem[] = [];
    const inputs = hashInputs(written, problems);
    problems.push(...policyProblems(written.policy, inputs));
    if (upstream?.balanced === false) {
      // The Module's default is for those Mappings that can have it.
      if (spec.load_balancer === undefined) return nothing;
      const message = "the resolver yields one address for the whole Service, so that there is nothing to choose from";
      problems.push(invalid(["load_balancer"], message, "add resolver: endpoint, or remove load_balancer"));
    }
    const [hashInput] = inputs;
    return checked({ policy: written.policy, ...(hashInput === undefined ? {} : { hashInput }) }, problems);
  },

  forward: ({ hashInput }, action) =>
    hashInput === undefined ? action : { ...action, hashPolicy: [hashPolicy(hashInput)] },

  cluster: ({ policy }, cluster) => ({ ...cluster, lbPolicy: lbPolicies[policy] }),
};
