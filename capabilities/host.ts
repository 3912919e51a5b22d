import { a } from "pepr";
import { declare } from "./declare.ts";

export class Host extends a.GenericKind {}

export const host = declare("Host", Host);
