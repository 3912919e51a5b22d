import { flag } from "./fields.ts";

export const shadowFields = {
  shadow: flag(
    "Makes the service a shadow: it gets a copy of the requests of the Mappings with the same match (weight percent of them), and its answers are discarded. Default: false.",
  ),
};
