/** `[scheme://]host[:port]`, the form of every `service` field. Source: Emissary `irbasemapping.py` normalize_service_name. */
import { withoutCredentials } from "../../ir/sensitive.ts";

export interface ServiceAddress {
  /** https:// or the default port 443 was asked for. */
  readonly tls: boolean;
  /** Lower-case host name, IPv4 or IPv6 address without brackets. */
  readonly host: string;
  readonly isAddress: boolean;
  readonly port: number;
}

export type ParsedService =
  | { readonly ok: true; readonly address: ServiceAddress }
  | { readonly ok: false; readonly message: string; readonly advice: string };

const HOST_NAME = /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_.])?$/;
const IPV4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;
const FORM = "[https://]name[.namespace][:port], for example quote.default:8080";

function bad(text: string, what: string, advice = `write ${FORM}`): ParsedService {
  return { ok: false, message: `${JSON.stringify(withoutCredentials(text))} ${what}`, advice };
}

export function isIpv4(host: string): boolean {
  const parts = IPV4.exec(host);
  return parts !== null && parts.slice(1).every((part) => Number(part) <= 255);
}

/** Strictly: Envoy refuses a cluster whose address is not one. */
export function isIpv6(host: string): boolean {
  const halves = host.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [index, half] of halves.entries()) {
    const parts = half === "" ? [] : half.split(":");
    for (const [at, part] of parts.entries()) {
      const isLast = index === halves.length - 1 && at === parts.length - 1;
      if (/^[0-9a-f]{1,4}$/i.test(part)) groups += 1;
      else if (isLast && isIpv4(part)) groups += 2;
      else return false;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

function parsePort(text: string): number | undefined {
  if (!/^\d{1,5}$/.test(text)) return undefined;
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : undefined;
}

/** Splits off the port. A bare IPv6 address has no port; with one it is in brackets. */
function splitPort(authority: string): { host: string; port: string | undefined } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(authority);
  if (bracketed !== null) return { host: bracketed[1] ?? "", port: bracketed[2] };
  if (isIpv6(authority)) return { host: authority, port: undefined };
  const colon = authority.indexOf(":");
  if (colon === -1) return { host: authority, port: undefined };
  return { host: authority.slice(0, colon), port: authority.slice(colon + 1) };
}

export function parseService(text: string): ParsedService {
  const scheme = /^(?:([a-z][a-z0-9+.-]*):)?\/\//i.exec(text);
  const name = scheme?.[1]?.toLowerCase();
  if (name !== undefined && name !== "http" && name !== "https") {
    return bad(text, `has the scheme ${name}://, which is not spoken`, "write http:// or https://, or no scheme");
  }
  const authority = text.slice(scheme?.[0].length ?? 0).replace(/\/$/, "");
  if (authority === "") return bad(text, "names no service");
  if (authority.includes("/")) {
    return bad(text, "has a path", "leave the path out; `rewrite` sets the path that the service sees");
  }
  if (authority.includes("@"))
    return bad(text, "holds credentials", "leave them out; use add_request_headers for an Authorization header");
  const { host: givenHost, port: givenPort } = splitPort(authority);
  const host = givenHost.toLowerCase();
  const isAddress = isIpv4(host) || isIpv6(host);
  const isHost = authority.startsWith("[") ? isIpv6(host) : isAddress || (HOST_NAME.test(host) && !host.includes(".."));
  if (!isHost) return bad(text, `has the host ${JSON.stringify(givenHost)}, which is not a host name`);
  const tls = name === "https";
  if (givenPort === undefined) return { ok: true, address: { tls, host, isAddress, port: tls ? 443 : 80 } };
  const port = parsePort(givenPort);
  if (port === undefined)
    return bad(text, `has the port ${JSON.stringify(givenPort)}`, "write a port between 1 and 65535");
  return { ok: true, address: { tls, host, isAddress, port } };
}

/** A host name as a Kubernetes Service, or undefined when its form cannot be one. */
export interface ServiceKey {
  readonly namespace: string;
  readonly name: string;
  /** Spelled so that it can be nothing but a Service: one label, or ending in .svc or .svc.cluster.local. */
  readonly certain: boolean;
}

/**
 * Which Service a host name means: `name` in the Mapping's namespace, `name.namespace`, `name.namespace.svc[.cluster.local]`.
 * @param namespace where an unqualified name is looked up
 */
export function serviceKey(host: string, namespace: string): ServiceKey | undefined {
  const labels = host.replace(/\.$/, "").split(".");
  const [name, second, third, ...rest] = labels;
  if (name === undefined || name === "") return undefined;
  if (second === undefined) return name === "localhost" ? undefined : { namespace, name, certain: true };
  if (third === undefined) return { namespace: second, name, certain: false };
  if (third !== "svc") return undefined;
  if (rest.length === 0 || rest.join(".") === "cluster.local") return { namespace: second, name, certain: true };
  return undefined;
}
