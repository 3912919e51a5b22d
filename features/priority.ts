import { text } from "./fields.ts";

export const priorityFields = {
  priority: text(
    "Whose circuit breakers count these requests: default or high. It does not order routes; that is precedence. Default: default.",
  ),
};
