import type { Judged } from "../../compile/last-good.ts";
import { type DiagnosedGateway, type Diagnostics, diagnosticsOf, isShownToOthers } from "../../insight/diagnostics.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Settings } from "../settings.ts";
import { htmlOf } from "./html.ts";

export interface PageAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

/** `/ambassador/v0/diag/`: what is in force, for whoever may see it. */
export interface DiagnosticsPage {
  judged(judged: Judged): void;
  /** All that stand now. */
  told(problems: readonly Problem[]): void;
  answer(query: URLSearchParams): PageAnswer;
}

const plain = "text/plain; charset=utf-8";

const hidden = `The diagnostics are not shown here: whoever reaches this port would see every route.
Set diagnostics.allow_non_local: true in the Module ambassador to show them on this port,
or diagnostics.enabled: true to show them through the gateway's Listeners too.
`;

/** @param now milliseconds since 1970 */
export function diagnosticsPage(
  settings: Settings,
  version: string,
  isReady: () => boolean,
  now: () => number = Date.now,
): DiagnosticsPage {
  const hostname = settings.nodeId;
  const bootMs = now();
  let latest: { readonly judged: Judged; readonly atMs: number } | undefined;
  let problems: readonly Problem[] = [];

  const gateway = (atMs: number): DiagnosedGateway => ({
    version,
    hostname,
    ambassadorId: settings.ambassadorId,
    namespace: settings.namespace,
    singleNamespace: settings.singleNamespace,
    knative: settings.knative,
    statsd: settings.statsd !== undefined,
    bootTime: new Date(bootMs),
    uptimeMs: now() - bootMs,
    isReady: isReady(),
    sinceUpdateMs: now() - atMs,
  });

  return {
    judged: (judged) => (latest = { judged, atMs: now() }),
    told: (all) => (problems = all),
    answer(query) {
      if (latest === undefined)
        return { status: 503, contentType: plain, body: "the configuration has not been read yet\n" };
      const { judged, atMs } = latest;
      // Not by who asks: what Envoy hands on comes from this machine too.
      if (!isLoopback(settings.adminAddress) && !isShownToOthers(judged.effective))
        return { status: 403, contentType: plain, body: hidden };
      if (query.has("loglevel"))
        return { status: 400, contentType: plain, body: "nothing is changed here; see --log-level of nuncio run\n" };
      const diagnostics = diagnosticsOf(judged.compiled, problems, gateway(atMs));
      return query.get("json") === null ? page(diagnostics) : json(diagnostics, query.get("filter"));
    },
  };

  function page(diagnostics: Diagnostics): PageAnswer {
    const facts = [
      ["version", version],
      ["ambassador_id", settings.ambassadorId],
      ["host", hostname],
      ["state", isReady() ? "ready" : "not ready"],
    ] as const;
    return {
      status: 200,
      contentType: "text/html; charset=utf-8",
      body: htmlOf(diagnostics, { title: "Nuncio: diagnostics", facts }),
    };
  }
}

/** With `filter` one of its keys alone, as in Emissary. */
function json(diagnostics: Diagnostics, filter: string | null): PageAnswer {
  if (filter !== null && !Object.hasOwn(diagnostics, filter)) {
    const body = `there is no ${JSON.stringify(filter)}; there are ${Object.keys(diagnostics).join(", ")}\n`;
    return { status: 404, contentType: plain, body };
  }
  const value = filter === null ? diagnostics : { [filter]: diagnostics[filter] };
  return { status: 200, contentType: "application/json", body: `${JSON.stringify(value)}\n` };
}

function isLoopback(address: string): boolean {
  return address.startsWith("127.") || address === "::1";
}
