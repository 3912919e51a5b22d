import { a } from "pepr";
import { declare } from "./declare.ts";

export class Mapping extends a.GenericKind {}

export const mapping = declare("Mapping", Mapping);
