import type { Store } from "../compile/store.ts";
import type { Resources, SecretResource } from "../crds/resources.ts";
import { sameElements } from "../ir/memo.ts";
import { keyOf } from "../ir/resource.ts";
import { referencedSecrets } from "../sources/getambassador/secret-references.ts";
import { type Clock, sleep } from "./clock.ts";
import { errorText } from "./fatal.ts";
import type { Log } from "./log.ts";

export interface SecretShelfOptions {
  readonly store: Store;
  /** The gateway's. */
  readonly ownNamespace?: string | undefined;
  /** With what stands within other objects, which may name Secrets too. Default: nothing does. */
  readonly expand?: (resources: Resources) => Resources;
  /** What serves: in place of an object with an error its last good version, which may name other Secrets. Default: unknown. */
  readonly inForce?: (() => Resources | undefined) | undefined;
  /** Asks the API server; undefined: there is none of this name. Rejects when it cannot be asked. */
  readonly fetchSecret: (namespace: string, name: string) => Promise<SecretResource | undefined>;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Keeps in the store only the Secrets that something names: the bytes of the others are dropped as they arrive, and asked for
 * when a Host or TLSContext first names them. Before the first lists are complete nothing is dropped: who names what is not known.
 */
export interface SecretShelf {
  put(secret: SecretResource): void;
  replace(secrets: readonly SecretResource[]): void;
  remove(namespace: string, name: string, uid: string): void;
  /** Hosts, TLSContexts or Modules changed, or the first lists are complete. */
  review(): void;
}

const RETRY_MS = 1000;

export function secretShelf(options: SecretShelfOptions): SecretShelf {
  const { store, ownNamespace, expand = (resources) => resources, inForce = () => undefined } = options;
  const { fetchSecret, log, clock, signal } = options;
  /** Secrets that exist and are not kept. */
  const withheld = new Set<string>();
  const asking = new Set<string>();
  let wanted: ReadonlySet<string> | undefined;
  let referrers: readonly unknown[] = [];

  const isWanted = (key: string): boolean => wanted === undefined || wanted.has(key);

  const ask = async (key: string): Promise<void> => {
    if (asking.has(key)) return;
    asking.add(key);
    const [namespace = "", name = ""] = key.split("/");
    try {
      while (!signal.aborted && withheld.has(key) && isWanted(key)) {
        try {
          const secret = await fetchSecret(namespace, name);
          // A watch event may have brought it, or its end, in the meantime.
          if (!withheld.has(key)) return;
          // What nobody names any more stays withheld, to be asked for again.
          if (secret !== undefined && !isWanted(key)) return;
          withheld.delete(key);
          if (secret !== undefined) store.put(secret);
          return;
        } catch (error) {
          log.warn("a Secret that is now needed could not be read; trying again", {
            secret: key,
            reason: errorText(error),
          });
          await sleep(clock, RETRY_MS, signal);
        }
      }
    } finally {
      asking.delete(key);
    }
  };

  return {
    put(secret) {
      const key = keyOf(secret);
      if (isWanted(key)) {
        withheld.delete(key);
        store.put(secret);
      } else {
        withheld.add(key);
      }
    },
    replace(secrets) {
      withheld.clear();
      for (const secret of secrets) if (!isWanted(keyOf(secret))) withheld.add(keyOf(secret));
      store.replace(
        "Secret",
        secrets.filter((secret) => isWanted(keyOf(secret))),
      );
    },
    remove(namespace, name, uid) {
      withheld.delete(keyOf({ namespace, name }));
      store.remove("Secret", namespace, name, uid);
    },
    review() {
      const resources = expand(store.resources());
      const sources = [resources, inForce()].filter((each) => each !== undefined);
      const now = sources.flatMap(({ hosts, tlsContexts, modules }) => [hosts, tlsContexts, modules]);
      if (wanted !== undefined && sameElements(referrers, now)) return;
      referrers = now;
      wanted = new Set(sources.flatMap((each) => [...referencedSecrets(each, ownNamespace)]));
      for (const secret of resources.secrets) {
        const key = keyOf(secret);
        if (wanted.has(key)) continue;
        store.remove("Secret", secret.namespace, secret.name);
        withheld.add(key);
      }
      for (const key of withheld) if (wanted.has(key)) void ask(key);
    },
  };
}
