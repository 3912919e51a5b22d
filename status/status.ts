/** The status of an object as it is written: conditions, and the words that Emissary has for them. */
import { type ConditionType, conditionTypes, type Verdict } from "./conditions.ts";

/** metav1.Condition */
export interface Condition extends Verdict {
  readonly observedGeneration: number;
  readonly lastTransitionTime: string;
}

export interface Status {
  readonly conditions?: readonly Condition[];
  readonly [word: string]: unknown;
}

export interface StatusInput {
  readonly kind: string;
  readonly generation: number;
  readonly verdicts: readonly Verdict[];
  /** The object serves with TLS, if it is a Host. */
  readonly hasCertificate: boolean;
  /** As the API server has it; undefined: it has none. */
  readonly before: Fields | undefined;
  /** The CRD knows conditions. Default: it does. */
  readonly hasConditions?: boolean;
  /** RFC 3339, whole seconds. */
  readonly now: string;
}

type Fields = Readonly<Record<string, unknown>>;

/** The status that an object is to have; undefined: it has it. */
export function statusOf(input: StatusInput): Status | undefined {
  const { kind, generation, verdicts, hasCertificate, before, hasConditions = true, now } = input;
  const earlier = conditionsIn(before);
  const conditions = verdicts.map((verdict): Condition => {
    const known = earlier.get(verdict.type);
    const lastTransitionTime = known?.status === verdict.status ? known.lastTransitionTime : now;
    return { ...verdict, observedGeneration: generation, lastTransitionTime };
  });
  const words = emissaryWords(kind, conditions, hasCertificate);
  const isThere =
    (!hasConditions || conditions.every((condition) => isSame(condition, earlier.get(condition.type)))) &&
    Object.entries(words).every(([word, text]) => before?.[word] === text) &&
    oldWords(kind).every((word) => word in words || before?.[word] === undefined);
  return isThere ? undefined : { conditions, ...words };
}

/** The conditions of ours that a status holds. */
export function conditionsIn(status: Fields | undefined): ReadonlyMap<ConditionType, Condition> {
  const found = new Map<ConditionType, Condition>();
  const list = status?.["conditions"];
  for (const each of Array.isArray(list) ? (list as readonly Partial<Condition>[]) : []) {
    const type = conditionTypes.find((known) => known === each.type);
    if (type === undefined || (each.status !== "True" && each.status !== "False")) continue;
    const { status, reason = "", message = "", observedGeneration = 0, lastTransitionTime = "" } = each;
    found.set(type, { type, status, reason, message, observedGeneration, lastTransitionTime });
  }
  return found;
}

/** A number of proxies that has changed since they all had it is not told: else each start of a replica would write every object. */
function isSame(wanted: Condition, known: Condition | undefined): boolean {
  if (known === undefined || known.status !== wanted.status || known.reason !== wanted.reason) return false;
  if (known.observedGeneration !== wanted.observedGeneration) return false;
  return known.message === wanted.message || (wanted.type === "Programmed" && wanted.status === "True");
}

function oldWords(kind: string): readonly string[] {
  if (kind === "Mapping") return ["state", "reason"];
  return kind === "Host" ? ["state", "errorReason", "errorTimestamp", "tlsCertificateSource"] : [];
}

/** Emissary's status.state and status.reason of a Mapping; Edge Stack's of a Host. */
function emissaryWords(
  kind: string,
  conditions: readonly Condition[],
  hasCertificate: boolean,
): Readonly<Record<string, string>> {
  const [accepted, resolved, programmed] = conditionTypes.map((type) => conditions.find((each) => each.type === type));
  const isBad = programmed?.status === "False" && programmed.reason !== "Pending";
  const cause = [accepted, resolved, programmed].find((each) => each?.status === "False");
  if (kind === "Mapping")
    return isBad ? { state: "Inactive", reason: cause?.message ?? "" } : { state: "Running", reason: "" };
  if (kind !== "Host") return {};
  const source = { tlsCertificateSource: hasCertificate ? "Other" : "None" };
  if (!isBad) return { ...source, state: programmed?.status === "True" ? "Ready" : "Pending" };
  const since = cause?.lastTransitionTime ?? "";
  return { ...source, state: "Error", errorReason: cause?.message ?? "", errorTimestamp: since };
}
