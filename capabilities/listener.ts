import { a } from "pepr";
import { declare } from "./declare.ts";

export class Listener extends a.GenericKind {}

export const listener = declare("Listener", Listener);
