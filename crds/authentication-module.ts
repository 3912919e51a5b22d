/** `spec.config` of the Module named authentication: an AuthService in its older form. */
import { texts } from "../features/fields.ts";
import { authServiceSpecSchema } from "./auth-service.ts";

export const authenticationConfigSchema = authServiceSpecSchema.omit({ ambassador_id: true }).extend({
  allowed_headers: texts(
    "Headers that the service gets and that go on from its answer; the same as both lists of an AuthService.",
  ),
});
