/** What a change does that its author may not have meant: the same words for `nuncio plan` and for the warnings of admission. */
import type { Origins } from "../../compile/origins.ts";
import { formatObject, type ObjectRef } from "../../ir/problem.ts";
import type { Ir, Route } from "../../ir/types.ts";
import { type Answer, forwards, objectOf, type Share } from "./answer.ts";
import { sameContent } from "./changes.ts";
import { takesAllOf } from "./cover.ts";
import type { Drain } from "./drains.ts";
import type { Asked, Passed, RequestChange } from "./requests.ts";
import { answerText, plural, requestText } from "./tell.ts";

/** In the order in which they are told. */
export const findingCodes = [
  "AuthorizationRemoved",
  "CleartextServed",
  "ClientCertificateDropped",
  "RequestsTaken",
  "RequestsLost",
  "RouteUnreachable",
  "OthersChanged",
  "RequestsInherited",
  "ConnectionsDrained",
] as const;
export type FindingCode = (typeof findingCodes)[number];

/** Worth knowing, and no reason to stop. */
const notes: ReadonlySet<FindingCode> = new Set<FindingCode>(["RequestsInherited", "ConnectionsDrained"]);

export interface Finding {
  readonly code: FindingCode;
  readonly severity: "warning" | "note";
  readonly message: string;
}

/** What one kind of finding says of one object: with the first of the requests that show it. */
interface Case {
  readonly code: FindingCode;
  /** Cases of one code about the same are told once. */
  readonly about: string;
  readonly message: string;
}

/** The objects that are under review: what happens to their own requests is what their author wants. */
export interface UnderReview {
  /** Those that are added, changed or taken away. */
  readonly changed: readonly ObjectRef[];
  /** Of these the ones that go. */
  readonly removed: readonly ObjectRef[];
}

export function findingsOf(
  { changes, passed }: Asked,
  drains: readonly Drain[],
  { before, origins }: { readonly before: Ir; readonly origins: Origins },
  { changed, removed }: UnderReview,
): readonly Finding[] {
  const names = (objects: readonly ObjectRef[]) =>
    new Set(objects.map((object) => formatObject(object.within?.object ?? object)));
  const own = names(changed);
  const gone = names(removed);
  const unreachable = passed.flatMap((each) => passedCases(each, own, origins));
  const lostAll = new Set(unreachable.map(({ about }) => about));
  const cases = [
    // Who gets no request at all has lost this one too.
    ...changes.flatMap((change) => casesOf(change, own, changed)).filter(({ about }) => !lostAll.has(about)),
    ...changes.flatMap((change) => inherited(change, gone)),
    ...unreachable,
  ];
  const told = new Map<string, { readonly first: Case; count: number }>();
  for (const each of cases) {
    const key = `${each.code} ${each.about}`;
    const known = told.get(key);
    if (known === undefined) told.set(key, { first: each, count: 1 });
    else known.count++;
  }
  const findings = [...told.values()].map(({ first, count }): Finding => {
    const more = count === 1 ? "" : ` (and ${plural(count - 1, "more request")} like it)`;
    const severity = notes.has(first.code) ? "note" : "warning";
    return { code: first.code, severity, message: first.message + more };
  });
  const inOrder = findingCodes.flatMap((code) => findings.filter((finding) => finding.code === code));
  return [...inOrder, ...drains.map((drain) => drained(drain, before))];
}

function nameOf(route: Route): string {
  return formatObject(objectOf(route));
}

function casesOf(change: RequestChange, own: ReadonlySet<string>, changed: readonly ObjectRef[]): readonly Case[] {
  const { before, after } = change;
  const [was] = before.shares;
  const text = requestText(change.request);
  if (was === undefined) return [];
  if (after.shares.length === 0) {
    const name = nameOf(was.route);
    return [{ code: "RequestsLost", about: name, message: `${text} becomes ${answerText(after)}; ${name} had it` }];
  }
  const cases = [...weakened(change, text), ...taken(change, text, own)];
  const { namespace } = objectOf(was.route);
  if (cases.length > 0 || changed.length === 0 || changed.some((object) => object.namespace === namespace))
    return cases;
  const isMerelyNarrowed = after.shares.every(({ route }) => isNarrowing(was.route, route));
  const what = change.respects.join(", ");
  const message = `requests of namespace ${namespace} change (${what}): ${text}, ${nameOf(was.route)}`;
  return isMerelyNarrowed ? [] : [{ code: "OthersChanged", about: `${namespace} ${what}`, message }];
}

/** What was protected, and is less so. */
function weakened({ request, before, after }: RequestChange, text: string): readonly Case[] {
  const cases: Case[] = [];
  const open = after.shares.find((share) => forwards(share) && !isAuthorized(share));
  if (open !== undefined && before.shares.some(forwards) && before.shares.filter(forwards).every(isAuthorized)) {
    const about = nameOf(open.route);
    cases.push({ code: "AuthorizationRemoved", about, message: `${text} is no longer authorized (${about})` });
  }
  const cleartext = after.shares.find(forwards);
  if (!before.secure && before.shares.every(sendsToHttps) && cleartext !== undefined) {
    const about = nameOf(cleartext.route);
    const message = `${text} is served in cleartext, and was sent to https (${about})`;
    cases.push({ code: "CleartextServed", about, message });
  }
  if (before.clientCertificate === "required" && after.clientCertificate !== "required") {
    const message = `${text} needs no client certificate any more`;
    cases.push({ code: "ClientCertificateDropped", about: request.authority, message });
  }
  return cases;
}

