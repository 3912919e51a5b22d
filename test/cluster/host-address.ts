import { networkInterfaces } from "node:os";

/** The machine's first IPv4 address that an EndpointSlice accepts. Test backends listen on it, because the API server
 *  refuses EndpointSlices (and Endpoints) with loopback or link-local addresses. Throws when there is none. */
export function hostAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((found) => found ?? []);
  const usable = addresses.find(
    ({ family, internal, address }) => family === "IPv4" && !internal && !isLinkLocal(address),
  );
  if (usable === undefined) {
    throw new Error(
      "this machine has no IPv4 address but loopback and link-local ones, which EndpointSlices refuse; " +
        "connect a network or add an address, for example: ip link add nuncio0 type dummy && " +
        "ip address add 198.51.100.1/32 dev nuncio0 && ip link set nuncio0 up",
    );
  }
  return usable.address;
}

// 169.254.0.0/16, RFC 3927
function isLinkLocal(address: string): boolean {
  return address.startsWith("169.254.");
}
