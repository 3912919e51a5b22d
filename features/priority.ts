import { type Feature, nothing, refused, settings } from "./feature.ts";
import { text } from "./fields.ts";

export const priorityFields = {
  priority: text(
    "Whose circuit breakers count these requests: default or high. It does not order routes; that is precedence. Default: default.",
  ).meta({ examples: ["high"] }),
};

const HIGH = 1;

export const priority: Feature<typeof priorityFields, "high"> = {
  name: "priority",
  fields: priorityFields,
  ofGroup: { merge: [] },

  fromMapping(spec) {
    switch (spec.priority?.toLowerCase()) {
      case "high":
        return settings("high");
      case undefined:
      case "":
      case "default":
        return nothing;
      default:
        return refused({
          path: ["priority"],
          message: `${JSON.stringify(spec.priority)} is not a priority`,
          advice: "write default or high; to order Mappings use precedence",
        });
    }
  },

  forward: (_, action) => ({ ...action, priority: HIGH }),
};
