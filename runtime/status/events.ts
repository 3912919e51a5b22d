import { apiVersionOf, customKinds } from "../../capabilities/kinds.ts";
import type { ConditionType } from "../../status/conditions.ts";
import type { Condition, conditionsIn } from "../../status/status.ts";
import type { Clock } from "../clock.ts";
import type { Log } from "../log.ts";
import { microTime } from "./lease.ts";
import type { Requester } from "./request.ts";

export interface Regarding {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventsOptions {
  readonly requester: Requester;
  /** Of this replica. */
  readonly instance: string;
  readonly clock: Clock;
  readonly today: () => Date;
  readonly random: () => number;
  readonly log: Log;
}

export interface Told {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly note: string;
}

type Conditions = ReturnType<typeof conditionsIn>;

/** A cluster-wide mistake, such as a Secret that is gone, must not fill the API server. */
const BURST = 25;
const PER_SECOND = 1;

/** The API server's limit is 1024. */
const MOST_NOTE = 1000;

/** What is worth an Event: an object that turned bad, was refused by Envoy, or is well again. A new object that is well is none. */
export function transitions(before: Conditions, now: readonly Condition[]): readonly Told[] {
  const found: Told[] = [];
  const of = (type: ConditionType) => now.find((each) => each.type === type);
  for (const type of ["Accepted", "ResolvedRefs"] as const) {
    const [was, is] = [before.get(type), of(type)];
    if (is?.status === "False" && !(was?.status === "False" && was.reason === is.reason))
      found.push({ type: "Warning", reason: is.reason, note: is.message });
    if (is?.status === "True" && was?.status === "False")
      found.push({ type: "Normal", reason: type, note: `is well again: ${was.reason} is solved` });
  }
  const [was, is] = [before.get("Programmed"), of("Programmed")];
  if (is?.reason === "RejectedByProxy" && was?.reason !== is.reason)
    found.push({ type: "Warning", reason: is.reason, note: is.message });
  if (is?.status === "True" && was?.reason === "RejectedByProxy")
    found.push({ type: "Normal", reason: "Programmed", note: is.message });
  return found;
}

/** Events of events.k8s.io/v1, which kubectl shows with the object. They are of no consequence: one that cannot be written is dropped. */
export function eventWriter(options: EventsOptions): (object: Regarding, told: Told) => void {
  const { requester, clock, log } = options;
  let tokens = BURST;
  let countedAtMs = clock.now();
  let isSaid = false;

  async function write(object: Regarding, { type, reason, note }: Told): Promise<void> {
    const { kind, namespace, name, uid } = object;
    const row = customKinds.find((each) => each.kind === kind);
    if (row === undefined) return;
    const suffix = Math.floor(options.random() * 2 ** 48).toString(16);
    const body = {
      apiVersion: "events.k8s.io/v1",
      kind: "Event",
      metadata: { name: `${name.slice(0, 200)}.${suffix}`, namespace },
      eventTime: microTime(options.today()),
      type,
      reason,
      action: "Judged",
      note: note.slice(0, MOST_NOTE),
      regarding: { apiVersion: apiVersionOf(row), kind, namespace, name, uid },
      reportingController: "nuncio",
      reportingInstance: options.instance,
    };
    const path = `/apis/events.k8s.io/v1/namespaces/${encodeURIComponent(namespace)}/events`;
    const reply = await requester.send({ method: "POST", path, body });
    if (reply.code > 0 && reply.code < 300) return;
    if (!isSaid) log.warn(`Events cannot be written: ${reply.message}`);
    isSaid = true;
  }

  return (object, told) => {
    const now = clock.now();
    tokens = Math.min(BURST, tokens + ((now - countedAtMs) / 1000) * PER_SECOND);
    countedAtMs = now;
    if (tokens < 1) return;
    tokens--;
    void write(object, told);
  };
}
