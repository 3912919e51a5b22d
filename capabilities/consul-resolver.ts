import { a } from "pepr";
import { declare } from "./declare.ts";

export class ConsulResolver extends a.GenericKind {}

export const consulResolver = declare("ConsulResolver", ConsulResolver);
