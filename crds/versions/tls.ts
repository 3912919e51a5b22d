/**
 * `tls` and the scheme of `service`. In v2 `tls` is true or false too, and true asks for TLS whatever the scheme; in v3alpha1
 * `tls` names a TLSContext, and the scheme alone says whether there is TLS. How v2 wrote it stays in `v2ExplicitTLS`.
 * Source: Emissary pkg/api/getambassador.io/v2/handwritten.conversion.go, convert_v2_TLS_To_v3alpha1_TLS and its inverse.
 */
import { type Fields, has, isFields, withField, without } from "./json.ts";
import { type Step, unknownToV2 } from "./step.ts";

const HTTPS = "https://";

interface Service {
  /** As it is written, in any case; empty when there is none. */
  readonly scheme: string;
  readonly rest: string;
  readonly isHttps: boolean;
}

function serviceOf(text: string): Service {
  const [scheme = ""] = /^https?:\/\//i.exec(text) ?? [];
  return { scheme, rest: text.slice(scheme.length), isHttps: scheme.toLowerCase() === HTTPS };
}

/** `hasScheme: false` where v2 knows no scheme in the service: it never gets one. */
export function tlsOf(serviceField: string, { hasScheme = true }: { readonly hasScheme?: boolean } = {}): Step {
  return {
    up: (written, note) => {
      const spec = unknownToV2(written, "v2ExplicitTLS", note, "write tls");
      return tlsUp(spec, serviceField, hasScheme);
    },
    down: (spec) => tlsDown(spec, serviceField, hasScheme),
  };
}

function tlsUp(spec: Fields, serviceField: string, hasScheme: boolean): Fields {
  const tls = spec["tls"];
  const service = spec[serviceField];
  const how = has(spec, "tls") ? howWritten(tls) : undefined;
  if (how === undefined) return spec; // absent, the name of a TLSContext, or nothing that v2 knows
  const bare = without(spec, "tls");
  const explicit: Fields = { tls: how };
  if (tls !== true || typeof service !== "string") return withField(bare, "v2ExplicitTLS", explicit);
  const { scheme, rest, isHttps } = serviceOf(service);
  if (isHttps) return withField(bare, "v2ExplicitTLS", explicit);
  return withField(
    withField(bare, serviceField, HTTPS + rest),
    "v2ExplicitTLS",
    hasScheme ? { ...explicit, serviceScheme: scheme } : explicit,
  );
}

function howWritten(tls: unknown): string | undefined {
  if (tls === null) return "null";
  if (tls === "") return "string";
  return typeof tls === "boolean" ? `bool:${tls}` : undefined;
}

function tlsDown(spec: Fields, serviceField: string, hasScheme: boolean): Fields {
  const { tls: context = "", v2ExplicitTLS: kept } = spec;
  const explicit = isFields(kept) ? kept : {};
  const bare = without(spec, "v2ExplicitTLS");
  const service = spec[serviceField];
  const parts = serviceOf(typeof service === "string" ? service : "");
  const tls = context === "" ? restoredTls(explicit["tls"], parts.isHttps) : context;
  const scheme = hasScheme ? explicit["serviceScheme"] : "";
  if (!hasScheme && tls === undefined && parts.isHttps) {
    return withField(withField(bare, "tls", true), serviceField, parts.rest);
  }
  const written = withField(bare, "tls", tls);
  if (typeof service !== "string" || typeof scheme !== "string") return written;
  // Where tls asks for TLS the scheme has no meaning, and may be whatever it was; elsewhere it must say the same.
  const asksForTls = tls === true || (typeof tls === "string" && tls !== "");
  const saysTheSame = (scheme.toLowerCase() === HTTPS) === parts.isHttps;
  return asksForTls || saysTheSame ? withField(written, serviceField, scheme + parts.rest) : written;
}

function restoredTls(how: unknown, isHttps: boolean): unknown {
  if (how === "null") return null;
  if (how === "string") return "";
  if (how === "bool:false") return false;
  return how === "bool:true" && isHttps ? true : undefined;
}
