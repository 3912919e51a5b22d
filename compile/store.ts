import type { AnyResource, Resources } from "../crds/resources.ts";
import { compareText } from "../ir/problem.ts";
import { keyOf } from "../ir/resource.ts";

type Kind = AnyResource["kind"];

const fields: Readonly<Record<Kind, keyof Resources>> = {
  Mapping: "mappings",
  Host: "hosts",
  Listener: "listeners",
  TLSContext: "tlsContexts",
  Module: "modules",
  KubernetesServiceResolver: "serviceResolvers",
  KubernetesEndpointResolver: "endpointResolvers",
  Service: "services",
  EndpointSlice: "endpointSlices",
  Secret: "secrets",
  Namespace: "namespaces",
};

/**
 * The current resources. Events come in order, so a put replaces whatever is there; a delete names the uid it means, so
 * that a late one does not remove its successor. Arrays keep their identity until their kind changes.
 */
export interface Store {
  put(resource: AnyResource): void;
  /** @param uid of the deleted object; undefined deletes whatever has the name */
  remove(kind: Kind, namespace: string, name: string, uid?: string): void;
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
  const shelves = new Map<Kind, Shelf>((Object.keys(fields) as Kind[]).map((kind) => [kind, { byKey: new Map(), sorted: [] }]));
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
      changed(kind, sorted?.filter((each) => each !== known));
    },
    replace(kind, resources) {
      const { byKey } = shelf(kind);
      byKey.clear();
      for (const resource of resources) byKey.set(keyOf(resource), resource);
      changed(kind, undefined);
    },
    resources() {
      current ??= Object.fromEntries([...shelves].map(([kind, each]) => [fields[kind], sortedOf(each)])) as unknown as Resources;
      return current;
    },
  };
}

function sortedOf(shelf: Shelf): readonly AnyResource[] {
  shelf.sorted ??= [...shelf.byKey].sort(([a], [b]) => compareText(a, b)).map(([, resource]) => resource);
  return shelf.sorted;
}

/** The sorted list with one resource put in its place: a burst of puts is not a burst of sorts. */
function withOne(sorted: readonly AnyResource[], key: string, resource: AnyResource, known: boolean): readonly AnyResource[] {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keyOf(sorted[middle] as AnyResource) < key) low = middle + 1;
    else high = middle;
  }
  const copy = sorted.slice();
  copy.splice(low, known ? 1 : 0, resource);
  return copy;
}
