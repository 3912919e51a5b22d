import { a } from "pepr";
import { declare } from "./declare.ts";

export class TCPMapping extends a.GenericKind {}

export const tcpMapping = declare("TCPMapping", TCPMapping);
