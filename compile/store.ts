import type { AnyResource, Resources } from "../crds/resources.ts";
import { compareText } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";

type Kind = AnyResource["kind"];

/** Where the resources of a kind stand. */
export const fields: Readonly<Record<Kind, keyof Resources>> = {
  Mapping: "mappings",
  Host: "hosts",
  Listener: "listeners",
  TLSContext: "tlsContexts",
  Module: "modules",
  KubernetesServiceResolver: "serviceResolvers",
  KubernetesEndpointResolver: "endpointResolvers",
  TCPMapping: "tcpMappings",
  AuthService: "authServices",
  RateLimitService: "rateLimitServices",
  LogService: "logServices",
  TracingService: "tracingServices",
  DevPortal: "devPortals",
  ConsulResolver: "consulResolvers",
  Service: "services",
  EndpointSlice: "endpointSlices",
  Secret: "secrets",
  Namespace: "namespaces",
  Ingress: "ingresses",
  IngressClass: "ingressClasses",
  KnativeIngress: "knativeIngresses",
};

/**
 * The current resources. Events come in order, so a put replaces whatever is there; a delete names the uid it means, so
 * that a late one does not remove its successor. Arrays keep their identity until their kind changes.
 */
export interface Store {
  put(resource: AnyResource): void;
  /** @param uid of the deleted object; undefined deletes whatever has the name */
  remove(kind: Kind, namespace: string, name: string, uid?: string): void;
  /** The very object that was put. */
  get(kind: Kind, namespace: string, name: string): AnyResource | undefined;
  /** The complete list of a kind: what is not in it is gone. */
  replace(kind: Kind, resources: readonly AnyResource[]): void;
  resources(): Resources;
}

interface Shelf {
  readonly byKey: Map<string, AnyResource>;
  sorted: readonly AnyResource[] | undefined;
}

/** @param onChange called with the kind at each change */
export function createStore(onChange: (kind: Kind) => void): Store {
  const shelves = new Map<Kind, Shelf>(
    (Object.keys(fields) as Kind[]).map((kind) => [kind, { byKey: new Map(), sorted: [] }]),
  );
  let current: Resources | undefined;

  const shelf = (kind: Kind): Shelf => shelves.get(kind) as Shelf;
  const changed = (kind: Kind, sorted: readonly AnyResource[] | undefined): void => {
    shelf(kind).sorted = sorted;
    current = undefined;
    onChange(kind);
  };

  return {
    put(resource) {
      const { byKey, sorted } = shelf(resource.kind);
      const key = keyOf(resource);
      const known = byKey.has(key);
      byKey.set(key, resource);
      changed(resource.kind, sorted === undefined ? undefined : withOne(sorted, key, resource, known));
    },
    remove(kind, namespace, name, uid) {
      const { byKey, sorted } = shelf(kind);
      const key = keyOf({ namespace, name });
      const known = byKey.get(key);
      if (known === undefined || (uid !== undefined && known.uid !== "" && known.uid !== uid)) return;
      byKey.delete(key);
      changed(
        kind,
        sorted?.filter((each) => each !== known),
      );
    },
    get: (kind, namespace, name) => shelf(kind).byKey.get(keyOf({ namespace, name })),
    replace(kind, resources) {
      const { byKey } = shelf(kind);
      byKey.clear();
      for (const resource of resources) byKey.set(keyOf(resource), resource);
      changed(kind, undefined);
    },
    resources() {
      current ??= Object.fromEntries(
        [...shelves].map(([kind, each]) => [fields[kind], sortedOf(each)]),
      ) as unknown as Resources;
      return current;
    },
  };
}

function sortedOf(shelf: Shelf): readonly AnyResource[] {
  shelf.sorted ??= [...shelf.byKey].sort(([a], [b]) => compareText(a, b)).map(([, resource]) => resource);
  return shelf.sorted;
}

/** The sorted list with one resource put in its place: a burst of puts is not a burst of sorts. */
function withOne(
  sorted: readonly AnyResource[],
  key: string,
  resource: AnyResource,
  known: boolean,
): readonly AnyResource[] {
  const copy = sorted.slice();
  copy.splice(lowerBound(sorted, key), known ? 1 : 0, resource);
  return copy;
}

/** The place of the first object in a list sorted by key whose key is not smaller. */
function lowerBound(sorted: readonly AnyResource[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOf(sorted[middle] as AnyResource) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Where the object of this key stands in a list sorted by key; -1 if there is none. */
export function placeOf(sorted: readonly AnyResource[], key: string): number {
  const place = lowerBound(sorted, key);
  const found = sorted[place];
  return found !== undefined && keyOf(found) === key ? place : -1;
}

/** The resources with one of them put in its place, as a store would have it after a put. */
export function withResource(resources: Resources, resource: AnyResource): Resources {
  const field = fields[resource.kind];
  const list: readonly AnyResource[] = resources[field];
  const known = findResource(resources, resource) !== undefined;
  return { ...resources, [field]: withOne(list, keyOf(resource), resource, known) };
}

/** The resources without the one of this name, as a store would have it after a removal. */
export function withoutResource(resources: Resources, named: ObjectName): Resources {
  const field = fields[named.kind];
  const list: readonly AnyResource[] = resources[field];
  return { ...resources, [field]: list.filter((each) => !isNamed(each, named)) };
}

/** The one of this name; undefined when there is none. */
export function findResource(resources: Resources, named: ObjectName): AnyResource | undefined {
  const list: readonly AnyResource[] = resources[fields[named.kind]];
  return list[placeOf(list, keyOf(named))];
}

function isNamed(resource: AnyResource, { namespace, name }: ObjectName): boolean {
  return resource.name === name && resource.namespace === namespace;
}

interface ObjectName {
  readonly kind: Kind;
  readonly namespace: string;
  readonly name: string;
}
