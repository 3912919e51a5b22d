import { createStore, type Store } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { host, listener, service } from "./reviews.ts";

export const settings: CompileSettings = Object.freeze({
  ambassadorId: "default",
  ownNamespace: "default",
  bindAddress: "0.0.0.0",
  inCluster: true,
});

export function put(store: Store, ...objects: readonly unknown[]): void {
  for (const each of objects) {
    const { resource } = parseResource(each);
    if (resource === undefined) throw new Error("not a resource");
    store.put(resource);
  }
}

/** A cluster in which one Listener, one Host and one Service are there, and these objects. */
export function storeWith(...objects: readonly unknown[]): Store {
  const store = createStore(() => undefined);
  put(store, listener("web", 8080), host("all", "*"), service("quote"), ...objects);
  return store;
}
