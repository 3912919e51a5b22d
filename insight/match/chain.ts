import { memoForever } from "../../ir/memo.ts";
import type { Chain, Listener } from "../../ir/types.ts";

/** Chains by server name (`.x` for `*.x`, empty for any), those for TLS apart from those for anything. */
interface Bucket {
  tls?: Chain;
  any?: Chain;
}

const bucketsOf = memoForever(({ chains }: Listener): ReadonlyMap<string, Bucket> => {
  const buckets = new Map<string, Bucket>();
  for (const chain of chains) {
    const isTls = takesTlsAlone(chain);
    const names = isTls && chain.serverNames.length > 0 ? chain.serverNames : [""];
    for (const written of names) {
      const name = written.toLowerCase().replace(/^\*\./, ".");
      let bucket = buckets.get(name);
      if (bucket === undefined) buckets.set(name, (bucket = {}));
      bucket[isTls ? "tls" : "any"] ??= chain;
    }
  }
  return buckets;
});

function takesTlsAlone(chain: Chain): boolean {
  return chain.kind === "http" ? chain.tls !== undefined : chain.onlyTls;
}

/** Whether the Listener sees that a connection has TLS. */
export function seesTls({ tlsInspector, quic }: Listener): boolean {
  return tlsInspector || quic;
}

/** Whether it has a chain for connections without TLS. */
export function takesCleartext({ chains }: Listener): boolean {
  return chains.some((chain) => !takesTlsAlone(chain));
}

/**
 * The filter chain of a connection. Source: Envoy, filter_chain_manager_impl.cc: the whole server name, then ever shorter
 * wildcards, then chains without names; what was found first is final, be there a chain for its transport or not.
 * @param serverName undefined: the client names none
 */
export function findChain(listener: Listener, secure: boolean, serverName: string | undefined): Chain | undefined {
  const buckets = bucketsOf(listener);
  const isTls = secure && seesTls(listener);
  const bucket = (isTls ? named(buckets, (serverName ?? "").toLowerCase()) : undefined) ?? buckets.get("");
  return isTls ? (bucket?.tls ?? bucket?.any) : bucket?.any;
}

function named(buckets: ReadonlyMap<string, Bucket>, serverName: string): Bucket | undefined {
  const exact = buckets.get(serverName);
  if (exact !== undefined) return exact;
  for (let dot = serverName.indexOf(".", 1); dot !== -1; dot = serverName.indexOf(".", dot + 1)) {
    const wildcard = buckets.get(serverName.slice(dot));
    if (wildcard !== undefined) return wildcard;
  }
  return undefined;
}
