import { text } from "./fields.ts";

export const clusterTagFields = {
  cluster_tag: text(
    "Gives the Mapping a cluster of its own with this mark in its name, where Mappings to the same target would share one. Default: none.",
  ),
};
