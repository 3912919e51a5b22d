import { a } from "pepr";
import { declare } from "./declare.ts";

export class TracingService extends a.GenericKind {}

export const tracingService = declare("TracingService", TracingService);
