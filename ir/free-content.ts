/** What users write and only Envoy can judge: its own parsers decide, be they of Lua, of BoringSSL or of its format strings. */
import type { Problem } from "./problem.ts";
import type { Secret, TlsParameters } from "./types.ts";

export type FreeContent =
  | Extract<Secret, { readonly kind: "certificate" | "validation" }>
  /** An HTTP filter, as the message that Envoy gets. */
  | { readonly kind: "filter"; readonly name: string; readonly typeUrl: string; readonly message: Uint8Array }
  | { readonly kind: "tlsParameters"; readonly parameters: TlsParameters }
  /** A text with %COMMAND% operators. In a header Envoy takes fewer signs than in a log or a body. */
  | { readonly kind: "format"; readonly text: string; readonly in: "header" | "text" }
  /** Whether it can be opened is known only where the gateway runs. */
  | { readonly kind: "logFile"; readonly path: string };

/** A free content of what is served, and what is to be said if Envoy refuses it. */
export type FreeUse =
  | { readonly kind: "field"; readonly content: FreeContent; readonly problem: Problem }
  /** The compile tells it of whatever names the Secret. */
  | { readonly kind: "secret"; readonly content: Extract<FreeContent, Secret> };

export type Verdict =
  | { readonly kind: "accepted" }
  /** In Envoy's words. */
  | { readonly kind: "refused"; readonly message: string }
  /** Envoy did not get over it. It may hang every Envoy, or the machine had no CPU or memory: it is not served, and asked about again. */
  | { readonly kind: "undecided"; readonly reason: string };

export const accepted: Verdict = { kind: "accepted" };
