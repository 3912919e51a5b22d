import http from "node:http";
import type { AddressInfo } from "node:net";

/**
 * The part of Consul's HTTP API that is used: /v1/health/service/NAME, with blocking queries as Consul has them. It is written
 * here because Consul itself cannot be had from the registries: its Go module refuses `go install`, since it replaces modules by
 * folders of its repository.
 *
 * As in Consul: an answer without `index` comes at once; with one, when the service has changed since, or after `wait`; an index
 * higher than its own waits, too; an unknown service is an empty list; every change has a higher index than the one before.
 */
export interface TestConsul {
  readonly port: number;
  readonly address: string;
  /** Queries so far, oldest first. */
  readonly queries: readonly Query[];
  /** Queries that are held back now. */
  waiting(service?: string): number;
  /** The healthy instances of a service in a datacenter, in place of those before. */
  set(service: string, instances: readonly TestInstance[], datacenter?: string): void;
  /** Forgets that index, as a Consul that was restored from an old copy. */
  restore(): void;
  /** Answers every query so; undefined: as usual. `hang`: not at all. */
  behave(how: { readonly status: number; readonly body: string } | "hang" | undefined): void;
  /** Ends all connections and listens no more. */
  stop(): Promise<void>;
  /** Listens on the same port again. */
  start(): Promise<void>;
}

export interface TestInstance {
  /** Of the service; empty: the node's is the one. */
  readonly address: string;
  readonly node?: string;
  readonly port: number;
}

export interface Query {
  readonly service: string;
  readonly datacenter: string | null;
  readonly index: number;
  readonly passing: boolean;
  readonly parameters: URLSearchParams;
  readonly headers: http.IncomingHttpHeaders;
}

export async function startConsul(): Promise<TestConsul> {
  let index = 100;
  let behaviour: { readonly status: number; readonly body: string } | "hang" | undefined;
  const services = new Map<string, { readonly index: number; readonly instances: readonly TestInstance[] }>();
  const held = new Map<() => void, string>();
  const queries: Query[] = [];
  const release = () => {
    for (const check of [...held.keys()]) check();
  };

  const server = http.createServer((request, response) => {
    const url = new URL(request.url ?? "", "http://consul");
    const service = decodeURIComponent(/^\/v1\/health\/service\/(.+)$/.exec(url.pathname)?.[1] ?? "");
    const { searchParams: parameters } = url;
    const datacenter = parameters.get("dc");
    const since = Number(parameters.get("index") ?? 0);
    const isPassing = parameters.has("passing");
    queries.push({ service, datacenter, index: since, passing: isPassing, parameters, headers: request.headers });
    const key = `${datacenter}/${service}`;
    const current = () => services.get(key) ?? { index, instances: [] };
    const answer = () => {
      held.delete(check);
      clearTimeout(timer);
      if (behaviour === "hang") return;
      if (behaviour !== undefined) {
        response.statusCode = behaviour.status;
        response.end(behaviour.body);
        return;
      }
      const { index: at, instances } = current();
      response.setHeader("x-consul-index", String(at));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(instances.map((instance, number) => entryOf(service, instance, number))));
    };
    const check = () => {
      if (behaviour !== undefined || since === 0 || current().index > since) answer();
    };
    const waitMs = Number(/^(\d+)s$/.exec(parameters.get("wait") ?? "")?.[1] ?? 300) * 1000;
    const timer = setTimeout(answer, since === 0 ? 0 : waitMs);
    held.set(check, service);
    response.on("close", () => {
      held.delete(check);
      clearTimeout(timer);
    });
    check();
  });
  const listen = (port: number) =>
    new Promise<void>((done, fail) => {
      server.once("error", fail);
      server.listen(port, "127.0.0.1", () => {
        server.off("error", fail);
        done();
      });
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;

  return {
    port,
    address: `127.0.0.1:${port}`,
    queries,
    waiting: (service) => [...held.values()].filter((each) => service === undefined || each === service).length,
    set(service, instances, datacenter = "dc1") {
      services.set(`${datacenter}/${service}`, { index: ++index, instances });
      release();
    },
    restore() {
      index = 10;
      for (const [key, { instances }] of services) services.set(key, { index: ++index, instances });
    },
    behave(how) {
      behaviour = how;
      if (how !== "hang") release();
    },
    stop: () =>
      new Promise((done) => {
        server.close(() => done());
        server.closeAllConnections();
      }),
    start: () => listen(port),
  };
}

function entryOf(service: string, { address, node = "10.255.255.1", port }: TestInstance, number: number): unknown {
  return {
    Node: { Node: `node-${number}`, Address: node, Datacenter: "dc1" },
    Service: { ID: `${service}-${number}`, Service: service, Tags: [], Address: address, Port: port },
    Checks: [{ CheckID: "serfHealth", Status: "passing" }],
  };
}
