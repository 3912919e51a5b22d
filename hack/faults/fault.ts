/** One thing that goes wrong under load, and what came of it. */
import type { GatewayOptions } from "../../test/e2e/support/gateway.ts";
import type { Load } from "../../test/e2e/support/load.ts";
import type { Ground } from "./ground.ts";

/** short: as in `npm test`. long: as by `npm run faults`. */
export type Form = "short" | "long";

export interface Happening {
  /** That it did happen, in words and figures of this run. */
  readonly proof: string;
  /** Which failures are those that nobody can spare the client. Default: none. */
  readonly excused?: (failure: string) => boolean;
}

export interface Fault {
  /** `etcd-restarted` */
  readonly name: string;
  /** `npm test` runs its short form. What other tests show, or what takes long or a whole disk, is for the command alone. */
  readonly inTests: boolean;
  /** It needs a gateway that is started so, and has it for itself. */
  readonly alone?: { readonly options: () => Partial<GatewayOptions>; readonly tidy: () => void };
  /** Has it happen, and throws where it does not. Resolves at the moment from which changes are to land again. */
  readonly run: (ground: Ground, options: { readonly form: Form; readonly load: Load }) => Promise<Happening>;
}

export interface Outcome {
  readonly fault: string;
  readonly happened: string;
  readonly requests: number;
  /** A status or an error code, and when. */
  readonly lost: readonly string[];
  /** Failures that the fault itself explains: on connections that ended with their process. */
  readonly excused: number;
  readonly slowestMs: number;
  /** From the end of the fault until a change made then was live. */
  readonly landsAfterMs: number;
}

export async function runFault(ground: Ground, { name, run }: Fault, form: Form): Promise<Outcome> {
  const load = ground.startLoad();
  try {
    await load.more(100);
    const { proof, excused = () => false } = await run(ground, { form, load });
    const landsAfterMs = await ground.land();
    await load.more(100);
    const { sent, failures, longestMs } = await load.stop();
    const lost = failures.filter((failure) => !excused(failure));
    return {
      fault: name,
      happened: proof,
      requests: sent,
      lost,
      excused: failures.length - lost.length,
      slowestMs: longestMs,
      landsAfterMs,
    };
  } finally {
    await load.stop();
  }
}
