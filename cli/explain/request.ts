import type { Request } from "../../insight/match/match.ts";
import { FatalError } from "../../runtime/fatal.ts";
import { exitCodes } from "../output/exit-codes.ts";

export interface RequestFlags {
  readonly header: readonly string[];
  readonly port?: string | undefined;
  readonly sni?: string | undefined;
  readonly clientIp?: string | undefined;
  readonly random?: string | undefined;
}

function refuse(message: string): never {
  throw new FatalError(message, exitCodes.usage);
}

/** RFC 9110, tokens. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A request as it is typed. @throws FatalError with what to write instead */
export function readRequest(method: string, url: string, flags: RequestFlags): Request {
  if (/^https?:\/\//i.test(method))
    refuse(`${JSON.stringify(method)} is no method; write nuncio explain GET ${method}`);
  if (!TOKEN.test(method)) refuse(`${JSON.stringify(method)} is no method; write GET, POST or another one`);
  const { scheme, authority, path } = readUrl(url);
  const headers = flags.header.map(readHeader);
  const host = headers.find(([name]) => name.toLowerCase() === "host");
  return {
    // Methods are told apart by case, and nobody means "get".
    method: /^[a-z]+$/.test(method) ? method.toUpperCase() : method,
    scheme,
    authority: host?.[1] ?? authority,
    path,
    headers: headers.filter((header) => header !== host),
    ...(flags.sni === undefined && host !== undefined
      ? { serverName: serverNameOf(authority) }
      : { serverName: flags.sni }),
    port: flags.port === undefined ? undefined : readNumber("--port", flags.port, 1, 65535),
    random: flags.random === undefined ? undefined : readNumber("--random", flags.random, 0, 99),
    client: flags.clientIp,
  };
}

/** With a Host header of its own a client still asks for the server that it connects to. */
function serverNameOf(authority: string): string | undefined {
  const name = authority.replace(/:\d*$/, "");
  return /^[\d.]+$|^\[/.test(name) ? "" : name;
}

/** As it stands: what a URL parser would make of dots and escapes is for the gateway to make of them. */
function readUrl(url: string): Pick<Request, "authority" | "path"> & { readonly scheme: "http" | "https" } {
  const [, scheme = "", rest = ""] = /^(https?):\/\/(.*)$/is.exec(url) ?? [];
  if (scheme === "") {
    const [, other] = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url) ?? [];
    if (other !== undefined)
      refuse(`${JSON.stringify(url)}: the scheme ${other} is not served; write http:// or https://`);
    refuse(`${JSON.stringify(url)} has no scheme; write http:// or https:// before it`);
  }
  const [, authority = "", target = ""] = /^([^/?#]*)([^#]*)/.exec(rest) ?? [];
  if (authority === "") refuse(`${JSON.stringify(url)} names no host`);
  if (authority.includes("@")) refuse(`${JSON.stringify(url)} has a user in it; write -H 'authorization: ...' instead`);
  if (!/^(\[[0-9a-f:.]+\]|[^:\s]+)(:\d+)?$/i.test(authority))
    refuse(`${JSON.stringify(authority)} is no host name, nor one with a port`);
  const path = target.startsWith("/") ? target : `/${target}`;
  // As browsers do.
  const escaped = path.replace(/[^\x21-\x7e]+/g, (text) => encodeURIComponent(text));
  return { scheme: scheme.toLowerCase() === "https" ? "https" : "http", authority, path: escaped };
}

function readHeader(line: string): readonly [string, string] {
  const [, name = "", value = ""] = /^([^:]*):(.*)$/s.exec(line) ?? [];
  if (!TOKEN.test(name)) refuse(`${JSON.stringify(line)} is no header; write -H 'name: value'`);
  if (/[\0\r\n]/.test(value)) refuse(`${JSON.stringify(line)} has a line break; write one header in each -H`);
  return [name, value.trim()];
}

function readNumber(flag: string, text: string, least: number, most: number): number {
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > most)
    refuse(`${flag} ${text}: write a number from ${least} to ${most}`);
  return number;
}
