import type { Resources } from "../../crds/resources.ts";
import type { Counters } from "../../ir/counters.ts";
import type { Defaults } from "../../features/defaults.ts";
import { emptyIr } from "../../ir/empty.ts";
import { memoByKey, memoForever, memoLast, sameElements, sameEntries } from "../../ir/memo.ts";
import type { Problem } from "../../ir/problem.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { Cluster, Ir, Listener, Table, VirtualHost } from "../../ir/types.ts";
import { associator } from "./associate.ts";
import { mappingBuilder, tcpMappingBuilder } from "./build-mappings.ts";
import { devPortalProblems } from "./dev-portal.ts";
import { type Domain, domainBuilder } from "./domains.ts";
import type { CertificateUse } from "./certificate-uses.ts";
import { type BuiltHost, buildHost } from "./host.ts";
import { clusterUnion } from "./cluster-union.ts";
import { http3PortOf, publicPorts } from "./http3.ts";
import { listenerMaker } from "./ir-listener.ts";
import { buildListener, type BuiltListener, takesHost } from "./listener.ts";
import { consulProblems } from "./consul.ts";
import { type Around, chainsOf, type Place, sameAround } from "./chains.ts";
import { lookupIn, otherAnswers, serviceIndex } from "./lookup.ts";
import type { BuiltMapping, MappingContext } from "./mapping.ts";
import { mappingDefaults, selectModule } from "./module.ts";
import { detachedProblems, hostConflicts, listenerConflicts } from "./placement-problems.ts";
import { probeBuilder } from "./probes.ts";
import { runtimeFlagsOf } from "./runtime-flags.ts";
import { countedDomain } from "./rate-limit-service.ts";
import { hasPort, misdirectedDomains } from "./rivals.ts";
import { selector } from "./selection.ts";
import { soundSelector } from "./sound.ts";
import { gatewayServices } from "./services.ts";
import type { TargetLookup } from "./target.ts";
import { tcpPlacer } from "./tcp.ts";
import type { BuiltTcpMapping } from "./tcp-mapping.ts";
import { allCertificates, type TlsBuilder, tlsBuilder } from "./tls.ts";

export interface Assembled {
  readonly ir: Ir;
  readonly problems: readonly Problem[];
  /** The Mappings and TCPMappings that can be used. */
  readonly targets: readonly (BuiltMapping | BuiltTcpMapping)[];
  readonly hostOf: (virtualHost: VirtualHost) => BuiltHost | undefined;
  readonly certificates: readonly CertificateUse[];
}

/** The last list while its elements are the same. */
function stableList<T>(): (list: readonly T[]) => readonly T[] {
  let last: readonly T[] = [];
  return (list) => {
    if (!sameElements(list, last)) last = list;
    return last;
  };
}

