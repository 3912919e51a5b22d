import { z } from "zod";
import { assertNever } from "../ir/assert.ts";
import type { PathStep } from "../ir/problem.ts";
import type { RateLimit_Action } from "../xds/generated/envoy/config/route/v3/route_components.ts";
import { checked, type Feature, type FeatureContext, type FieldProblem, ignored, invalid, nothing } from "./feature.ts";
import { exactlyOneKey, flag, text } from "./fields.ts";

function fixedKey<const Key extends string>(key: Key) {
  return z.object({ key: z.enum([key]).describe(`Always ${key}.`) });
}

/** v2 has headers under a name of their own, and that is what people bring along. */
const specifier = z
  .object({
    source_cluster: fixedKey("source_cluster").optional().describe("Adds the name of Envoy's own cluster."),
    destination_cluster: fixedKey("destination_cluster").optional().describe("Adds the name of the upstream cluster."),
    remote_address: fixedKey("remote_address").optional().describe("Adds the client's address."),
    request_headers: z
      .object({
        key: z.string().describe("Key of the descriptor entry."),
        header_name: z.string().describe("Header whose value is added; without it the label group is left out."),
        omit_if_not_present: flag("Leaves out the entry, not the group, where the header is missing. Default: false."),
      })
      .optional()
      .describe("Adds the value of a request header."),
    generic_key: z
      .object({
        key: text("Key of the descriptor entry. Default: generic_key."),
        value: z.string().describe("Value of the descriptor entry."),
        v2Shorthand: flag("How v2 wrote the label; kept for conversion, without effect."),
      })
      .optional()
      .describe("Adds a fixed value."),
  })
  .refine((value) => Object.keys(value).length > 0, {
    error: "is of no kind that there is",
    params: {
      advice:
        "write source_cluster, destination_cluster, remote_address, request_headers or generic_key; NAME: { header: H } of v2 is request_headers: { key: NAME, header_name: H }",
    },
    abort: true,
  });

export const labelSpecifier = exactlyOneKey(specifier);

const labelGroup = exactlyOneKey(z.record(z.string(), z.array(labelSpecifier)));

export const labelsFields = {
  labels: z
    .record(z.string(), z.array(labelGroup))
    .optional()
    .describe(
      "Rate limit descriptors: by domain a list of groups, each with one name and its list of labels. Default: the Module's default_labels.",
    ),
};

type LabelSpecifier = z.output<typeof labelSpecifier>;

/** What becomes one entry of a descriptor. */
export type Label =
  | { readonly kind: "source_cluster" | "destination_cluster" | "remote_address" }
  | { readonly kind: "header"; readonly key: string; readonly header: string; readonly omitIfMissing: boolean }
  | { readonly kind: "fixed"; readonly key: string; readonly value: string };

export interface LabelsSettings {
  /** Of each group the entries of its descriptor. */
  readonly groups: readonly (readonly Label[])[];
}

export const DEFAULT_LABEL_DOMAIN = "ambassador";

/** The domain of Mappings and of a RateLimitService that name none. */
export function defaultLabelDomain({ defaults: { default_label_domain: domain } }: Pick<FeatureContext, "defaults">) {
  return domain === undefined || domain === "" ? DEFAULT_LABEL_DOMAIN : domain;
}

/** Envoy takes no empty texts. Source: route_components.proto, RateLimit.Action. */
function emptyProblems(texts: Readonly<Record<string, string>>, path: readonly PathStep[]): FieldProblem[] {
  return Object.entries(texts)
    .filter(([, text]) => text === "")
    .map(([name]) => invalid([...path, name], "it is empty", "write a value"));
}

