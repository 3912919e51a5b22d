import { a } from "pepr";
import { declare } from "./declare.ts";

export class LogService extends a.GenericKind {}

export const logService = declare("LogService", LogService);
