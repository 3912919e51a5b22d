import { lookup } from "node:dns/promises";
import type { SourceMap } from "../compile/source-map.ts";
import { type ConsulEndpoints, consulKey, type ConsulService } from "../discovery/consul.ts";
import { diffMaps } from "../ir/bucket-map.ts";
import type { Problem } from "../ir/problem.ts";
import type { Endpoint, EdsEndpoints } from "../xds/resources/endpoints.ts";
import type { Clock } from "./clock.ts";
import { consulClient } from "./consul-client.ts";
import type { LookUp } from "./consul-names.ts";
import type { ConsulSettings } from "./consul-settings.ts";
import { ServiceWatch, type Trouble } from "./consul-watch.ts";
import type { Environment } from "./settings.ts";

export interface ConsulOptions {
  readonly settings: ConsulSettings;
  /** For variables in the addresses of resolvers. */
  readonly env: Environment;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onEndpoints: () => void;
  readonly onProblems: () => void;
}

/** The services in Consul that clusters need: one watch for each, whoever needs it. */
export interface Consul {
  /** Another map with each change. */
  endpoints(): ConsulEndpoints;
  /** @param needed what the EDS clusters need, by the name of the cluster; watches that nobody needs any more end */
  need(needed: ReadonlyMap<string, EdsEndpoints>): void;
  /** For how long the first answer for a service may still be waited for, so that no request meets a cluster that only lacks it. */
  awaitedMs(): number;
  /** What has been wrong for a while, with the objects that are concerned. */
  problems(sources: SourceMap): readonly Problem[];
}

/** A Consul that is well answers in a few milliseconds. One that is not delays a change no longer than this, and once. */
const FIRST_ANSWER_MS = 200;
/** A restart, or the moment between an instance and the next, is nothing to be told. */
const TOLERATED_MS = 5000;

const systemLookUp: LookUp = async (host) => {
  const all = await lookup(host, { all: true });
  // As for the hosts that Envoy resolves: IPv6 where there is nothing else.
  const v4 = all.filter(({ family }) => family === 4);
  return (v4.length > 0 ? v4 : all).map(({ address }) => address);
};

export function watchConsul(options: ConsulOptions): Consul {
  const { clock, signal, onEndpoints, onProblems } = options;
  const client = consulClient(options.settings, options.env);
  const watches = new Map<string, ServiceWatch>();
  /** Clusters by the key of their service. */
  let clusters: ReadonlyMap<string, readonly string[]> = new Map();
  let earlier: ReadonlyMap<string, EdsEndpoints> = new Map();
  let known: ConsulEndpoints = new Map();
  let cancelReview: () => void = () => undefined;

  signal.addEventListener(
    "abort",
    () => {
      cancelReview();
      for (const watch of watches.values()) watch.close();
    },
    { once: true },
  );

  /** Problems become due without an event. */
  const planReview = (): void => {
    cancelReview();
    const due = [...watches.values()].flatMap(({ trouble }) =>
      trouble === undefined ? [] : [trouble.sinceMs + TOLERATED_MS - clock.now()].filter((inMs) => inMs > 0),
    );
    if (due.length === 0) return;
    cancelReview = clock.setTimer(Math.min(...due) + 1, () => {
      onProblems();
      planReview();
    });
  };

  const follow = (key: string, service: ConsulService): ServiceWatch => {
    let told: Trouble | undefined;
    const watch: ServiceWatch = new ServiceWatch({
      service,
      client,
      lookUp: systemLookUp,
      clock,
      onChange() {
        const { endpoints, trouble } = watch;
        if (endpoints !== undefined && known.get(key) !== endpoints) {
          known = new Map([...known, [key, endpoints] as const]);
          onEndpoints();
        }
        if (trouble?.what === told) return;
        told = trouble?.what;
        onProblems();
        planReview();
      },
    });
    return watch;
  };

  return {
    endpoints: () => known,
    need(needed) {
      if (needed === earlier || signal.aborted) return;
      const { changed, gone } = diffMaps(earlier, needed);
      const hasChanged =
        changed.some(([, endpoints]) => consulOf(endpoints).length > 0) ||
        gone.some((name) => consulOf(earlier.get(name)).length > 0);
      earlier = needed;
      if (!hasChanged) return;
      const names = new Map<string, string[]>();
      const services = new Map<string, ConsulService>();
      for (const [name, endpoints] of needed) {
        for (const service of consulOf(endpoints)) {
          const key = consulKey(service);
          services.set(key, service);
          names.set(key, [...(names.get(key) ?? []), name]);
        }
      }
      clusters = names;
      for (const [key, watch] of watches) {
        if (services.has(key)) continue;
        watch.close();
        watches.delete(key);
      }
      for (const [key, service] of services) if (!watches.has(key)) watches.set(key, follow(key, service));
      known = new Map([...known].filter(([key]) => services.has(key)));
      planReview();
    },
    awaitedMs() {
      const waits = [...watches.values()]
        .filter(({ endpoints, trouble }) => endpoints === undefined && trouble === undefined)
        .map(({ startedMs }) => startedMs + FIRST_ANSWER_MS - clock.now());
      return Math.max(0, ...waits);
    },
    problems(sources) {
      const nowMs = clock.now();
      const due = [...watches].flatMap(([key, { service, endpoints, trouble }]) =>
        trouble !== undefined && nowMs - trouble.sinceMs >= TOLERATED_MS
          ? [{ key, service, endpoints, what: trouble.what }]
          : [],
      );
      const named = sources.clusters(new Set(due.flatMap(({ key }) => clusters.get(key) ?? [])));
      return due.flatMap(({ key, service, endpoints, what }) => {
        const found = (clusters.get(key) ?? []).flatMap((name) => named.get(name) ?? []);
        const object = { kind: "Consul", namespace: service.datacenter, name: service.service };
        const text = explained(what, service, endpoints);
        return (found.length === 0 ? [{ object, path: [] }] : found).map(
          ({ object, path }): Problem => ({
            ...text,
            severity: "warning",
            object,
            path,
          }),
        );
      });
    },
  };
}

/** The services in Consul that a cluster needs: several in a pool. */
function consulOf(endpoints: EdsEndpoints | undefined): readonly ConsulService[] {
  if (endpoints === undefined) return [];
  return (endpoints.kind === "services" ? endpoints.of : [endpoints]).filter((each) => each.kind === "consul");
}

function explained(
  what: Trouble,
  { address, datacenter, service }: ConsulService,
  endpoints: readonly Endpoint[] | undefined,
): Pick<Problem, "code" | "message" | "advice"> {
  const named = `the service ${JSON.stringify(service)} in ${datacenter}`;
  const isServed = endpoints !== undefined && endpoints.length > 0;
  const meanwhile = isServed ? "the instances known last are called meanwhile" : "requests get 503 meanwhile";
  switch (what.kind) {
    case "unavailable":
      return {
        code: "ConsulUnavailable",
        message: `Consul${address === undefined ? "" : ` at ${address}`} cannot be asked for ${named}: ${what.reason}`,
        advice: `it is asked again until it answers, and ${meanwhile}; correct the resolver's address or the gateway's token if that is wrong`,
      };
    case "unknown names":
      return {
        code: "ConsulUnavailable",
        message: `instances of ${named} are registered by names that DNS does not know: ${what.names.join(", ")}`,
        advice: `register them by address; ${meanwhile}`,
      };
    case "no instances":
      return {
        code: "ServiceNotFound",
        message: `Consul knows no healthy instance of ${named}`,
        advice: "requests get 503 until one is registered and passes its checks",
      };
  }
}
