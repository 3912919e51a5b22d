import type { ModuleConfig } from "../../crds/module-config.ts";
import type { Resources } from "../../crds/resources.ts";
import type { Counters } from "../../ir/counters.ts";
import { alignedMap } from "../../ir/aligned.ts";
import { memoByKey, memoForever, memoLast, sameElements, sameEntries } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import { hasError, type Resource } from "../../ir/resource.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { Chain, Cluster, Ir, Listener, Table, VirtualHost } from "../../ir/types.ts";
import { associator } from "./associate.ts";
import { mappingBuilder } from "./build-mappings.ts";
import { type Domain, domainBuilder } from "./domains.ts";
import { type BuiltHost, buildHost, defaultHost } from "./host.ts";
import { type BuiltListener, buildListener, connectionManagerOf, takesHost } from "./listener.ts";
import { chainsOf } from "./chains.ts";
import { contextLookup } from "./lookup.ts";
import type { MappingContext } from "./mapping.ts";
import { selectModule } from "./module.ts";
import { detachedProblems, hostConflicts, listenerConflicts } from "./placement-problems.ts";
import type { Arrival } from "./routes.ts";
import type { TargetLookup } from "./target.ts";
import { type TlsBuilder, tlsBuilder } from "./tls.ts";

export interface Assembled {
  readonly ir: Ir;
  readonly problems: readonly Problem[];
}

interface WithId {
  readonly ambassador_id?: readonly string[] | undefined;
}

/** An object without ambassador_id is for `default`; `_automatic_` is for every gateway. */
function isOurs(resource: Resource<WithId>, ambassadorId: string): boolean {
  const ids = resource.spec.ambassador_id;
  if (ids === undefined || ids.length === 0) return ambassadorId === "default";
  return ids.includes(ambassadorId) || ids.includes("_automatic_");
}

/** Of one kind: what is for this gateway, and of that what can be used. Remembered by the array's identity. */
function selection<Kind extends Resource<WithId>>() {
  let id = "";
  const judgeEach = alignedMap((resource: Kind) =>
    !isOurs(resource, id) ? "foreign" : hasError(resource) ? "broken" : "usable",
  );
  return memoLast((resources: readonly Kind[], ambassadorId: string) => {
    id = ambassadorId;
    const verdicts = judgeEach(resources);
    const problems: Problem[] = [];
    const usable: Kind[] = [];
    for (let i = 0; i < resources.length; i++) {
      const resource = resources[i] as Kind;
      if (verdicts[i] === "foreign") continue;
      if (resource.problems.length > 0) problems.push(...resource.problems);
      if (verdicts[i] === "usable") usable.push(resource);
    }
    return { usable, problems };
  });
}

