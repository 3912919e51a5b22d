import type { Problem } from "../ir/problem.ts";
import type { CertificateUse } from "../sources/getambassador/certificate-uses.ts";

/** Certificates that are not good at a time, in milliseconds since 1970. They are served all the same: that is for clients to judge. */
export function expiryProblems(certificates: readonly CertificateUse[], nowMs: number): readonly Problem[] {
  return certificates.flatMap(({ object, path, what, dates: { notBeforeMs, notAfterMs } }): readonly Problem[] => {
    const isOver = nowMs > notAfterMs;
    if (!isOver && nowMs >= notBeforeMs) return [];
    const message = isOver
      ? `${what} expired on ${dateOf(notAfterMs)}`
      : `${what} is valid from ${dateOf(notBeforeMs)}`;
    const advice = isOver ? "renew it; clients refuse it" : "wait, or set the clock right; clients refuse it till then";
    return [{ code: "CertificateExpired", severity: "warning", object, path, message, advice }];
  });
}

/** When the answer will be another next; Infinity for never. */
export function nextExpiryMs(certificates: readonly CertificateUse[], nowMs: number): number {
  let next = Infinity;
  for (const { dates } of certificates) {
    for (const at of [dates.notBeforeMs, dates.notAfterMs]) if (at >= nowMs && at < next) next = at;
  }
  return next;
}

/** `2026-11-21 17:41 UTC`. */
function dateOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace("T", " ")} UTC`;
}
