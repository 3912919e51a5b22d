import { memoForever } from "../ir/memo.ts";
import type { Source, VirtualHost } from "../ir/types.ts";
import type { Assembled } from "../sources/getambassador/gateway.ts";
import type { BuiltHost } from "../sources/getambassador/host.ts";
import type { BuiltMapping } from "../sources/getambassador/mapping.ts";

/** What parts of the IR were made of, with all that the compiler knows of it: for those who explain. */
export interface Origins {
  /** The Mapping of a route's source; undefined: it is no Mapping's. */
  mapping(source: Source): BuiltMapping | undefined;
  /** The Mappings of the gateway that can be used. */
  mappings(): Iterable<BuiltMapping>;
  host(virtualHost: VirtualHost): BuiltHost | undefined;
}

/** Made when it is first asked for. */
const bySource = memoForever((targets: Assembled["targets"]): ReadonlyMap<Source, BuiltMapping> => {
  const found = new Map<Source, BuiltMapping>();
  for (const target of targets) if ("match" in target) found.set(target.source, target);
  return found;
});

export function originsOf({ targets, hostOf }: Assembled): Origins {
  return {
    mapping: (source) => bySource(targets).get(source),
    mappings: () => bySource(targets).values(),
    host: hostOf,
  };
}
