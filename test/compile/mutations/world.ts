import { type Compiled, compile, createCompiler } from "../../../compile/compile.ts";
import { createStore } from "../../../compile/store.ts";
import { parseResource } from "../../../crds/parse.ts";
import { type AnyResource, sortResources } from "../../../crds/resources.ts";
import { endpointDiscovery } from "../../../discovery/endpoints.ts";
import { formatProblem, type ObjectRef, type Problem } from "../../../ir/problem.ts";
import { hasError } from "../../../ir/resource.ts";
import type { Route } from "../../../ir/types.ts";
import { RouteConfiguration } from "../../../xds/generated/envoy/config/route/v3/route.ts";
import { Route as EnvoyRoute } from "../../../xds/generated/envoy/config/route/v3/route_components.ts";
import { type Snapshot, xdsTypes } from "../../../xds/snapshot.ts";
import type { CompileSettings } from "../../../ir/settings.ts";
import { goldenSettings } from "../../support/golden.ts";
import type { Case } from "./corpus.ts";
import type { Mutation } from "./mutate.ts";

/** As the gateway has them: files that are not there are told, and not handed to Envoy. */
const settings: CompileSettings = { ...goldenSettings, readsFiles: true };

export interface World {
  readonly base: Compiled;
  snapshot(compiled: Compiled): Snapshot;
  /** Makes the change, hands over what comes of it, and takes it back. @returns what is not as it must be */
  try(mutation: Mutation, seen: (now: Compiled) => void): readonly string[];
}

