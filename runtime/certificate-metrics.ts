import { Gauge, type Registry } from "prom-client";
import type { CertificateUse } from "../sources/getambassador/certificate-uses.ts";

const DAY_MS = 86_400_000;

/** A gateway may have thousands of certificates; those that end last are left out. */
const MOST = 200;

/**
 * A gauge of the days that certificates in use are still good for, worked out when it is read.
 * @param now milliseconds since 1970
 */
export function certificateGauge(
  registers: Registry[],
  now: () => number,
): (certificates: readonly CertificateUse[]) => void {
  let ends: readonly (readonly [string, number])[] = [];
  new Gauge({
    name: "nuncio_certificate_days_left",
    help: `Days until a certificate in use expires, negative when it is over; of the ${MOST} that end first.`,
    labelNames: ["secret"],
    registers,
    collect() {
      this.reset();
      for (const [secret, endMs] of ends) this.set({ secret }, (endMs - now()) / DAY_MS);
    },
  });
  return (certificates) => {
    const bySecret = new Map<string, number>();
    // One Secret may hold a certificate and an authority: what ends first counts.
    for (const { place, dates } of certificates)
      bySecret.set(place, Math.min(dates.notAfterMs, bySecret.get(place) ?? Infinity));
    ends = [...bySecret].sort(([a, aMs], [b, bMs]) => aMs - bMs || (a < b ? -1 : 1)).slice(0, MOST);
  };
}
