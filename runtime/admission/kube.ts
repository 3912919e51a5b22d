/** Reads and writes of single objects in the API server, with the identity of a KubeConfig. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { KubeConfig } from "@kubernetes/client-node";

export interface KubeRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
  /** Of a PATCH: merge (default), or a list of operations. */
  readonly patch?: "merge" | "json";
  readonly accept?: string;
  readonly signal: AbortSignal;
}

export interface KubeAnswer {
  readonly status: number;
  /** Undefined when it is no JSON. */
  readonly body: unknown;
}

export type Kube = (request: KubeRequest) => Promise<KubeAnswer>;

const ANSWER_WITHIN_MS = 10_000;

/** Rejects when no answer comes; an answer of any status resolves. */
export function createKube(kubeConfig: KubeConfig): Kube {
  const server = (kubeConfig.getCurrentCluster()?.server ?? "").replace(/\/+$/, "");
  const send = server.startsWith("https:") ? httpsRequest : httpRequest;
  return async ({ method, path, body, patch = "merge", accept = "application/json", signal }) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    const type =
      method === "PATCH" ? `application/${patch === "json" ? "json" : "merge"}-patch+json` : "application/json";
    const options: RequestOptions = {
      headers: {
        accept,
        "user-agent": "nuncio",
        ...(text === undefined ? {} : { "content-type": type, "content-length": Buffer.byteLength(text) }),
      },
    };
    await kubeConfig.applyToHTTPSOptions(options);
    return new Promise((resolve, reject) => {
      const sent = send(new URL(server + path), { ...options, method, signal }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: parsed(Buffer.concat(chunks).toString("utf8")) }),
        );
      });
      sent.setTimeout(ANSWER_WITHIN_MS, () => sent.destroy(new Error(`no answer within ${ANSWER_WITHIN_MS / 1000} s`)));
      sent.on("error", reject);
      sent.end(text);
    });
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function isFields(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value at a path of names and indexes; undefined where there is none. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((now, step) => {
    if (Array.isArray(now)) return typeof step === "number" ? (now as readonly unknown[])[step] : undefined;
    return isFields(now) ? now[step] : undefined;
  }, value);
}

/** What went wrong, in the API server's words. */
export function refusalOf({ status, body }: KubeAnswer): string {
  const message = at(body, "message");
  return typeof message === "string" ? message : `the API server answered ${status}`;
}