/** Compiles the getambassador.io dialect to the IR. Everything is remembered by the identity of what it was made from. */
export function gatewayAssembler(
  counters: () => Counters,
): (resources: Resources, settings: CompileSettings) => Assembled {
  const select = selector();
  const soundObjects = soundSelector();
  const moduleOf = memoLast(selectModule);
  const tls: TlsBuilder = tlsBuilder();
  const servicesByKey = serviceIndex();
  const otherAnswersOf = memoLast(otherAnswers);
  const lookupOf = memoLast(lookupIn);
  const defaultsOf = mappingDefaults();
  const contextOf = memoLast((defaults: Defaults, lookup: TargetLookup): MappingContext => ({ defaults, lookup }));
  const withDomain = memoLast(
    (context: MappingContext, labelDomain: string | undefined): MappingContext =>
      labelDomain === undefined ? context : { ...context, labelDomain },
  );
  const labelDomainOf = memoLast(countedDomain);
  const buildMappings = mappingBuilder(counters);
  const buildTcpMappings = tcpMappingBuilder();
  const placeTcp = tcpPlacer();
  const joined = memoLast((some: readonly Cluster[], others: readonly Cluster[]) => [...some, ...others]);
  const allTargets = memoLast((some: Assembled["targets"], others: Assembled["targets"]) =>
    others.length === 0 ? some : [...some, ...others],
  );
  const buildProbes = probeBuilder(counters);
  const withProbes = memoLast((mappings: readonly BuiltMapping[], probes: readonly BuiltMapping[]) =>
    probes.length === 0 ? mappings : [...mappings, ...probes],
  );
  const buildOneHost = memoByKey((resource: Resources["hosts"][number], [hostTls]) =>
    buildHost(resource, hostTls as ReturnType<TlsBuilder["host"]>),
  );
  const sameHosts = stableList<BuiltHost>();
  const sameListeners = stableList<BuiltListener>();
  const conflictsOf = memoLast(hostConflicts);
  const irListener = listenerMaker(counters);
  const listenerOf = memoForever((resource: Resources["listeners"][number]) => buildListener(resource));
  const associate = associator();
  const domains = domainBuilder(counters);
  const unionOf = clusterUnion();
  const tables = new Map<string, { readonly table: Table; readonly around: Around }>();
  const servicesOf = gatewayServices();
  const certificatesOf = memoLast(allCertificates);
  let earlierIr: Ir = emptyIr;

  const tableOf = (name: string, virtualHosts: readonly VirtualHost[], around: Around): Table => {
    const known = tables.get(name);
    if (known !== undefined && sameElements(known.table.virtualHosts, virtualHosts) && sameAround(known.around, around))
      return known.table;
    counters().tables++;
    const domains = virtualHosts.map(({ domain }) => domain);
    const misdirected = misdirectedDomains(new Set(domains), around);
    const ignorePort = ![...domains, ...misdirected].some(hasPort);
    const table: Table = { name, ignorePort, virtualHosts, misdirected, http3Port: around.http3Port };
    tables.set(name, { table, around });
    return table;
  };

  return (resources, settings) => {
    const { usable, broken, hasHosts, problems: ofResources } = select(resources, settings.ambassadorId);
    const sound = soundObjects(resources);
    const problems: Problem[] = [...ofResources, ...sound.problems];
    const module = moduleOf(usable.modules);
    problems.push(
      ...devPortalProblems(usable.devPortals),
      ...module.problems,
      ...consulProblems(usable.consulResolvers),
    );
    const secrets = tls.prepare(
      usable.tlsContexts,
      usable.modules,
      resources.secrets,
      module.config,
      settings.readsFiles ?? false,
    );
    problems.push(...secrets.problems);
    // TLSContexts serve TCPMappings by name too.
    const hasNamedTcp = usable.tcpMappings.some(({ spec }) => spec.host !== undefined);
    if (!hasHosts && !hasNamedTcp) problems.push(...secrets.withoutHosts);
    const otherAnswers = otherAnswersOf(
      usable.serviceResolvers,
      usable.endpointResolvers,
      usable.consulResolvers,
      secrets,
      settings,
    );
    const lookup = lookupOf(servicesByKey(sound.services), otherAnswers);
    const context = contextOf(defaultsOf(module.config), lookup);

    const labelDomain = labelDomainOf(usable.rateLimitServices, context);
    const mappings = buildMappings(usable.mappings, withDomain(context, labelDomain));
    for (const problem of mappings.problems) problems.push(problem);
    const tcpMappings = buildTcpMappings(usable.tcpMappings, context);
    for (const problem of tcpMappings.problems) problems.push(problem);
    const probes = buildProbes(module, context, settings);
    problems.push(...probes.problems);
    const built = withProbes(mappings.usable, probes.mappings);
    const services = servicesOf({ ...usable, broken }, module.config, context, mappings.usable);
    problems.push(...services.problems);

    // A Host with an error must not open the gateway to every host name: only where there is none at all one stands in.
    const hosts = sameHosts(
      hasHosts
        ? usable.hosts.map((resource) => buildOneHost(resource, [tls.host(resource)]))
        : [tls.defaultHost(settings.ownNamespace)],
    );
    for (const host of hosts) problems.push(...host.problems);
    const conflicts = conflictsOf(hosts);
    problems.push(...conflicts.problems);
    const { association, detached } = associate(built, conflicts.hosts, settings.looseLabelSelectors);
    problems.push(...detachedProblems(detached.filter(({ everywhere }) => everywhere !== true)));

    const listeners = usable.listeners.map(listenerOf);
    for (const listener of listeners) problems.push(...listener.problems);
    const opened = listenerConflicts(listeners.filter(({ usable }) => usable));
    problems.push(...opened.problems);
    const candidates = sameListeners([...opened.listeners, ...listeners.filter(({ usable }) => !usable)]);
    const tcp = placeTcp(tcpMappings.usable, candidates, conflicts.hosts, secrets.contexts, settings);
    for (const problem of tcp.problems) problems.push(problem);

    const used = new Set<Domain>();
    const irTables = new Map<string, Table>();
    const place: Place = (name, some, arrivalOf, around) => {
      const virtualHosts: VirtualHost[] = [];
      for (const domain of domains.domainsOfHosts(some, association, around.rivals)) {
        used.add(domain);
        virtualHosts.push(domains.virtualHost(domain, arrivalOf(domain.host)));
      }
      irTables.set(name, tableOf(name, virtualHosts, around));
      return name;
    };

    const udpPorts = publicPorts(sound.services, [settings.ownNamespace]);
    const irListenerList: Listener[] = [];
    for (const listener of [...opened.listeners, ...tcp.listeners]) {
      const tcpChains = tcp.chains(listener);
      const taken = conflicts.hosts.filter(
        (host) => takesHost(listener, host, settings.looseLabelSelectors) && !tcp.takes(listener, host),
      );
      const http = listener.http
        ? chainsOf(listener, taken, module.config.use_remote_address ?? true, place, (some) =>
            http3PortOf(listener, opened.listeners, some, udpPorts),
          )
        : { chains: [], problems: [] };
      // What TCPMappings take is served, be there a Host or not.
      problems.push(...http.problems.filter(({ code }) => code !== "NoHost" || tcpChains.length === 0));
      const chains = [...tcpChains, ...http.chains];
      if (chains.length === 0) continue;
      irListenerList.push(irListener(listener, chains, module.config, settings, services.telemetry));
    }

    for (const domain of used) if (domain.problems.length > 0) problems.push(...domain.problems);
    for (const name of tables.keys()) if (!irTables.has(name)) tables.delete(name);

    const called = joined(services.clusters, tcp.clusters);
    const ir: Ir = {
      owner: module.object,
      runtime: runtimeFlagsOf(module.config),
      listeners: sameElements(irListenerList, earlierIr.listeners) ? earlierIr.listeners : irListenerList,
      filters: sameElements(services.filters, earlierIr.filters) ? earlierIr.filters : services.filters,
      tables: sameEntries(irTables, earlierIr.tables) ? earlierIr.tables : irTables,
      clusters: unionOf([...used, { clusters: called }]),
      secrets: secrets.used(irListenerList, built, called),
    };
    earlierIr = ir;
    const targets = allTargets(built, tcpMappings.usable);
    return { ir, problems, targets, hostOf: domains.hostOf, certificates: certificatesOf(hosts, secrets) };
  };
}
