import { apiVersionOf, customKinds } from "../../capabilities/kinds.ts";
import { isFields } from "../../crds/metadata.ts";
import type { AnyResource } from "../../crds/resources.ts";
import { keyOf } from "../../ir/resource.ts";
import type { Status } from "../../status/status.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import type { Reply, Requester } from "./request.ts";

export type Outcome =
  | { readonly kind: "written"; readonly uid: string; readonly resourceVersion: string; readonly status: string }
  /** The object is gone, or another one, or its kind has no status: there is nothing to be done. */
  | { readonly kind: "nothing" }
  | { readonly kind: "later"; readonly delayMs: number }
  /** The API server is away or overloaded: all are to wait. */
  | { readonly kind: "rest"; readonly delayMs: number };

export interface WriterOptions {
  readonly requester: Requester;
  readonly clock: Clock;
  readonly log: Log;
}

/** How long a kind is left alone whose status cannot be written. */
const KIND_REST_MS = 60_000;
const CONFLICT_MS = 1000;
const INVALID_MS = 60_000;
const backOff = { minMs: 500, maxMs: 30_000 };
const fieldManager = "nuncio";

const rows = new Map<string, (typeof customKinds)[number]>(customKinds.map((row) => [row.kind, row]));

/** Writes the status of one object, by server-side apply: what it said before and does not say any more goes. */
export function statusWriter({ requester, clock, log }: WriterOptions) {
  const restUntilMs = new Map<string, number>();
  /** Kinds whose CRD has a status without conditions: Emissary's Host. */
  const withoutConditions = new Set<string>();
  const said = new Set<string>();
  let failures = 0;

  function say(text: string): void {
    if (!said.has(text)) log.warn(text);
    said.add(text);
  }

  function restKind(kind: string, why: string): Outcome {
    say(why);
    restUntilMs.set(kind, clock.now() + KIND_REST_MS);
    return { kind: "later", delayMs: KIND_REST_MS };
  }

  function judge({ kind, namespace, name }: AnyResource, reply: Reply, isBare: boolean): Outcome {
    const row = rows.get(kind);
    const resource = `${row?.plural}.${row?.group}`;
    const { code, message } = reply;
    if (code === 0 || code === 429 || code >= 502 || code === 500) {
      if (code === 500 && /not declared in schema/.test(message)) return undeclared(kind, resource, isBare);
      const delayMs = Math.max(reply.retryAfterMs, Math.min(backOff.maxMs, backOff.minMs * 2 ** failures));
      failures = Math.min(failures + 1, 10);
      say(`status cannot be written: ${message}`);
      return { kind: "rest", delayMs };
    }
    failures = 0;
    if (code === 401 || code === 403)
      return restKind(
        kind,
        `the status of ${resource} is not written: the right to patch ${row?.plural}/status of the API group ${row?.group} is missing (${message})`,
      );
    if (code === 409) return { kind: "later", delayMs: CONFLICT_MS };
    if (/not declared in schema/.test(message)) return undeclared(kind, resource, isBare);
    say(`the status of ${kind} ${keyOf({ namespace, name })} is not taken: ${message}`);
    return { kind: "later", delayMs: INVALID_MS };
  }

  /** The API server says the same of an object that is gone and of a kind without a status. */
  async function missing({ kind }: AnyResource, path: string): Promise<Outcome> {
    if ((await requester.get(path)).code !== 200) return { kind: "nothing" };
    const row = rows.get(kind);
    return restKind(
      kind,
      `the status of ${row?.plural}.${row?.group} is not written: its CRD has no status subresource; apply Nuncio's`,
    );
  }

  function undeclared(kind: string, resource: string, isBare: boolean): Outcome {
    if (isBare)
      return restKind(
        kind,
        `the status of ${resource} is not written: its CRD knows none of its fields; apply Nuncio's`,
      );
    withoutConditions.add(kind);
    say(`the status of ${resource} has no conditions: its CRD does not know them; apply Nuncio's`);
    return { kind: "later", delayMs: 0 };
  }

  return {
    async write(resource: AnyResource, { conditions, ...words }: Status): Promise<Outcome> {
      const { kind, namespace, name, uid } = resource;
      const row = rows.get(kind);
      if (row === undefined) return { kind: "nothing" };
      const restMs = (restUntilMs.get(kind) ?? 0) - clock.now();
      if (restMs > 0) return { kind: "later", delayMs: restMs };
      const isBare = withoutConditions.has(kind);
      if (isBare && Object.keys(words).length === 0) return { kind: "nothing" };
      const status = isBare ? words : { conditions, ...words };
      // Not into the successor of an object that was removed.
      const metadata = { name, namespace, uid };
      const at = `namespaces/${encodeURIComponent(namespace)}/${row.plural}/${encodeURIComponent(name)}`;
      const path = `/apis/${apiVersionOf(row)}/${at}`;
      const reply = await requester.send({
        method: "PATCH",
        path: `${path}/status?fieldManager=${fieldManager}&force=true`,
        contentType: "application/apply-patch+yaml",
        body: { apiVersion: apiVersionOf(row), kind, metadata, status },
      });
      if (reply.code === 404) return missing(resource, path);
      if (reply.code !== 200 && reply.code !== 201) return judge(resource, reply, isBare);
      failures = 0;
      const got = isFields(reply.object) ? reply.object : {};
      const meta = isFields(got["metadata"]) ? got["metadata"] : {};
      const resourceVersion = String(meta["resourceVersion"]);
      return { kind: "written", uid, resourceVersion, status: JSON.stringify(got["status"] ?? {}) };
    },
    /** Whether nothing would come of writing the kind's status just now. */
    rests: (kind: string): boolean => (restUntilMs.get(kind) ?? 0) > clock.now(),
    hasConditions: (kind: string): boolean => !withoutConditions.has(kind),
  };
}

export type StatusWriter = ReturnType<typeof statusWriter>;
