/** What the status of an object is to say, from its problems and from what the proxies have acknowledged. */
import { formatComplaint, type Problem, type ProblemCode } from "../ir/problem.ts";
import type { Progress } from "./progress.ts";

export const conditionTypes = ["Accepted", "ResolvedRefs", "Programmed"] as const;
export type ConditionType = (typeof conditionTypes)[number];

/** A condition but for what depends on time and generation. */
export interface Verdict {
  readonly type: ConditionType;
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

export interface Judged {
  /** Of this object. */
  readonly problems: readonly Problem[];
  /** Its last good version serves in its place. */
  readonly isKept: boolean;
  readonly progress: Progress;
}

/** Of what the object names, and not of the object itself. */
const ofReferences: ReadonlySet<ProblemCode> = new Set([
  "ServiceNotFound",
  "ResolverNotFound",
  "ConsulUnavailable",
  "TlsContextNotFound",
  "TlsContextNotReady",
  "SecretNotFound",
  "InvalidSecret",
  "CertificateExpired",
  "FileUnreadable",
]);

/** Of an object beside others, which may come, change or go. */
const ofOthers: ReadonlySet<string> = new Set<ProblemCode>([
  ...["NotAttached", "NoHost", "ModuleIgnored", "PortConflict", "WeightSum"],
  ...["GroupConflict", "HostConflict", "ServiceConflict", "DuplicateObject", "InternalError"],
] as const);

/** The object says what cannot be used, and so it stays until its author changes it. Of its newest generation. */
export function isHopeless({ type, status, reason }: Pick<Verdict, "type" | "reason"> & { status: string }): boolean {
  return type === "Accepted" && status === "False" && !ofOthers.has(reason);
}

/** Warnings of objects that are right and yet serve nothing. */
const ofNoUse: ReadonlySet<ProblemCode> = new Set(["NotAttached", "NoHost", "ModuleIgnored"]);

/** The API server takes 32 KiB; people read a line or two. */
const MOST_TEXT = 2000;

/** The three conditions, in order. */
export function verdictsOf({ problems, isKept, progress }: Judged): readonly [Verdict, Verdict, Verdict] {
  // Envoy's refusals are told by the replicas, each of its own Envoy.
  const own = problems.filter(({ code }) => code !== "EnvoyRejected");
  const [ofRefs, ofItself] = [own.filter(isOfReference), own.filter((each) => !isOfReference(each))];
  const unusable = ofItself.filter(({ severity, code }) => severity === "error" || ofNoUse.has(code));
  const accepted = unusable.length > 0 ? failed("Accepted", unusable) : passed("Accepted", "Accepted", ofItself);
  const resolved = ofRefs.length > 0 ? failed("ResolvedRefs", ofRefs) : passed("ResolvedRefs", "ResolvedRefs", []);
  if (unusable.length > 0) return [accepted, resolved, unprogrammed(accepted, isKept)];
  if (ofRefs.some(({ severity }) => severity === "error")) return [accepted, resolved, unprogrammed(resolved, isKept)];
  return [accepted, resolved, programmed(progress)];
}

function isOfReference({ code }: Problem): boolean {
  return ofReferences.has(code);
}

function passed(type: ConditionType, reason: string, warnings: readonly Problem[]): Verdict {
  return { type, status: "True", reason, message: textOf(warnings) };
}

function failed(type: ConditionType, problems: readonly Problem[]): Verdict {
  // Errors first: the reason is that of the worst.
  const sorted = [...problems].sort((a, b) => Number(b.severity === "error") - Number(a.severity === "error"));
  return { type, status: "False", reason: sorted[0]?.code ?? "", message: textOf(sorted) };
}

function textOf(problems: readonly Problem[]): string {
  const text = problems.map(formatComplaint).join("\n");
  return text.length <= MOST_TEXT ? text : `${text.slice(0, MOST_TEXT - 3)}...`;
}

/** Of an object that is bad, and of which proxies have an earlier version. */
export const keptMessage = "its last good version keeps serving";

/** For the same reason, so that one word tells the cause. */
function unprogrammed({ type, reason }: Verdict, isKept: boolean): Verdict {
  const message = `${isKept ? keptMessage : "it is not served"}; see ${type}`;
  return { type: "Programmed", status: "False", reason, message };
}

/** How many names of proxies are told. */
const MOST_NAMES = 5;

function programmed({ total, having, waitingFor, refusedBy, refusal }: Progress): Verdict {
  const type = "Programmed";
  if (refusal !== undefined) {
    const message = `refused by ${refusedBy}/${total} proxies: ${refusal}`;
    return { type, status: "False", reason: "RejectedByProxy", message };
  }
  const count = `${having}/${total} proxies`;
  if (total > 0 && having === total) return { type, status: "True", reason: "Programmed", message: count };
  const names = waitingFor.slice(0, MOST_NAMES).join(", ");
  const rest = waitingFor.length > MOST_NAMES ? ` and ${waitingFor.length - MOST_NAMES} more` : "";
  const message = total === 0 ? "no proxy is ready" : `${count}; waiting for ${names}${rest}`;
  return { type, status: "False", reason: "Pending", message };
}
