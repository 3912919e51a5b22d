import { a } from "pepr";
import { declare } from "./declare.ts";

export const endpointSlice = declare("EndpointSlice", a.EndpointSlice);
