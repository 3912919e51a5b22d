import { flag, textMap } from "./fields.ts";

export const authFields = {
  bypass_auth: flag("Whether requests skip the external authorization service. Default: false."),
  auth_context_extensions: textMap("Values given to the external authorization service with each request, by name."),
};
