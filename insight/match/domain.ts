import { memoForever } from "../../ir/memo.ts";
import type { Table, VirtualHost } from "../../ir/types.ts";
import { withoutAnyPort } from "./request.ts";

/** Which sort of domain it was: exact ones go before `*.x`, these before `x.*`, and `*` is last. */
export type DomainKind = "exact" | "suffix" | "prefix" | "any";

export interface FoundDomain {
  readonly kind: DomainKind;
  readonly domain: string;
  /** undefined: a name of another chain, which is answered with 421. */
  readonly virtualHost: VirtualHost | undefined;
}

interface Index {
  readonly exact: ReadonlyMap<string, FoundDomain>;
  /** Longest first, without the asterisk. */
  readonly suffixes: readonly (readonly [string, FoundDomain])[];
  readonly prefixes: readonly (readonly [string, FoundDomain])[];
  readonly any: FoundDomain | undefined;
}

const longestFirst = (a: readonly [string, unknown], b: readonly [string, unknown]) => b[0].length - a[0].length;

const indexOf = memoForever(({ virtualHosts, misdirected }: Table): Index => {
  const exact = new Map<string, FoundDomain>();
  const suffixes: (readonly [string, FoundDomain])[] = [];
  const prefixes: (readonly [string, FoundDomain])[] = [];
  let any: FoundDomain | undefined;
  const add = (written: string, virtualHost: VirtualHost | undefined) => {
    const domain = written.toLowerCase();
    if (domain === "*") any = { kind: "any", domain, virtualHost };
    else if (domain.startsWith("*")) suffixes.push([domain.slice(1), { kind: "suffix", domain, virtualHost }]);
    else if (domain.endsWith("*")) prefixes.push([domain.slice(0, -1), { kind: "prefix", domain, virtualHost }]);
    else exact.set(domain, { kind: "exact", domain, virtualHost });
  };
  for (const virtualHost of virtualHosts) add(virtualHost.domain, virtualHost);
  for (const domain of misdirected) add(domain, undefined);
  return { exact, suffixes: suffixes.sort(longestFirst), prefixes: prefixes.sort(longestFirst), any };
});

/** The virtual host of a Host header. Source: Envoy, config_impl.cc, RouteMatcher::findVirtualHost. An asterisk stands for at least one character. */
export function findDomain(table: Table, authority: string): FoundDomain | undefined {
  const { exact, suffixes, prefixes, any } = indexOf(table);
  const host = (table.ignorePort ? withoutAnyPort(authority) : authority).toLowerCase();
  return (
    exact.get(host) ??
    suffixes.find(([text]) => host.length > text.length && host.endsWith(text))?.[1] ??
    prefixes.find(([text]) => host.length > text.length && host.startsWith(text))?.[1] ??
    any
  );
}
