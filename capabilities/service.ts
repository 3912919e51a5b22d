import { a } from "pepr";
import { declare } from "./declare.ts";

export const service = declare("Service", a.Service);