function sendsToHttps({ route: { action } }: Share): boolean {
  return action.kind === "redirect" && action.https;
}

function isAuthorized({ auth }: Share): boolean {
  return auth.kind === "asked" || auth.kind === "refused";
}

/** Requests that objects lose to others. */
function taken({ before, after }: RequestChange, text: string, own: ReadonlySet<string>): readonly Case[] {
  const known = new Set(before.shares.map(({ route }) => nameOf(route)));
  const newcomers = after.shares.filter(({ route }) => !known.has(nameOf(route)));
  const [first] = newcomers;
  if (first === undefined) return [];
  const to = [...new Set(newcomers.map(({ route }) => nameOf(route)))].join(", ");
  return [...sharesByObject(before)].flatMap(([from, { percent, route }]): Case[] => {
    const lost = percent - (sharesByObject(after).get(from)?.percent ?? 0);
    if (lost <= 0 || own.has(from) || isMeant(route, first.route)) return [];
    const part = lost === 100 ? "" : `${lost}% of `;
    const message = `${part}${text} goes to ${to}, and went to ${from}`;
    return [{ code: "RequestsTaken", about: `${from} ${to}`, message }];
  });
}

/** Who takes over from objects that go. */
function inherited({ request, before, after }: RequestChange, gone: ReadonlySet<string>): readonly Case[] {
  const [was] = before.shares;
  const [is] = after.shares;
  if (was === undefined || is === undefined || !gone.has(nameOf(was.route))) return [];
  const [from, to] = [nameOf(was.route), nameOf(is.route)];
  const message = `${requestText(request)} goes to ${to} when ${from} is gone`;
  return from === to ? [] : [{ code: "RequestsInherited", about: `${from} ${to}`, message }];
}

function sharesByObject({ shares }: Answer): ReadonlyMap<string, Pick<Share, "percent" | "route">> {
  const found = new Map<string, Pick<Share, "percent" | "route">>();
  for (const { route, percent } of shares) {
    const name = nameOf(route);
    found.set(name, { route, percent: percent + (found.get(name)?.percent ?? 0) });
  }
  return found;
}

/**
 * What everybody expects who writes a longer prefix below a shorter one, or a weight beside another: in one namespace, and
 * against a route for everything in any.
 */
function isMeant(loser: Route, winner: Route): boolean {
  const isOneTeam = objectOf(loser).namespace === objectOf(winner).namespace;
  if (isOneTeam && sameContent(loser.match, winner.match)) return true;
  return isNarrowing(loser, winner) && (isOneTeam || isForEverything(loser));
}

/** Each request of the second matches the first, which has others too. */
function isNarrowing(wide: Route, narrow: Route): boolean {
  return takesAllOf(wide, narrow) && !takesAllOf(narrow, wide);
}

function isForEverything({ match: { path, headers, queryParameters } }: Route): boolean {
  const isRoot = path.kind === "prefix" && path.prefix === "/";
  return isRoot && headers.length === 0 && queryParameters.length === 0;
}

/** A route that no request comes to. Of one that has only lost some, the requests themselves tell. */
function passedCases(
  { route, winner, request, wasTaken }: Passed,
  own: ReadonlySet<string>,
  origins: Origins,
): readonly Case[] {
  // The Mappings of a group share by their weights, and one may wait with none.
  const groupOf = ({ source }: Route) => origins.mapping(source)?.groupKey;
  if (groupOf(route) !== undefined && groupOf(route) === groupOf(winner)) return [];
  const [loser, first] = [nameOf(route), nameOf(winner)];
  const isCertain = takesAllOf(winner, route);
  // Of a route that is not under review, only what the change brings upon it.
  const isNew = own.has(loser) || (wasTaken && isCertain);
  if (!isNew || (!isCertain && wasTaken)) return [];
  const how = isCertain ? "gets no request at all" : "gets no request that could be thought of";
  const message = `${loser} ${how}: ${first} is tried first and takes ${requestText(request)}`;
  return [{ code: "RouteUnreachable", about: `${loser} ${first}`, message }];
}

function drained({ listener, chains, because }: Drain, { listeners }: Ir): Finding {
  const found = listeners.find(({ name }) => name === listener);
  const name = found === undefined ? `listener ${listener}` : formatObject(found.source.object);
  const gone = (found?.chains ?? []).filter((chain) => chains?.includes(chain.name));
  const names = gone.flatMap(({ serverNames }) => serverNames);
  const few = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names;
  const isAll = chains === undefined || chains.length === found?.chains.length;
  const which = isAll ? "all connections" : few.length === 0 ? "connections" : `connections to ${few.join(", ")}`;
  const message = `${which} of ${name} are drained (${because.join(", ")})`;
  return { code: "ConnectionsDrained", severity: "note", message };
}
