import { a } from "pepr";
import { declare } from "./declare.ts";

export class TLSContext extends a.GenericKind {}

export const tlsContext = declare("TLSContext", TLSContext);
