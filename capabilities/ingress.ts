import { a } from "pepr";
import { declare } from "./declare.ts";

export const ingress = declare("Ingress", a.Ingress);