/** Compiles the getambassador.io dialect to the IR. Everything is remembered by the identity of what it was made from. */
export function gatewayAssembler(
  counters: () => Counters,
): (resources: Resources, settings: CompileSettings) => Assembled {
  const select = {
    mappings: selection<Resources["mappings"][number]>(),
    hosts: selection<Resources["hosts"][number]>(),
    listeners: selection<Resources["listeners"][number]>(),
    modules: selection<Resources["modules"][number]>(),
    tlsContexts: selection<Resources["tlsContexts"][number]>(),
    serviceResolvers: selection<Resources["serviceResolvers"][number]>(),
    endpointResolvers: selection<Resources["endpointResolvers"][number]>(),
  };
  const moduleOf = memoLast(selectModule);
  const tls: TlsBuilder = tlsBuilder();
  const lookupOf = memoLast(contextLookup);
  const contextOf = memoLast((defaults: ModuleConfig, lookup: TargetLookup): MappingContext => ({ defaults, lookup }));
  const buildMappings = mappingBuilder(counters);
  const buildOneHost = memoByKey((resource: Resources["hosts"][number], [hostTls]) =>
    buildHost(resource, hostTls as ReturnType<TlsBuilder["host"]>),
  );
  const listenerOf = memoForever((resource: Resources["listeners"][number]) => buildListener(resource));
  const associate = associator();
  const domains = domainBuilder(counters);
  const unionOf = clusterUnion();
  const tables = new Map<string, Table>();
  const irListeners = new Map<string, { readonly deps: readonly unknown[]; readonly listener: Listener }>();
  let earlierIr: Ir = { listeners: [], tables: new Map(), clusters: new Map(), secrets: new Map() };

  const tableOf = (name: string, virtualHosts: readonly VirtualHost[]): Table => {
    const known = tables.get(name);
    if (known !== undefined && sameElements(known.virtualHosts, virtualHosts)) return known;
    counters().tables++;
    const ignorePort = !virtualHosts.some(({ domain }) => /:\d+$/.test(domain));
    const table: Table = { name, ignorePort, virtualHosts };
    tables.set(name, table);
    return table;
  };

  return (resources, settings) => {
    const id = settings.ambassadorId;
    const selected = {
      mappings: select.mappings(resources.mappings, id),
      hosts: select.hosts(resources.hosts, id),
      listeners: select.listeners(resources.listeners, id),
      modules: select.modules(resources.modules, id),
      tlsContexts: select.tlsContexts(resources.tlsContexts, id),
      serviceResolvers: select.serviceResolvers(resources.serviceResolvers, id),
      endpointResolvers: select.endpointResolvers(resources.endpointResolvers, id),
    };
    const problems: Problem[] = Object.values(selected).flatMap((each) => each.problems);
    const module = moduleOf(selected.modules.usable);
    problems.push(...module.problems);
    const secrets = tls.prepare(selected.tlsContexts.usable, resources.secrets, module.config);
    problems.push(...secrets.problems);
    const lookup = lookupOf(
      resources.services,
      selected.serviceResolvers.usable,
      selected.endpointResolvers.usable,
      secrets,
      settings,
    );
    const context = contextOf(module.config, lookup);

    const mappings = buildMappings(selected.mappings.usable, context);
    problems.push(...mappings.problems);
    const built = mappings.usable;

    const ownHosts = selected.hosts.usable.map((resource) => buildOneHost(resource, [tls.host(resource)]));
    const hosts: readonly BuiltHost[] = ownHosts.length === 0 ? [defaultHost] : ownHosts;
    for (const host of hosts) problems.push(...host.problems);
    const conflicts = hostConflicts(hosts);
    problems.push(...conflicts.problems);
    const { association, detached } = associate(built, conflicts.hosts);
    problems.push(...detachedProblems(detached));

    const listeners = selected.listeners.usable.map(listenerOf);
    for (const listener of listeners) problems.push(...listener.problems);
    const opened = listenerConflicts(listeners.filter(({ usable }) => usable));
    problems.push(...opened.problems);

    const used = new Set<Domain>();
    const irTables = new Map<string, Table>();
    const place = (name: string, some: readonly BuiltHost[], arrivalOf: (host: BuiltHost) => Arrival): string => {
      const virtualHosts: VirtualHost[] = [];
      for (const domain of domains.domainsOfHosts(some, association)) {
        used.add(domain);
        virtualHosts.push(domains.virtualHost(domain, arrivalOf(domain.host)));
      }
      irTables.set(name, tableOf(name, virtualHosts));
      return name;
    };

    const irListenerList: Listener[] = [];
    for (const listener of opened.listeners) {
      const taken = conflicts.hosts.filter((host) => takesHost(listener, host));
      const { chains, problems: chainProblems } = chainsOf(
        listener,
        taken,
        module.config.use_remote_address ?? true,
        place,
      );
      problems.push(...chainProblems);
      if (chains.length === 0) continue;
      irListenerList.push(remember(listener, chains));
    }

    function remember(listener: BuiltListener, chains: readonly Chain[]): Listener {
      const deps = [listener, module.config, settings, JSON.stringify(chains)];
      const known = irListeners.get(listener.name);
      if (known !== undefined && sameElements(known.deps, deps)) return known.listener;
      counters().listeners++;
      const made: Listener = {
        name: listener.name,
        address: settings.bindAddress,
        port: listener.port,
        proxyProtocol: listener.proxyProtocol,
        tlsInspector: listener.tls,
        statPrefix: listener.statPrefix,
        trustedHops: listener.trustedHops,
        http2MaxConcurrentStreams: listener.resource.spec.http2MaxConcurrentStreams,
        connectionManager: connectionManagerOf(module.config, settings),
        chains,
        source: { object: listener.resource, path: ["spec"] },
      };
      irListeners.set(listener.name, { deps, listener: made });
      return made;
    }

    for (const domain of used) if (domain.problems.length > 0) problems.push(...domain.problems);
    for (const name of tables.keys()) if (!irTables.has(name)) tables.delete(name);
    for (const name of irListeners.keys())
      if (!opened.listeners.some((each) => each.name === name)) irListeners.delete(name);

    const ir: Ir = {
      listeners: sameElements(irListenerList, earlierIr.listeners) ? earlierIr.listeners : irListenerList,
      tables: sameEntries(irTables, earlierIr.tables) ? earlierIr.tables : irTables,
      clusters: unionOf(used),
      secrets: secrets.used(irListenerList, built),
    };
    earlierIr = ir;
    return { ir, problems };
  };
}

/**
 * The union of the clusters of domains, by name. Equal names mean equal content, so the earlier object is kept: it is
 * encoded already.
 */
function clusterUnion(): (used: ReadonlySet<Domain>) => ReadonlyMap<string, Cluster> {
  let lastLists: readonly (readonly Cluster[])[] = [];
  let last: ReadonlyMap<string, Cluster> = new Map();
  return (used) => {
    const lists = [...used].map(({ clusters }) => clusters);
    if (sameElements(lists, lastLists)) return last;
    lastLists = lists;
    const now = new Map<string, Cluster>();
    for (const clusters of lists) {
      for (const cluster of clusters)
        if (!now.has(cluster.name)) now.set(cluster.name, last.get(cluster.name) ?? cluster);
    }
    if (!sameEntries(now, last)) last = now;
    return last;
  };
}
