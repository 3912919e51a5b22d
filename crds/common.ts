import { z } from "zod";
import { choice, text, textMap, texts } from "../features/fields.ts";

export const group = "getambassador.io";
export const version = "v3alpha1";

export const ambassadorId = {
  ambassador_id: texts(
    "Instances that use the object: those whose AMBASSADOR_ID is in the list. Default: one id, default.",
  ),
};

export function labelSelector(description: string) {
  return z
    .object({
      matchLabels: textMap("Labels that must all be there with these values."),
      matchExpressions: z
        .array(
          z.object({
            key: z.string().describe("Label name."),
            operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]).describe("In, NotIn, Exists or DoesNotExist."),
            values: texts("Values for In and NotIn."),
          }),
        )
        .optional()
        .describe("Conditions that labels must meet too, all of them."),
    })
    .optional()
    .describe(description);
}

/** The name of an object in the same namespace. */
export function localReference(description: string) {
  return z
    .object({ name: text("Name of the object.") })
    .optional()
    .describe(description);
}

/** How a v2 manifest wrote `tls`; kept so that conversion gives back what was written. */
export const v2ExplicitTLS = z
  .object({
    tls: choice(["", "null", "bool:true", "bool:false", "string"], "How v2 wrote tls."),
    serviceScheme: z
      .string()
      .regex(/^([hH][tT][tT][pP][sS]?:\/\/)?$/)
      .optional()
      .describe("How v2 wrote the scheme of service."),
  })
  .optional()
  .describe("How v2 wrote the fields about TLS; kept for conversion, without effect.");

/** What one object must satisfy as a whole; the API server judges it too, by the CEL expression. */
export interface Rule<Spec> {
  readonly cel: string;
  readonly holds: (spec: Spec) => boolean;
  readonly message: string;
  readonly advice: string;
}

export function withRules<Shape extends z.ZodRawShape>(
  schema: z.ZodObject<Shape>,
  rules: readonly Rule<z.output<z.ZodObject<Shape>>>[],
): z.ZodObject<Shape> {
  let checked = schema;
  for (const { holds, message, advice } of rules) {
    checked = checked.refine(holds, { error: message, params: { advice } });
  }
  const validations = rules.map(({ cel, message, advice }) => ({ rule: cel, message: `${message}; ${advice}` }));
  return checked.meta({ ...schema.meta(), "x-kubernetes-validations": validations });
}