interface Names {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

const nameOf = ({ kind, namespace, name }: Names) => `${kind} ${namespace}/${name}`;

/** A store and a compiler that live as long as the case does, as the gateway's do. */
export function worldOf(from: Case): World {
  const parsed = from.objects.flatMap((raw) => parseResource(raw).resource ?? []);
  const { value: sorted } = sortResources(parsed);
  const originals: readonly AnyResource[] = Object.values(sorted).flat();
  const store = createStore(() => undefined);
  for (const resource of originals) store.put(resource);
  const compiler = createCompiler();
  const discover = endpointDiscovery();
  const now = () => compiler(store.resources(), settings);
  const snapshot = (compiled: Compiled): Snapshot => ({
    ...compiled.snapshot,
    endpoint: discover(compiled.endpoints, store.resources()),
  });
  const base = now();
  // What stands when a mutation comes: what an earlier one took away is made anew when it comes back.
  let standing = base;
  const before = versionsOf(snapshot(base));
  const restore = (kinds: ReadonlySet<AnyResource["kind"]>): void => {
    for (const kind of kinds) {
      store.replace(
        kind,
        originals.filter((each) => each.kind === kind),
      );
    }
  };

  return {
    base,
    snapshot,
    try(mutation, seen) {
      const faults: string[] = [];
      const touched = new Set<AnyResource["kind"]>();
      const old = mutation.before === undefined ? undefined : parseResource(mutation.before).resource;
      const { resource, problems } = parseResource(mutation.after);
      if (old !== undefined) {
        touched.add(old.kind);
        store.remove(old.kind, old.namespace, old.name);
      }
      if (resource !== undefined) {
        touched.add(resource.kind);
        store.put(resource);
      }
      const compiled = now();
      seen(compiled);
      faults.push(...differences("a fresh compile", versionsOf(freshSnapshot()), versionsOf(snapshot(compiled))));
      const told = resource === undefined ? [...problems, ...compiled.problems] : compiled.problems;
      faults.push(...untold(mutation, resource, told));
      const subject = resource ?? old;
      // A name that was another's already: that one is gone, and its groups are others.
      const overwritten = originals.find((each) => resource !== undefined && nameOf(each) === nameOf(resource));
      if (subject?.kind === "Mapping" && (old === undefined || old.kind === "Mapping"))
        faults.push(...disturbed(standing, compiled, matesOf([old, resource, overwritten], originals)));
      if (resource !== undefined && hasError(resource) && isReplaceable(resource, originals)) {
        store.remove(resource.kind, resource.namespace, resource.name);
        const without = versionsOf(snapshot(now()));
        faults.push(...differences("its absence", without, versionsOf(snapshot(compiled))));
      }
      restore(touched);
      standing = now();
      faults.push(...differences("what was before", before, versionsOf(snapshot(standing))));
      return faults;
    },
  };

  function freshSnapshot(): Snapshot {
    const resources = store.resources();
    const fresh = compile(resources, settings);
    return { ...fresh.snapshot, endpoint: endpointDiscovery()(fresh.endpoints, resources) };
  }
}

/**
 * An only Host with an error must not open the gateway for every name, and an AuthService with one must not let everybody
 * in, so these are not the same as none.
 */
function isReplaceable(resource: AnyResource, originals: readonly AnyResource[]): boolean {
  if (resource.kind === "AuthService" || (resource.kind === "Module" && resource.name === "authentication"))
    return false;
  // Who is gone leaves its name, or what stands in its annotations, to others.
  if (originals.some(({ annotations }) => annotations["getambassador.io/config"] !== undefined)) return false;
  return resource.kind !== "Host" || originals.some((each) => each.kind === "Host" && each.name !== resource.name);
}

/** Whoever is wrong is told, by name. */
function untold({ wrong, after }: Mutation, resource: AnyResource | undefined, told: readonly Problem[]): string[] {
  const named = resource ?? namesOf(after);
  const own = told.filter(({ object }) => nameOf(object) === nameOf(named));
  if (wrong === undefined) {
    // Whose an Ingress is, an IngressClass says, or an annotation.
    const isJudged = resource !== undefined && !resource.kind.includes("Ingress") && isOurs(resource);
    const isSilent = isJudged && hasError(resource) && own.length === 0;
    return isSilent ? ["it has an error that nobody is told"] : [];
  }
  if (!isOurs(resource)) return [];
  const isThere = own.some(({ path }) => {
    const length = Math.min(path.length, wrong.length);
    return path.slice(0, length).every((step, index) => step === wrong[index]);
  });
  return isThere ? [] : [`${wrong.join(".")} is wrong, and nobody is told: ${own.map(formatProblem).join("\n")}`];
}

function isOurs(resource: AnyResource | undefined): boolean {
  const ids = (resource?.spec as { readonly ambassador_id?: readonly string[] } | undefined)?.ambassador_id ?? [];
  return ids.length === 0 || ids.includes("default") || ids.includes("_automatic_");
}

function namesOf(raw: unknown): Names {
  const { kind, metadata } = (raw ?? {}) as { kind?: unknown; metadata?: Partial<Names> };
  return { kind: String(kind), namespace: metadata?.namespace ?? "default", name: metadata?.name ?? "" };
}

/** Mappings that may be in a canary group with one of these, which may change what they get; and these. */
function matesOf(
  changed: readonly (AnyResource | undefined)[],
  all: readonly AnyResource[],
): (object: ObjectRef) => boolean {
  const prefixes = new Set<unknown>();
  const names = new Set<string>();
  for (const each of changed) {
    if (each?.kind !== "Mapping") continue;
    names.add(nameOf(each));
    prefixes.add(each.spec.prefix);
  }
  for (const each of all) if (each.kind === "Mapping" && prefixes.has(each.spec.prefix)) names.add(nameOf(each));
  return (object) => names.has(nameOf(object));
}

/** What a Mapping's change did to what is not its own. */
function disturbed(base: Compiled, now: Compiled, isMate: (object: ObjectRef) => boolean): string[] {
  const faults: string[] = [];
  for (const [name, listener] of base.snapshot.listener)
    if (now.snapshot.listener.get(name) !== listener) faults.push(`the listener ${name} is another`);
  for (const [name, cluster] of base.snapshot.cluster) {
    if (base.sourceMap.cluster(name).some(({ object }) => isMate(object))) continue;
    if (now.snapshot.cluster.get(name) !== cluster) faults.push(`the cluster ${name} is another`);
  }
  const mine = routesOf(base, isMate);
  const theirs = routesOf(now, isMate);
  for (const [place, { routes, bytes }] of mine) {
    const other = theirs.get(place);
    if (other === undefined) continue;
    if (routes.length !== other.routes.length || routes.some((route, index) => route !== other.routes[index]))
      faults.push(`routes of ${place} are others`);
    if (bytes !== other.bytes) faults.push(`the bytes of routes of ${place} are others`);
  }
  return faults;
}

interface Routes {
  readonly routes: readonly Route[];
  /** As they stand in Envoy's message. */
  readonly bytes: string;
}

/** Routes of other Mappings, by table and domain. */
function routesOf({ ir, snapshot }: Compiled, isMate: (object: ObjectRef) => boolean): ReadonlyMap<string, Routes> {
  const result = new Map<string, Routes>();
  for (const [name, table] of ir.tables) {
    const encoded = snapshot.route.get(name);
    if (encoded === undefined) throw new Error(`the table ${name} is in no snapshot`);
    const message = RouteConfiguration.decode(encoded.body);
    for (const { domain, routes } of table.virtualHosts) {
      const others = routes.filter(({ source }) => !isMate(source.object));
      const names = new Set(others.map((route) => route.name));
      const list = message.virtualHosts?.find(({ domains }) => domains?.includes(domain) === true)?.routes ?? [];
      const bytes = list
        .filter((route) => names.has(route.name ?? ""))
        .map((route) => EnvoyRoute.encode(route).finish());
      result.set(`${name} ${domain}`, { routes: others, bytes: Buffer.concat(bytes).toString("base64") });
    }
  }
  return result;
}

function versionsOf(snapshot: Snapshot): ReadonlyMap<string, string> {
  const versions = new Map<string, string>();
  for (const type of xdsTypes)
    for (const { name, version } of snapshot[type].values()) versions.set(`${type} ${name}`, version);
  return versions;
}

function differences(than: string, expected: ReadonlyMap<string, string>, seen: ReadonlyMap<string, string>): string[] {
  const names = new Set([...expected.keys(), ...seen.keys()]);
  const other = [...names].filter((name) => expected.get(name) !== seen.get(name));
  return other.length === 0 ? [] : [`not the same as ${than}: ${other.sort().slice(0, 5).join(", ")}`];
}
