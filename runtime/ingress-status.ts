import type { IngressResource, Resources } from "../crds/resources.ts";
import { sameElements } from "../ir/memo.ts";
import { keyOf } from "../ir/resource.ts";
import {
  type GatewayOf,
  gatewayIngresses,
  gatewayService,
  type StatusChange,
  statusChanges,
} from "../sources/ingress/status.ts";
import { type Clock, sleep } from "./clock.ts";
import { errorText } from "./fatal.ts";
import { type Api, readText } from "./informers/api.ts";
import { parseJson, readStatus } from "./informers/raw.ts";
import type { Log } from "./log.ts";
import type { Election } from "./status/election.ts";

export interface IngressStatusOptions {
  readonly api: Pick<Api, "patch">;
  readonly gateway: GatewayOf;
  readonly resources: () => Resources;
  readonly election: Pick<Election, "elected" | "onChange">;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly timing?: { readonly pauseMs: number; readonly retryMs: number };
}

/** A single request is let wait as long as that. */
const ANSWER_MS = 10_000;

/** Pause: should another controller write something else into the same status, this is as often as we answer. */
const usualTiming = { pauseMs: 1000, retryMs: 5000 };

/**
 * Copies the status of the gateway's Service to Ingresses, in the elected replica.
 * @returns to be called when Ingresses, IngressClasses or Services may have changed
 */
export function ingressStatus(options: IngressStatusOptions): () => void {
  const { gateway, resources, election, log, clock, signal, timing = usualTiming } = options;
  /** Ingresses in the version that was patched: until the watch brings the next one, nothing is to be done. */
  const patched = new WeakSet<IngressResource>();
  let seen: readonly unknown[] = [];
  let isDue = false;
  let running = false;
  let lastSaid = "";

  function say(text: string): void {
    if (text !== lastSaid && text !== "") log.warn(text);
    lastSaid = text;
  }

  function due(): readonly StatusChange[] {
    const current = resources();
    const ours = gatewayIngresses(current, gateway.ambassadorId);
    const service = gatewayService(current.services, gateway);
    if (ours.length > 0 && service === undefined)
      say(
        gateway.service === undefined
          ? `the status of Ingresses is not written: no Service in the namespace ${gateway.ownNamespace} has the label app.kubernetes.io/component=ambassador-service; name the gateway's Service by NUNCIO_SERVICE`
          : `the status of Ingresses is not written: there is no Service ${gateway.service}, which NUNCIO_SERVICE names`,
      );
    if (!election.elected()) return [];
    return statusChanges(ours, service).filter(({ ingress }) => !patched.has(ingress));
  }

  /** @returns why it could not be written */
  async function write({ ingress, loadBalancer }: StatusChange): Promise<string | undefined> {
    const { namespace, name } = ingress;
    const at = `namespaces/${encodeURIComponent(namespace)}/ingresses/${encodeURIComponent(name)}`;
    const body = { status: { loadBalancer: { ingress: loadBalancer.length === 0 ? null : loadBalancer } } };
    try {
      const response = await options.api.patch(
        `/apis/networking.k8s.io/v1/${at}/status?fieldManager=nuncio`,
        // Not into the successor of an Ingress that was removed.
        ingress.uid === "" ? body : { metadata: { uid: ingress.uid }, ...body },
        { signal, answerWithinMs: ANSWER_MS },
      );
      const text = await readText(response);
      const code = response.statusCode ?? 0;
      // Gone, or another one by now.
      if (code !== 200 && code !== 404 && code !== 409) {
        const { message } = readStatus(parseJson(text));
        return `the status of the Ingress ${keyOf(ingress)} cannot be written: ${message === "" ? `the API server answered ${code}` : message}`;
      }
      patched.add(ingress);
      if (code === 200) log.debug("wrote the status of an Ingress", { ingress: keyOf(ingress) });
      return undefined;
    } catch (error) {
      return `the status of Ingresses cannot be written: ${errorText(error)}`;
    }
  }

  async function run(): Promise<void> {
    running = true;
    while (isDue && !signal.aborted) {
      isDue = false;
      let failure: string | undefined;
      const changes = due();
      for (const change of changes) {
        if (signal.aborted) break;
        failure = await write(change);
        // What fails for one, a right that lacks or a server that is away, mostly fails for all.
        if (failure !== undefined) break;
      }
      if (signal.aborted) break;
      if (failure !== undefined) {
        say(failure);
        isDue = true;
      } else if (changes.length > 0) lastSaid = "";
      if (failure !== undefined || changes.length > 0)
        await sleep(clock, failure === undefined ? timing.pauseMs : timing.retryMs, signal);
    }
    running = false;
  }

  function review(): void {
    isDue = true;
    if (!running) void run();
  }

  election.onChange(() => {
    // Before that it is not known what there is.
    if (seen.length > 0) review();
  });
  return () => {
    const { ingresses, ingressClasses, services } = resources();
    const now = [ingresses, ingressClasses, services];
    if (sameElements(seen, now)) return;
    seen = now;
    review();
  };
}
