/**
 * What @peculiar/x509 2 needs of the `reflect-metadata` proposal, which it asks its users to bring: import this file before it.
 * Its dependency injection only stores and reads back what it stored itself.
 */
type Store = Map<unknown, unknown>;

const stores = new WeakMap<object, Store>();

const getOwnMetadata = (key: unknown, target: object): unknown => stores.get(target)?.get(key);

const functions = {
  getOwnMetadata,
  getMetadata(key: unknown, target: object): unknown {
    for (let at: object | null = target; at !== null; at = Reflect.getPrototypeOf(at)) {
      const value = getOwnMetadata(key, at);
      if (value !== undefined) return value;
    }
    return undefined;
  },
  defineMetadata(key: unknown, value: unknown, target: object): void {
    const store = stores.get(target) ?? new Map<unknown, unknown>();
    stores.set(target, store.set(key, value));
  },
};

// A complete polyfill that is there already stays.
if (!("getMetadata" in Reflect)) Object.assign(Reflect, functions);
