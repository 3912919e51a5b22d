import {
  openStream,
  step,
  type Effect,
  type StreamEvent,
  type StreamState,
  type TimerName,
} from "../../xds/order/stream.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import type { Snapshot, XdsResource, XdsType } from "../../xds/snapshot.ts";

/** What the model's resources say, as JSON in their bodies. */
export interface ClusterBody {
  readonly eds: boolean;
  readonly content: number;
}
export interface RouteBody {
  readonly clusters: readonly string[];
  readonly content: number;
}
export interface ListenerBody {
  readonly routes: readonly string[];
  readonly content: number;
}

export function modelResource(type: XdsType, name: string, body: object): XdsResource {
  return xdsResource(type, name, [Buffer.from(JSON.stringify(body))]);
}

function bodyOf<T>(resource: XdsResource): T {
  return JSON.parse(Buffer.from(resource.body).toString()) as T;
}

type Request = Extract<StreamEvent, { kind: "request" }>;
type Response = Extract<Effect, { kind: "send" }>;

/** As much of Envoy's xDS client as ordering depends on: clusters and listeners warm; while a cluster warms, requests for
 *  clusters, acknowledgements included, are held back; a change of an EDS cluster may subscribe to its endpoints again. */
export class ModelEnvoy {
  readonly has: Readonly<Record<XdsType, Map<string, XdsResource>>> = {
    runtime: new Map(),
    cluster: new Map(),
    endpoint: new Map(),
    secret: new Map(),
    extension: new Map(),
    listener: new Map(),
    route: new Map(),
  };
  readonly active = new Set<string>();
  readonly warming = new Set<string>();
  readonly activeListeners = new Map<string, ListenerBody>();
  /** To be delivered to the control plane, in order. */
  outbox: Request[] = [];
  #held: Request[] = [];
  readonly #names = { endpoint: new Set<string>(), route: new Set<string>() };
  #resubscribes = false;
  #connected = 0;

  connect(): void {
    this.#connected++;
    this.outbox = [];
    this.#held = [];
    for (const type of ["cluster", "endpoint", "listener", "route"] as const) {
      const names = type === "endpoint" || type === "route" ? [...this.#names[type]] : [];
      if (type === "endpoint" || type === "route" ? names.length === 0 : false) continue;
      const versions = [...this.has[type].values()].map(({ name, version }) => [name, version]);
      this.#say({ ...request(type), subscribe: names, initialVersions: Object.fromEntries(versions) });
    }
  }

  receive(response: Response, resubscribes: boolean): void {
    this.#resubscribes = resubscribes;
    for (const name of response.removed) this.#remove(response.type, name);
    for (const resource of response.upserts) this.#put(response.type, resource);
    this.#warm();
    this.#say({ ...request(response.type), nonce: response.nonce });
  }

  /** Clusters that live routes name and that could not take a request. A known gap is left out: a cluster that was changed to
   *  EDS when the stream broke, before its endpoints came, and that the next snapshot drops. Its endpoints are answered as removed,
   *  since Envoy tells nothing of its clusters before, so it is empty until the routes have moved: milliseconds. */
  broken(): string[] {
    const routes = [...this.activeListeners.values()].flatMap((listener) => listener.routes);
    const clusters = routes.flatMap((name) => {
      const route = this.has.route.get(name);
      return route === undefined ? [] : bodyOf<RouteBody>(route).clusters;
    });
    const isEmpty = (name: string) => this.#connected === 1 && this.has.endpoint.get(name)?.version === nowhere.version;
    return clusters.filter((name) => !this.active.has(name) || isEmpty(name));
  }

  #put(type: XdsType, resource: XdsResource): void {
    const known = this.has[type].get(resource.name);
    if (type === "endpoint" && !this.#names.endpoint.has(resource.name)) return;
    if (type === "route" && !this.#names.route.has(resource.name)) return;
    this.has[type].set(resource.name, resource);
    if (type === "listener") return this.#subscribeRoutes();
    if (type !== "cluster" || known?.version === resource.version) return;
    this.warming.add(resource.name);
    if (bodyOf<ClusterBody>(resource).eds) this.#subscribe("endpoint", resource.name, this.#resubscribes);
    else this.#unsubscribe("endpoint", resource.name);
  }

  #remove(type: XdsType, name: string): void {
    this.has[type].delete(name);
    if (type === "cluster") {
      this.active.delete(name);
      this.warming.delete(name);
      this.#unsubscribe("endpoint", name);
    }
    if (type === "listener") {
      this.activeListeners.delete(name);
      this.#subscribeRoutes();
    }
    // Endpoints that are answered as removed end the warming: the cluster is there, and empty.
    if (type === "endpoint") this.has.endpoint.set(name, { ...nowhere, name });
  }

  #subscribeRoutes(): void {
    const wanted = [...this.has.listener.values()].flatMap((resource) => bodyOf<ListenerBody>(resource).routes);
    const serving = [...this.activeListeners.values()].flatMap((listener) => listener.routes);
    for (const name of wanted) this.#subscribe("route", name, false);
    for (const name of [...this.#names.route]) {
      if (!wanted.includes(name) && !serving.includes(name)) this.#unsubscribe("route", name);
    }
  }

  #warm(): void {
    for (const name of [...this.warming]) {
      const resource = this.has.cluster.get(name);
      if (resource !== undefined && bodyOf<ClusterBody>(resource).eds && !this.has.endpoint.has(name)) continue;
      this.warming.delete(name);
      this.active.add(name);
    }
    for (const [name, resource] of this.has.listener) {
      const body = bodyOf<ListenerBody>(resource);
      if (body.routes.every((route) => this.has.route.has(route))) this.activeListeners.set(name, body);
    }
    this.#subscribeRoutes();
    if (this.warming.size > 0) return;
    this.outbox.push(...this.#held);
    this.#held = [];
  }

  #subscribe(type: "endpoint" | "route", name: string, again: boolean): void {
    if (this.#names[type].has(name) && !again) return;
    this.#names[type].add(name);
    this.#say({ ...request(type), subscribe: [name] });
  }

  #unsubscribe(type: "endpoint" | "route", name: string): void {
    if (!this.#names[type].delete(name)) return;
    this.has[type].delete(name);
    this.#say({ ...request(type), unsubscribe: [name] });
  }

  #say(said: Request): void {
    if (said.type === "cluster" && this.warming.size > 0) this.#held.push(said);
    else this.outbox.push(said);
  }
}

