import { a } from "pepr";
import { declare } from "./declare.ts";

export class Module extends a.GenericKind {}

export const module = declare("Module", Module);
