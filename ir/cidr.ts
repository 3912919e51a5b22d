/** An address, or a range of them, as Envoy takes it. */
export interface Cidr {
  readonly address: string;
  readonly prefixLength: number;
}

const BITS = { v4: 32, v6: 128 };

function isV4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function isV6(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) return false;
  let groups = 0;
  for (const [place, half] of halves.entries()) {
    if (half === "") continue;
    const parts = half.split(":");
    for (const [index, part] of parts.entries()) {
      const isLast = place === halves.length - 1 && index === parts.length - 1;
      if (isLast && isV4(part)) groups += 2;
      else if (/^[0-9a-f]{1,4}$/i.test(part)) groups++;
      else return false;
    }
  }
  return halves.length === 2 ? groups < 8 : groups === 8;
}

/** Without a port or brackets. */
export function isAddress(text: string): boolean {
  return isV4(text) || isV6(text);
}

/** `10.0.0.0/8`, `10.0.0.1`, `fd00::/8`; a bare address is a range of one. undefined: it is none. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = "", length, ...more] = text.trim().split("/");
  const bits = isV4(address) ? BITS.v4 : isV6(address) ? BITS.v6 : undefined;
  if (bits === undefined || more.length > 0) return undefined;
  if (length === undefined) return { address, prefixLength: bits };
  return /^\d{1,3}$/.test(length) && Number(length) <= bits ? { address, prefixLength: Number(length) } : undefined;
}
