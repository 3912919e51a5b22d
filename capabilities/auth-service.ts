import { a } from "pepr";
import { declare } from "./declare.ts";

export class AuthService extends a.GenericKind {}

export const authService = declare("AuthService", AuthService);
