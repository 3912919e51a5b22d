/** What a real Envoy does with a request, and what a plan says of it, in the same words. */
import { type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from "node:http";
import https from "node:https";
import type { Answer } from "../../insight/plan/answer.ts";
import type { Request } from "../../insight/match/match.ts";
import type { Echo } from "../support/gateway.ts";
import { ROUTE_HEADER } from "./observed-envoy.ts";

export interface Observation {
  /** `default/a -> 127.0.0.1:9001`, `default/a authorized -> ...`, `default/a 301`, `404`, `closed`. */
  readonly text: string;
  /** What the backend saw, or where a redirect leads. */
  readonly detail: string;
  /** The server's name, by which a configuration is known. */
  readonly server: string;
}

/** The header that the authorization service adds. */
export const AUTHORIZED = "x-authorized";

/** Sends a request as a client would that has no certificate. */
export function observe(request: Request, backendAt: (name: string) => string): Promise<Observation> {
  const { method, scheme, authority, path, headers, port } = request;
  const lines = [["host", authority], ...headers].flat();
  const host = authority.replace(/:\d+$/, "");
  const options = { host: "127.0.0.1", port, path, method, headers: lines, agent: false } as const;
  return new Promise((done) => {
    const onResponse = (response: IncomingMessage) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => done(observationOf(response.statusCode ?? 0, response.headers, body, backendAt)));
    };
    const sent =
      scheme === "https"
        ? https.request({ ...options, servername: host, rejectUnauthorized: false }, onResponse)
        : httpRequest(options, onResponse);
    sent.on("error", () => done({ text: "closed", detail: "", server: "" }));
    sent.end();
  });
}

function observationOf(
  status: number,
  headers: IncomingHttpHeaders,
  body: string,
  backendAt: (name: string) => string,
): Observation {
  const route = headers[ROUTE_HEADER];
  const server = String(headers["server"]);
  if (typeof route !== "string" || status === 400) return { text: `${status}`, detail: "", server };
  if (status === 200) {
    const echo = JSON.parse(body) as Echo;
    const authorized = echo.headers[AUTHORIZED] === undefined ? "" : " authorized";
    const text = `${route}${authorized} -> ${backendAt(echo.backend)}`;
    return { text, detail: `${echo.headers["host"]} ${echo.url}`, server };
  }
  return { text: `${route} ${status}`, detail: headers.location ?? "", server };
}

/** All that may be observed where a plan gives this answer: one thing, unless weights leave it to chance. */
export function observationsOf({ shares, lostPercent, nobody, clientCertificate }: Answer): readonly string[] {
  if (nobody !== undefined) return [nobody.startsWith("no ") ? "closed" : (nobody.split(",")[0] as string)];
  if (clientCertificate === "required") return ["closed"];
  const taken = shares.map(({ route, cluster, auth }) => {
    if (route.action.kind === "redirect") return `${route.name} ${route.action.code}`;
    const { address, port } = cluster?.endpoints as { address: string; port: number };
    return `${route.name}${auth.kind === "asked" ? " authorized" : ""} -> ${address}:${port}`;
  });
  return lostPercent === 0 ? taken : [...taken, "404"];
}
