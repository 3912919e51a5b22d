import { a } from "pepr";
import { declare } from "./declare.ts";

export const secret = declare("Secret", a.Secret);