/** What Envoy takes for the name of a header. */
const HEADER = /^:?[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

function labelOf(specifier: LabelSpecifier, path: readonly PathStep[], problems: FieldProblem[]): Label {
  const { request_headers: header, generic_key: fixed } = specifier;
  if (header !== undefined) {
    const { key, header_name: name, omit_if_not_present: omitIfMissing = false } = header;
    const at = [...path, "request_headers"];
    problems.push(...emptyProblems({ key, header_name: name }, at));
    if (name !== "" && !HEADER.test(name)) {
      const message = `${JSON.stringify(name)} is not the name of a header`;
      problems.push(invalid([...at, "header_name"], message, "write letters, digits and hyphens, such as x-user"));
    }
    return { kind: "header", key, header: name, omitIfMissing };
  }
  if (fixed !== undefined) {
    const { key = "generic_key", value } = fixed;
    problems.push(...emptyProblems({ key, value }, [...path, "generic_key"]));
    return { kind: "fixed", key, value };
  }
  if (specifier.source_cluster !== undefined) return { kind: "source_cluster" };
  return { kind: specifier.destination_cluster === undefined ? "remote_address" : "destination_cluster" };
}

function labelsOf(list: readonly LabelSpecifier[], path: readonly PathStep[], problems: FieldProblem[]): Label[] {
  return list.map((specifier, index) => labelOf(specifier, [...path, index], problems));
}

function actionOf(label: Label): RateLimit_Action {
  switch (label.kind) {
    case "source_cluster":
      return { actionSpecifier: { $case: "sourceCluster", value: {} } };
    case "destination_cluster":
      return { actionSpecifier: { $case: "destinationCluster", value: {} } };
    case "remote_address":
      return { actionSpecifier: { $case: "remoteAddress", value: {} } };
    case "header": {
      const { key, header, omitIfMissing } = label;
      const value = { descriptorKey: key, headerName: header, ...(omitIfMissing ? { skipIfAbsent: true } : {}) };
      return { actionSpecifier: { $case: "requestHeaders", value } };
    }
    case "fixed": {
      const value = { descriptorKey: label.key, descriptorValue: label.value };
      return { actionSpecifier: { $case: "genericKey", value } };
    }
    default:
      return assertNever(label);
  }
}

/** An entry that is left out alone would leave a descriptor without entries; then it is the descriptor that is left out. */
function whole(group: readonly Label[]): readonly Label[] {
  return group.length > 1
    ? group
    : group.map((label) => (label.kind === "header" ? { ...label, omitIfMissing: false } : label));
}

/**
 * Of a Mapping's labels those of the RateLimitService's domain, each group after the Module's default labels of that
 * domain. A Mapping without labels has one group of the defaults of the default domain.
 * Source: Emissary `irhttpmappinggroup.py` and `ir.py`.
 */
export const labels: Feature<typeof labelsFields, LabelsSettings> = {
  name: "labels",
  fields: labelsFields,

  fromMapping({ labels: own = {} }, context) {
    const ofDefault = defaultLabelDomain(context);
    const domain = context.labelDomain ?? ofDefault;
    // A domain may have any name, that of a method of objects too.
    const wanted = Object.hasOwn(own, domain) ? own[domain] : undefined;
    const problems: FieldProblem[] = [];
    const hasOwn = Object.keys(own).length > 0;
    const path = ["default_labels", domain, "defaults"];
    const allDefaults = context.defaults.default_labels ?? {};
    const defaults = (Object.hasOwn(allDefaults, domain) ? allDefaults[domain]?.defaults : undefined) ?? [];
    // What is wrong with the defaults is told on the Module, by a Mapping that has nothing else.
    const before = labelsOf(defaults, path, problems);
    if (!hasOwn) {
      if (domain !== ofDefault || before.length === 0) return { ...nothing, problems };
      return checked({ groups: [before] }, problems);
    }
    if (wanted === undefined && context.labelDomain !== undefined) {
      const message = `the RateLimitService counts labels of the domain ${JSON.stringify(domain)} only`;
      const advice = "write that domain here, or this one in the RateLimitService";
      problems.push(ignored(["labels"], message, advice));
    }
    const groups = (wanted ?? []).flatMap((group, index) =>
      Object.entries(group).map(([name, list]) => [
        ...before,
        ...labelsOf(list, ["labels", domain, index, name], problems),
      ]),
    );
    const filled = groups.filter(({ length }) => length > 0);
    return filled.length === 0 ? { ...nothing, problems } : checked({ groups: filled }, problems);
  },

  forward: ({ groups }, action) => ({
    ...action,
    rateLimits: groups.map((group) => ({ actions: whole(group).map(actionOf) })),
  }),
};
