/** What Mappings asked about other objects while they were built: what was built stands as long as all of it is answered alike. */
import type { MappingContext } from "./mapping.ts";
import type { TargetLookup } from "./target.ts";

/** A question and its answer. Plain data: whoever keeps it keeps no lookup of long ago. */
export type Asked = (
  | { readonly service: string }
  | { readonly resolver: string }
  | { readonly tlsContext: string; readonly namespace: string }
) & { readonly answer: unknown };

/** A lookup that notes what it is asked. */
export function noting(lookup: TargetLookup, asked: Asked[]): TargetLookup {
  const note = <T>(question: Omit<Asked, "answer">, answer: T): T => {
    asked.push({ ...question, answer } as Asked);
    return answer;
  };
  return {
    service: (key) => note({ service: key }, lookup.service(key)),
    resolver: (name) => note({ resolver: name }, lookup.resolver(name)),
    tlsContext: (name, namespace) => note({ tlsContext: name, namespace }, lookup.tlsContext(name, namespace)),
    inCluster: lookup.inCluster,
    ownNamespace: lookup.ownNamespace,
    changedServices: (since) => lookup.changedServices(since),
  };
}

export function isAnsweredAlike(asked: Asked, lookup: TargetLookup): boolean {
  if ("service" in asked) return lookup.service(asked.service) === asked.answer;
  if ("resolver" in asked) return lookup.resolver(asked.resolver) === asked.answer;
  return lookup.tlsContext(asked.tlsContext, asked.namespace) === asked.answer;
}

/** What a Mapping is built upon beside what it asks for. */
export interface Basis {
  readonly defaults: MappingContext["defaults"];
  readonly labelDomain: MappingContext["labelDomain"];
  readonly inCluster: boolean;
  readonly ownNamespace: string;
}

/** The same object while nothing in it changes. */
export function basisOf(
  { defaults, labelDomain, lookup: { inCluster, ownNamespace } }: MappingContext,
  earlier?: Basis,
): Basis {
  const isSame =
    earlier?.defaults === defaults &&
    earlier.labelDomain === labelDomain &&
    earlier.inCluster === inCluster &&
    earlier.ownNamespace === ownNamespace;
  return isSame ? earlier : { defaults, labelDomain, inCluster, ownNamespace };
}

interface Asker {
  readonly asked: readonly Asked[];
}

/** Who asked for which Service, so that a change of one Service concerns those alone. */
export interface Askers<Each> {
  change(removed: readonly Each[], added: readonly Each[]): void;
  of(services: Iterable<string>): ReadonlySet<Each>;
}

export function createAskers<Each extends Asker>(): Askers<Each> {
  const byService = new Map<string, Set<Each>>();
  return {
    change(removed, added) {
      for (const each of removed) for (const service of servicesOf(each)) byService.get(service)?.delete(each);
      for (const each of added) {
        for (const service of servicesOf(each)) {
          const known = byService.get(service);
          if (known === undefined) byService.set(service, new Set([each]));
          else known.add(each);
        }
      }
      for (const each of removed)
        for (const service of servicesOf(each)) if (byService.get(service)?.size === 0) byService.delete(service);
    },
    of(services) {
      return new Set(Array.from(services).flatMap((service) => [...(byService.get(service) ?? [])]));
    },
  };
}

function servicesOf({ asked }: Asker): readonly string[] {
  return asked.flatMap((each) => ("service" in each ? [each.service] : []));
}
