import { type Feature, ignored, nothing } from "./feature.ts";
import { text } from "./fields.ts";

export const outlierDetectionFields = {
  outlier_detection: text("Accepted for compatibility, never supported by Emissary, without effect. Default: none."),
};

/** Emissary knows the field to say that it does nothing; so do we. */
export const outlierDetection: Feature<typeof outlierDetectionFields, never> = {
  name: "outlier-detection",
  fields: outlierDetectionFields,
  fromMapping({ outlier_detection: written }) {
    if (written === undefined) return nothing;
    const message = "outlier detection is not supported, here as in Emissary";
    return {
      value: undefined,
      problems: [ignored(["outlier_detection"], message, "remove it; health_checks watch endpoints")],
    };
  },
};
