/** Where a Consul agent or server answers. */
export type ConsulAddress =
  /** `tls` undefined: the address does not say. */
  | { readonly kind: "tcp"; readonly tls: boolean | undefined; readonly host: string; readonly port: number }
  | { readonly kind: "unix"; readonly path: string };

const PLAIN_PORT = 80;
const TLS_PORT = 443;
const HOST = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_.])?))(?::(\d{1,5}))?$/i;

/** `[http://|https://]host[:port]` or `unix://path`; undefined when it is neither. Without a port that of the scheme is meant, as in Consul's client. */
export function parseConsulAddress(text: string): ConsulAddress | undefined {
  const [, scheme, rest = ""] = /^(?:([a-z]+):\/\/)?(.*)$/is.exec(text.trim()) ?? [];
  const name = scheme?.toLowerCase();
  if (name === "unix") return rest.startsWith("/") ? { kind: "unix", path: rest } : undefined;
  if (name !== undefined && name !== "http" && name !== "https") return undefined;
  const parts = HOST.exec(rest.replace(/\/$/, ""));
  const host = parts?.[1] ?? parts?.[2];
  if (host === undefined) return undefined;
  const port = parts?.[3] === undefined ? (name === "https" ? TLS_PORT : PLAIN_PORT) : Number(parts[3]);
  if (port < 1 || port > 65_535) return undefined;
  return { kind: "tcp", tls: name === undefined ? undefined : name === "https", host, port };
}

const VARIABLE = /\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))/g;

export function hasVariables(text: string): boolean {
  return text.search(VARIABLE) !== -1;
}

/** The text with `$NAME` and `${NAME}` filled in; or the names of variables that are not set. */
export function fillVariables(
  text: string,
  values: Readonly<Record<string, string | undefined>>,
): { readonly text: string } | { readonly missing: readonly string[] } {
  const missing = new Set<string>();
  const filled = text.replace(VARIABLE, (_, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare ?? "";
    const value = values[name];
    if (value === undefined || value === "") missing.add(name);
    return value ?? "";
  });
  return missing.size > 0 ? { missing: [...missing] } : { text: filled };
}
