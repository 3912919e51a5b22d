/** In which respects two answers to one request differ. */
import { sameElements } from "../../ir/memo.ts";
import { formatObject } from "../../ir/problem.ts";
import { type Answer, type Authorization, forwards, objectOf, rewriteOf, type Share } from "./answer.ts";

export const respects = ["target", "weights", "authorization", "client certificate", "redirect", "rewrite"] as const;
export type Respect = (typeof respects)[number];

export function differencesOf(before: Answer, after: Answer): readonly Respect[] {
  if (before.nobody !== undefined || after.nobody !== undefined)
    return codeOf(before) === codeOf(after) ? [] : ["target"];
  const forwarded = [before.shares.filter(forwards), after.shares.filter(forwards)] as const;
  // That a redirect asks nobody gives nothing away, and it rewrites nothing.
  const bothForward = forwarded.every((shares) => shares.length > 0);
  const all = [before.shares, after.shares] as const;
  const differ = (of: (share: Share) => string, [was, is]: readonly [readonly Share[], readonly Share[]] = all) =>
    !sameSet(was.map(of), is.map(of));
  const isOtherTarget = differ(nameOf) || (bothForward && differ(clusterOf, forwarded));
  const differs: Readonly<Record<Respect, boolean>> = {
    target: isOtherTarget,
    weights: !isOtherTarget && differ((share) => `${share.percent} ${nameOf(share)}`),
    authorization: bothForward && differ(authOf, forwarded),
    "client certificate": before.clientCertificate !== after.clientCertificate,
    redirect: differ(redirectOf),
    rewrite: bothForward && differ(rewriteText, forwarded),
  };
  return respects.filter((respect) => differs[respect]);
}

/** The status, or that there is no connection: the rest of the text says why. */
function codeOf({ nobody }: Answer): string | undefined {
  return nobody?.split(/[,:]/)[0];
}

function nameOf({ route }: Share): string {
  return formatObject(objectOf(route));
}

function clusterOf({ route: { action } }: Share): string {
  return action.kind === "forward" ? action.cluster : "";
}

function authOf({ auth }: Share): string {
  return textOf(auth);
}

function textOf(auth: Authorization): string {
  if (auth.kind === "asked") return `${auth.cluster} ${JSON.stringify(auth.extensions)}`;
  return auth.kind === "bypassed" ? "none" : auth.kind;
}

function redirectOf({ route: { action } }: Share): string {
  return action.kind === "redirect" ? JSON.stringify(action) : "";
}

function rewriteText({ route }: Share): string {
  return JSON.stringify(rewriteOf(route));
}

function sameSet(a: readonly string[], b: readonly string[]): boolean {
  return sameElements([...new Set(a)].sort(), [...new Set(b)].sort());
}
