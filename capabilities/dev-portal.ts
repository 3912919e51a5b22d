import { a } from "pepr";
import { declare } from "./declare.ts";

export class DevPortal extends a.GenericKind {}

export const devPortal = declare("DevPortal", DevPortal);
