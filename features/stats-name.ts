import { text } from "./fields.ts";

export const statsNameFields = {
  stats_name: text("Name of the upstream in Envoy's statistics. Default: the service's name, with _ for other signs."),
};
