/** Manifests compiled, and explanations of requests to them. */
import { compile, type Compiled } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { explain, type Explanation } from "../../insight/explain.ts";
import type { Place } from "../../insight/explain/types.ts";
import type { Request } from "../../insight/match/match.ts";
import { formatObject } from "../../ir/problem.ts";
import { listenerAndHost } from "../support/gateway.ts";

export const service = "http://127.0.0.1:9001";

export function compiled(...manifests: readonly string[]): Compiled {
  const { resources } = manifestReader()(new Map([["test.yaml", { kind: "text", text: manifests.join("---\n") }]]));
  return compile(resources, {
    ambassadorId: "default",
    ownNamespace: "default",
    bindAddress: "0.0.0.0",
    inCluster: false,
  });
}

export const get = (url: string, more: Partial<Request> = {}): Request => {
  const [, scheme = "", authority = "", path = ""] = /^(https?):\/\/([^/]*)(.*)$/.exec(url) ?? [];
  return { method: "GET", scheme: scheme as "http", authority, path, headers: [], ...more };
};

/** With a cleartext Listener and a Host for all names. */
export function explained(url: string, manifests: readonly string[], more?: Partial<Request>): Explanation {
  return explain(compiled(listenerAndHost(8080), ...manifests), get(url, more));
}

export const placeText = (place: Place | undefined) =>
  place === undefined ? "default" : `${formatObject(place.object)} ${place.path}`.trim();
