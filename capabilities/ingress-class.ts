import { a } from "pepr";
import { declare } from "./declare.ts";

export const ingressClass = declare("IngressClass", a.IngressClass);
