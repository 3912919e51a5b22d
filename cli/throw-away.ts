import type { ThrowAwayPair } from "../xds/static/static-form.ts";
import { selfSigned } from "./self-signed.ts";

/** A fresh self-signed certificate and its key, of no value to anybody. */
export function throwAwayPair(): Promise<ThrowAwayPair> {
  return selfSigned({ name: "redacted by nuncio translate", notAfter: new Date("2099-01-01") });
}
