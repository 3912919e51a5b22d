/** What a change does, told before it lands: from a compile without it and one with it. */
import type { Compiled } from "../../compile/compile.ts";
import { formatProblem, type Problem } from "../../ir/problem.ts";
import type { Cluster, HttpFilter, Listener, TcpChain } from "../../ir/types.ts";
import {
  type Changes,
  filterChanges,
  listChanges,
  mapChanges,
  tcpChainChanges,
  type VirtualHostChange,
  virtualHostChanges,
} from "./changes.ts";
import { type Drain, drainsOf } from "./drains.ts";
import { type Finding, findingsOf, type UnderReview } from "./findings.ts";
import { askRequests, type RequestChange } from "./requests.ts";

export interface Plan {
  readonly listeners: Changes<Listener>;
  readonly virtualHosts: readonly VirtualHostChange[];
  readonly clusters: Changes<Cluster>;
  /** By name. */
  readonly secrets: Changes<string>;
  readonly filters: Changes<HttpFilter>;
  /** Connections that are handed on as they are. */
  readonly tcp: Changes<{ readonly listener: Listener; readonly chain: TcpChain }>;
  readonly drains: readonly Drain[];
  /** Requests that are answered otherwise than before. */
  readonly requests: readonly RequestChange[];
  /** Routes whose requests were not asked, because there were more than the limit. */
  readonly unasked: number;
  readonly problems: { readonly added: readonly Problem[]; readonly gone: readonly Problem[] };
  readonly findings: readonly Finding[];
}

export type Judged = Pick<Compiled, "ir" | "snapshot" | "problems" | "origins">;

export interface PlanOptions extends UnderReview {
  /** So many requests are asked at most. */
  readonly limit: number;
}

type Effects = Pick<Plan, "virtualHosts" | "filters" | "drains" | "requests" | "unasked" | "findings">;

/** Both of one compiler, whose results share what they have in common: what differs is found at no cost of all the rest. */
export function effectsOf(before: Judged, after: Judged, { limit, ...review }: PlanOptions): Effects {
  const [was, is] = [before.ir, after.ir];
  const virtualHosts = virtualHostChanges(was, is);
  const filters = filterChanges(was, is);
  const asked = askRequests({ before: was, after: is, virtualHosts, filters, limit });
  const drains = drainsOf(before.snapshot.listener, after.snapshot.listener);
  const findings = findingsOf(asked, drains, { before: was, origins: after.origins }, review);
  return { virtualHosts, filters, drains, requests: asked.changes, unasked: asked.unasked, findings };
}

/** As `effectsOf`, with all else that differs. */
export function planOf(before: Judged, after: Judged, options: PlanOptions): Plan {
  const [was, is] = [before.ir, after.ir];
  return {
    ...effectsOf(before, after, options),
    listeners: listChanges(was.listeners, is.listeners, ({ name }) => name),
    clusters: mapChanges(was.clusters, is.clusters),
    secrets: secretChanges(before, after),
    tcp: tcpChainChanges(was, is),
    problems: problemChanges(before.problems, after.problems),
  };
}

/** The content of a secret is compared by its version, and told nowhere. */
function secretChanges(before: Judged, after: Judged): Changes<string> {
  const { added, changed, removed } = mapChanges(
    before.snapshot.secret,
    after.snapshot.secret,
    (a, b) => a.version === b.version,
  );
  return {
    added: added.map(({ name }) => name),
    changed: changed.map(({ before: { name } }) => ({ before: name, after: name })),
    removed: removed.map(({ name }) => name),
  };
}

function problemChanges(before: readonly Problem[], after: readonly Problem[]): Plan["problems"] {
  const textsOf = (problems: readonly Problem[]) => new Set(problems.map(formatProblem));
  const [was, is] = [textsOf(before), textsOf(after)];
  return {
    added: after.filter((problem) => !was.has(formatProblem(problem))),
    gone: before.filter((problem) => !is.has(formatProblem(problem))),
  };
}
