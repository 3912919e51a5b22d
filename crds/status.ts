import { z } from "zod";
import { choice, text } from "../features/fields.ts";

/** metav1.Condition, with its limits. */
const condition = z.object({
  type: z.string().max(316).describe("What the condition is about, such as Accepted or Programmed."),
  status: z.enum(["True", "False", "Unknown"]).describe("Whether it holds."),
  observedGeneration: z.int().min(0).optional().describe("Generation of the object that was judged."),
  lastTransitionTime: z.iso.datetime().describe("When status last changed."),
  reason: z.string().min(1).max(1024).describe("Why, as one word."),
  message: z.string().max(32_768).describe("Why, as text."),
});

const conditions = {
  conditions: z
    .array(condition)
    .optional()
    .meta({
      description: "What the gateway made of the object.",
      "x-kubernetes-list-type": "map",
      "x-kubernetes-list-map-keys": ["type"],
    }),
};

export const statusSchema = z.object(conditions).describe("Written by the gateway.");

export const mappingStatusSchema = z
  .object({
    ...conditions,
    state: choice(["", "Inactive", "Running"], "Whether the Mapping is routed."),
    reason: text("Why it is not."),
  })
  .describe("Written by the gateway.");

const phases = [
  "NA",
  "DefaultsFilled",
  "ACMEUserPrivateKeyCreated",
  "ACMEUserRegistered",
  "ACMECertificateChallenge",
] as const;

export const hostStatusSchema = z
  .object({
    ...conditions,
    tlsCertificateSource: choice(["Unknown", "None", "Other", "ACME"], "Where the certificate comes from."),
    state: choice(["Initial", "Pending", "Ready", "Error"], "Whether the Host is served."),
    phaseCompleted: choice(phases, "Last step done while the certificate is got."),
    phasePending: choice(phases, "Step under way while the certificate is got."),
    errorReason: text("Why state is Error."),
    errorTimestamp: z.iso.datetime().optional().describe("When state became Error."),
    errorBackoff: text("Duration after which it is tried again."),
  })
  .describe("Written by the gateway.");
