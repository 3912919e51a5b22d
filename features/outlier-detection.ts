import { text } from "./fields.ts";

export const outlierDetectionFields = {
  outlier_detection: text("Accepted for compatibility, never supported by Emissary, without effect. Default: none."),
};
