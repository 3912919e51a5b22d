/** All Ingresses that are for this gateway, as Hosts and Mappings; one is read again when something changes that it rests on. */
import { everyGateway } from "../../crds/ambassador-id.ts";
import type { Held, Unread } from "../../crds/held.ts";
import type { IngressResource, Resources, ServiceResource } from "../../crds/resources.ts";
import { memoByKey, memoForever, memoLast, sameElements } from "../../ir/memo.ts";
import { compareText, type Problem } from "../../ir/problem.ts";
import { hasError, keyOf } from "../../ir/resource.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import type { PortLookup } from "./backend.ts";
import { type Classes, ownershipOf, readClasses, undecided } from "./classes.ts";
import { type IngressHost, type IngressObjects, readIngress } from "./ingress.ts";

export interface Ingresses {
  readonly held: readonly Held[];
  /** Of IngressClasses. */
  readonly problems: readonly Problem[];
}

type Input = Pick<Resources, "ingresses" | "ingressClasses" | "services">;

export function ingressSource(): (input: Input, settings: CompileSettings) => Ingresses {
  const classesOf = memoLast(readClasses);
  const readOne = memoByKey((ingress: IngressResource, ports) => readIngress(ingress, answering(ingress, ports)));
  const undecidedOne = memoForever((bearer: IngressResource): Held => {
    return { bearer, objects: [], unread: [{ ids: everyGateway, problem: undecided(bearer) }] };
  });
  let earlier: readonly (IngressObjects | Held)[] = [];
  const shared = memoLast(shareHosts);

  const readAll = memoLast(
    (
      ingresses: readonly IngressResource[],
      classes: Classes,
      services: readonly ServiceResource[],
      settings: CompileSettings,
    ) => {
      const portOf = portLookup(services);
      const now = ingresses.flatMap((ingress): readonly (IngressObjects | Held)[] => {
        const owner = ownershipOf(ingress, classes, settings.ambassadorId);
        if (owner === "ours" || (owner === "undecided" && hasError(ingress)))
          return [
            readOne(
              ingress,
              namedPorts(ingress).map(([service, port]) => portOf(ingress.namespace, service, port)),
            ),
          ];
        // In a cluster another controller, or none yet, may be meant; in files it would be silence.
        return owner === "undecided" && !settings.inCluster ? [undecidedOne(ingress)] : [];
      });
      if (!sameElements(now, earlier)) earlier = now;
      return earlier;
    },
  );

  return ({ ingresses, ingressClasses, services }, settings) => {
    const classes = classesOf(ingressClasses, settings.ambassadorId);
    return { held: shared(readAll(ingresses, classes, services, settings)), problems: classes.problems };
  };
}

/** Names of Services with names of ports, in the order in which the Ingress has them. */
const namedPorts = memoForever((ingress: IngressResource): readonly (readonly [service: string, port: string])[] => {
  if (hasError(ingress)) return [];
  const { defaultBackend, rules } = ingress.spec;
  const backends = [defaultBackend, ...rules.flatMap(({ http }) => (http?.paths ?? []).map(({ backend }) => backend))];
  return backends.flatMap((backend) => {
    const { name, port } = backend?.service ?? {};
    return name === undefined || port?.name === undefined || port.number !== undefined ? [] : [[name, port.name]];
  });
});

function portLookup(services: readonly ServiceResource[]): PortLookup {
  let byKey: ReadonlyMap<string, ServiceResource> | undefined;
  return (namespace, name, port) => {
    byKey ??= new Map(services.map((service) => [keyOf(service), service]));
    const service = byKey.get(keyOf({ namespace, name }));
    if (service === undefined || hasError(service)) return undefined;
    return service.spec.ports.find((each) => each.name === port)?.port ?? false;
  };
}

/** The same questions as were put before, with their answers. */
function answering(ingress: IngressResource, answers: readonly unknown[]): PortLookup {
  const asked = namedPorts(ingress);
  return (_, service, port) => {
    const index = asked.findIndex(([name, portName]) => name === service && portName === port);
    return answers[index] as ReturnType<PortLookup>;
  };
}

/**
 * Of a name the Ingresses of a namespace share one Host, that of the oldest: each Service often has an Ingress of its own, with the
 * same host and Secret. Emissary keeps one of them and drops the others.
 */
function shareHosts(all: readonly (IngressObjects | Held)[]): readonly Held[] {
  const first = new Map<string, { readonly bearer: IngressResource; readonly host: IngressHost }>();
  const oldestFirst = all
    .filter((each): each is IngressObjects => "hosts" in each && each.hosts.length > 0)
    .sort((a, b) => compareText(a.bearer.creationTimestamp, b.bearer.creationTimestamp));
  const shown = new Map<Held, { readonly hosts: IngressHost[]; readonly unread: Unread[] }>();
  for (const each of oldestFirst) {
    const mine = { hosts: [] as IngressHost[], unread: [] as Unread[] };
    shown.set(each, mine);
    for (const host of each.hosts) {
      const key = `${each.bearer.namespace} ${host.hostname}`;
      const owner = first.get(key);
      if (owner === undefined) {
        first.set(key, { bearer: each.bearer, host });
        mine.hosts.push(host);
      } else if (owner.host.secretName !== host.secretName) {
        mine.unread.push({ ids: everyGateway, problem: otherSecret(each.bearer, host, owner) });
      }
    }
  }
  return all.map((each) => {
    const { hosts, unread } = shown.get(each) ?? { hosts: [], unread: [] };
    if (hosts.length === 0 && unread.length === 0) return each;
    const { bearer } = each;
    return {
      bearer,
      objects: [...hosts.map(({ host }) => host), ...each.objects],
      unread: [...each.unread, ...unread],
    };
  });
}

function otherSecret(
  object: IngressResource,
  { hostname, path }: IngressHost,
  owner: { readonly bearer: IngressResource; readonly host: IngressHost },
): Problem {
  const { bearer, host } = owner;
  return {
    code: "HostConflict",
    severity: "warning",
    object,
    path,
    message: `${JSON.stringify(hostname)} has the certificate of the Secret ${host.secretName}, by the Ingress ${keyOf(bearer)}`,
    advice: "name the same Secret in all Ingresses of the host",
  };
}
