import type { KnativeIngressResource, Resources } from "../crds/resources.ts";
import type { Problem } from "../ir/problem.ts";
import { hasError, keyOf } from "../ir/resource.ts";
import { type GatewayOf, gatewayService } from "../sources/ingress/status.ts";
import { isOurs } from "../sources/knative/knative.ts";
import { type KnativeStatus, statusOf } from "../sources/knative/status.ts";
import { type Clock, sleep } from "./clock.ts";
import { errorText } from "./fatal.ts";
import { type Api, readText } from "./informers/api.ts";
import { parseJson, readStatus } from "./informers/raw.ts";
import type { Log } from "./log.ts";
import type { Election } from "./status/election.ts";

export interface KnativeStatusOptions {
  readonly api: Pick<Api, "patch">;
  readonly gateway: GatewayOf;
  readonly election: Pick<Election, "elected" | "onChange">;
  readonly log: Log;
  readonly clock: Clock;
  /** For lastTransitionTime. */
  readonly today: () => Date;
  readonly signal: AbortSignal;
}

interface Live {
  readonly resources: Pick<Resources, "knativeIngresses" | "services">;
  readonly problems: readonly Problem[];
}

const ANSWER_MS = 10_000;
const RETRY_MS = 5000;

/**
 * Writes the status of Knative's Ingresses, in the elected replica.
 * @returns to be called with what Envoy has acknowledged: an Ingress is ready when requests get there
 */
export function knativeStatus(options: KnativeStatusOptions): (live: Live) => void {
  const { api, gateway, election, log, clock, signal } = options;
  const patched = new WeakMap<KnativeIngressResource, string>();
  let live: Live | undefined;
  let isDue = false;
  let running = false;
  let lastSaid = "";

  const say = (text: string): void => {
    if (text !== lastSaid) log.warn(text);
    lastSaid = text;
  };

  function due({ resources, problems }: Live): readonly (readonly [KnativeIngressResource, KnativeStatus])[] {
    const service = gatewayService(resources.services, gateway);
    const ours = resources.knativeIngresses.filter((each) => isOurs(each, gateway.ambassadorId) && each.uid !== "");
    if (ours.length > 0 && service === undefined)
      say("Knative is not told where the gateway is: name the gateway's Service by NUNCIO_SERVICE");
    if (!election.elected()) return [];
    const errors = problems.filter(({ severity, object }) => severity === "error" && object.kind === "KnativeIngress");
    return ours.flatMap((ingress) => {
      if (hasError(ingress)) return [];
      const status = statusOf(ingress, {
        problem: errors.find(({ object }) => keyOf(object) === keyOf(ingress)),
        domainInternal: service === undefined ? undefined : `${service.name}.${service.namespace}.svc.cluster.local`,
        now: options.today().toISOString(),
      });
      // Until the watch brings the next version, nothing is to be done.
      return status === undefined || patched.get(ingress) === textOf(status) ? [] : [[ingress, status] as const];
    });
  }

  /** @returns why it could not be written */
  async function write(ingress: KnativeIngressResource, status: KnativeStatus): Promise<string | undefined> {
    const { namespace, name, uid } = ingress;
    const at = `namespaces/${encodeURIComponent(namespace)}/ingresses/${encodeURIComponent(name)}`;
    try {
      const response = await api.patch(
        `/apis/networking.internal.knative.dev/v1alpha1/${at}/status?fieldManager=nuncio`,
        { metadata: { uid }, status },
        { signal, answerWithinMs: ANSWER_MS },
      );
      const text = await readText(response);
      const code = response.statusCode ?? 0;
      if (code !== 200 && code !== 404 && code !== 409) {
        const { message } = readStatus(parseJson(text));
        return `the status of Knative's Ingress ${keyOf(ingress)} cannot be written: ${message === "" ? `the API server answered ${code}` : message}`;
      }
      patched.set(ingress, textOf(status));
      return undefined;
    } catch (error) {
      return `the status of Knative's Ingresses cannot be written: ${errorText(error)}`;
    }
  }

  async function run(): Promise<void> {
    running = true;
    while (isDue && live !== undefined && !signal.aborted) {
      isDue = false;
      for (const [ingress, status] of due(live)) {
        const failure = signal.aborted ? undefined : await write(ingress, status);
        if (failure === undefined) continue;
        say(failure);
        isDue = true;
        await sleep(clock, RETRY_MS, signal);
        break;
      }
    }
    running = false;
  }

  function review(): void {
    isDue = true;
    if (!running) void run();
  }

  election.onChange(review);
  return (now) => {
    live = now;
    review();
  };
}

/** Without times, which differ from one look to the next. */
function textOf(status: KnativeStatus): string {
  return JSON.stringify(status, (key, value: unknown) => (key === "lastTransitionTime" ? undefined : value));
}