const nowhere = modelResource("endpoint", "", {});

function request(type: XdsType): Request {
  return { kind: "request", type, subscribe: [], unsubscribe: [], initialVersions: {}, nonce: "" };
}

/** The state machine and the model, with everything that is on its way between them. */
export class World {
  readonly envoy = new ModelEnvoy();
  inbox: Response[] = [];
  readonly timers = new Set<TimerName>();
  readonly broken: string[] = [];
  acknowledged: Snapshot | undefined;
  #state: StreamState;
  #snapshot: Snapshot | undefined;
  readonly #naiveOrder: boolean;

  constructor(naiveOrder: boolean) {
    this.#naiveOrder = naiveOrder;
    this.#state = openStream({ naiveOrder });
    this.envoy.connect();
  }

  setSnapshot(snapshot: Snapshot): void {
    this.#snapshot = snapshot;
    this.#step({ kind: "snapshot", snapshot });
  }

  /** One message to Envoy. */
  deliver(resubscribes: boolean): boolean {
    const response = this.inbox.shift();
    if (response === undefined) return false;
    this.envoy.receive(response, resubscribes);
    this.broken.push(...this.envoy.broken());
    return true;
  }

  /** One message from Envoy. */
  reply(): boolean {
    const said = this.envoy.outbox.shift();
    if (said === undefined) return false;
    this.#step(said);
    return true;
  }

  fire(timer: TimerName): boolean {
    if (!this.timers.delete(timer)) return false;
    this.#step({ kind: "timer", timer });
    return true;
  }

  /** The stream breaks, or the control plane is replaced: all that was on its way is lost. */
  reconnect(): void {
    this.inbox = [];
    this.timers.clear();
    this.#state = openStream({ naiveOrder: this.#naiveOrder });
    this.acknowledged = undefined;
    this.envoy.connect();
    if (this.#snapshot !== undefined) this.#step({ kind: "snapshot", snapshot: this.#snapshot });
  }

  /** Until nothing is on its way and no timer runs. */
  quiesce(): void {
    for (let turns = 0; turns < 10_000; turns++) {
      if (!this.reply() && !this.deliver(false) && !this.fire("grace")) return;
    }
    throw new Error("the stream does not come to rest");
  }

  #step(event: StreamEvent): void {
    const [state, effects] = step(this.#state, event);
    this.#state = state;
    for (const effect of effects) {
      if (effect.kind === "send") this.inbox.push(effect);
      if (effect.kind === "startTimer") this.timers.add(effect.timer);
      if (effect.kind === "acknowledged") this.acknowledged = effect.snapshot;
    }
  }
}
