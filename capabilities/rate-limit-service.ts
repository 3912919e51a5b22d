import { a } from "pepr";
import { declare } from "./declare.ts";

export class RateLimitService extends a.GenericKind {}

export const rateLimitService = declare("RateLimitService", RateLimitService);
