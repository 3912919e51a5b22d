import { type Feature, nothing, settings } from "./feature.ts";
import { text } from "./fields.ts";

export const statsNameFields = {
  stats_name: text(
    "Name of the upstream in Envoy's statistics. Default: the Module's defaults, else the service's name, with _ for other signs.",
  ),
};

export const statsName: Feature<typeof statsNameFields, string> = {
  name: "stats-name",
  fields: statsNameFields,

  fromMapping(spec, { defaults: { defaults } }) {
    const name = spec.stats_name ?? defaults?.httpmapping?.stats_name ?? defaults?.stats_name;
    return name === undefined || name === "" ? nothing : settings(name);
  },

  cluster: (altStatName, cluster) => ({ ...cluster, altStatName }),
};
