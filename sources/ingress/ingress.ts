/** What an Ingress asks for, as Hosts and Mappings. Source: Emissary python/ambassador/fetch/ingress.py, and the specification of Ingress. */
import { everyGateway } from "../../crds/ambassador-id.ts";
import { group, version } from "../../crds/common.ts";
import { type Held, placed, type Unread } from "../../crds/held.ts";
import type { IngressBackend } from "../../crds/ingress.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource, IngressResource } from "../../crds/resources.ts";
import type { PathStep, Problem, ProblemCode, Within } from "../../ir/problem.ts";
import { hasError } from "../../ir/resource.ts";
import { type BackendProblem, type PortLookup, type Target, targetOf } from "./backend.ts";
import { gatewayIdOf } from "./classes.ts";
import { hostFields, type PathFields, pathFields } from "./paths.ts";

type Path = readonly PathStep[];
type Labels = Readonly<Record<string, string>>;

/** Replaces what matched in the path that the Service sees. */
export const rewriteAnnotation = `${group}/rewrite`;

/** Emissary's label, of all Mappings of an Ingress with TLS. */
const ingressLabel = "a10r-k8s-ingress";

export interface IngressObjects extends Held {
  readonly bearer: IngressResource;
  readonly hosts: readonly IngressHost[];
}

export interface IngressHost {
  readonly hostname: string;
  readonly secretName: string;
  /** Of the Secret's name. */
  readonly path: Path;
  readonly host: AnyResource;
}

export function readIngress(ingress: IngressResource, portOf: PortLookup): IngressObjects {
  const own = ingress.problems.map((problem): Unread => ({ ids: everyGateway, problem }));
  if (hasError(ingress)) return { bearer: ingress, hosts: [], objects: [], unread: own };
  const { hosts, unread } = readTls(ingress);
  const { objects, unread: ofRules } = readRules(ingress, hosts, portOf);
  return { bearer: ingress, hosts, objects, unread: [...own, ...unread, ...ofRules] };
}

/** By it a Host takes the Mappings of every Ingress of its namespace that has TLS for its name. */
function hostLabel(hostname: string): string {
  return `${ingressLabel}/${hostname}`;
}

function readTls(ingress: IngressResource): {
  readonly hosts: readonly IngressHost[];
  readonly unread: readonly Unread[];
} {
  const hosts: IngressHost[] = [];
  const unread: Unread[] = [];
  ingress.spec.tls.forEach(({ hosts: written, secretName }, i) => {
    const at: Path = ["spec", "tls", i];
    if (secretName === undefined || secretName === "") {
      const message = "names no Secret, so its hosts have no certificate";
      unread.push(ignored(ingress, at, message, "add secretName, the name of a Secret with a certificate"));
      return;
    }
    (written.length === 0 ? ["*"] : written).forEach((name, j) => {
      const hostname = name.toLowerCase();
      const within = insideOf(ingress, `0 ${digits(i)} ${digits(j)}`, ([field]) =>
        field === "tlsSecret" ? [...at, "secretName"] : written.length === 0 ? at : [...at, "hosts", j],
      );
      const spec = {
        hostname,
        tlsSecret: { name: secretName },
        mappingSelector: { matchLabels: { [hostLabel(hostname)]: ingress.namespace } },
        requestPolicy: { insecure: { action: "Route" } },
      };
      const host = made(ingress, "Host", { name: `${ingress.name}-${i}-${j}`, labels: ingress.labels, spec }, within);
      if (host !== undefined) hosts.push({ hostname, secretName, path: [...at, "secretName"], host });
    });
  });
  return { hosts, unread };
}

interface Route {
  readonly name: string;
  readonly place: string;
  readonly hostFields: object;
  readonly matches: readonly PathFields[];
  readonly backend: IngressBackend;
  /** Where the route stands, its backend and its host. */
  readonly at: Path;
  readonly backendAt: Path;
  readonly hostAt: Path;
}

const noBackend: IngressBackend = { service: undefined, resource: undefined };

function routesOf({ name, spec: { defaultBackend, rules } }: IngressResource, hasTls: boolean): readonly Route[] {
  const at: Path = ["spec", "defaultBackend"];
  const everything = { hostFields: { hostname: "*" }, matches: [{ prefix: "/" }] };
  const byDefault =
    defaultBackend === undefined
      ? []
      : [
          {
            ...{ name: `${name}-default-backend`, place: "1", ...everything },
            ...{ backend: defaultBackend, at, backendAt: at, hostAt: at },
          },
        ];
  const ofRules = rules.flatMap(({ host = "", http }, r) => {
    const hostAt: Path = ["spec", "rules", r, "host"];
    // Without a host it is for all of them; where there is TLS, as in Emissary, for those with a certificate of the Ingress.
    const ofHost = host === "" ? (hasTls ? {} : { hostname: "*" }) : hostFields(host.toLowerCase());
    return (http?.paths ?? []).map((path, p): Route => {
      const pathAt: Path = ["spec", "rules", r, "http", "paths", p];
      return {
        name: `${name}-${r}-${p}`,
        place: `2 ${digits(r)} ${digits(p)}`,
        hostFields: ofHost,
        matches: pathFields(path),
        backend: path.backend ?? noBackend,
        at: pathAt,
        backendAt: [...pathAt, "backend"],
        hostAt,
      };
    });
  });
  return [...byDefault, ...ofRules];
}

function readRules(
  ingress: IngressResource,
  hosts: readonly IngressHost[],
  portOf: PortLookup,
): { readonly objects: readonly AnyResource[]; readonly unread: readonly Unread[] } {
  const hasTls = hosts.length > 0;
  const labels: Labels = {
    ...ingress.labels,
    ...(hasTls ? { [ingressLabel]: `a10r-ingress-${ingress.name}-${ingress.namespace}` } : {}),
    ...Object.fromEntries(hosts.map(({ hostname }) => [hostLabel(hostname), ingress.namespace])),
  };
  const rewrite = ingress.annotations[rewriteAnnotation] ?? "";
  const objects: AnyResource[] = [];
  const unread: Unread[] = [];
  const taken = new Set<string>();
  for (const route of routesOf(ingress, hasTls)) {
    const { name, place, matches, at } = route;
    const target = targetOf(route.backend, ingress.namespace, portOf);
    const within = insideOf(ingress, place, (path, problem) => pathOf(route, path, problem));
    const free = matches.filter((match) => !taken.has(JSON.stringify([route.hostFields, match])));
    if (free.length === 0) {
      const message = "what it matches is matched by a path before it in this Ingress";
      unread.push(ignored(ingress, at, message, "remove one of the two"));
    }
    for (const match of free) {
      taken.add(JSON.stringify([route.hostFields, match]));
      const suffix = match.prefix_exact === true && matches.length > 1 ? "-exact" : "";
      // What stands below a path of elements is put below what replaces it.
      const isBelow = matches.length > 1 && match.prefix_exact !== true && rewrite !== "" && !rewrite.endsWith("/");
      const replaced = isBelow ? `${rewrite}/` : rewrite;
      const spec = { ...route.hostFields, ...match, service: target.service ?? "none", rewrite: replaced };
      const mapping = made(ingress, "Mapping", { name: `${name}${suffix}`, labels, spec }, within);
      if (mapping !== undefined) objects.push(withProblem(mapping, target));
    }
  }
  return { objects, unread };
}

const ofService: ReadonlySet<string> = new Set(["service", "resolver", "tls"]);

/** Where the Ingress has what a field of its Mapping says. */
function pathOf(route: Route, [field, ...rest]: Path, { code, message }: Problem): Path {
  if (field === BACKEND) return [...route.backendAt, ...rest];
  if (code === "ServiceNotFound" && / has no port \d/.test(message)) return [...route.backendAt, "service", "port"];
  if (ofService.has(String(field))) return [...route.backendAt, "service", "name"];
  if (field === "hostname" || field === "regex_headers") return route.hostAt;
  if (field === "rewrite") return ["metadata", "annotations", rewriteAnnotation];
  return field === "prefix" ? [...route.at, "path"] : route.at;
}

/** Stands in a Mapping's path for the Ingress's own words. */
const BACKEND = "backend";

/** The Mapping with what is wrong with its backend; with an error it is not used, and its last good version serves on. */
function withProblem(mapping: AnyResource, { problem }: Target): AnyResource {
  if (problem === undefined) return mapping;
  const of: Problem = { ...problem, object: refOf(mapping), path: ["spec", BACKEND, ...problem.path] };
  return Object.freeze({ ...mapping, problems: Object.freeze([...mapping.problems, of]) });
}

function refOf({ kind, namespace, name, origin, within }: AnyResource): Problem["object"] {
  return { kind, namespace, name, origin, within };
}

/** @param pathOf the Ingress's field for one of the inner object's spec */
function insideOf(ingress: IngressResource, place: string, pathOf: (path: Path, problem: Problem) => Path): Within {
  return {
    object: ingress,
    place: `${ingress.kind} ${ingress.namespace}/${ingress.name} ${place}`,
    tell: (problem) => ({
      path: problem.path[0] === "spec" ? pathOf(problem.path.slice(1), problem) : pathOf([], problem),
      message: problem.message,
      advice: adviceOf(problem),
    }),
  };
}

/** Without what an Ingress cannot say. */
function adviceOf({ code, advice }: BackendProblem): string {
  if (code !== "ServiceNotFound") return advice;
  return advice.replace("; for a Service in another namespace write name.namespace", "").replace(" after a colon", "");
}

interface Written {
  readonly name: string;
  readonly labels: Labels;
  readonly spec: object;
}

function made(
  ingress: IngressResource,
  kind: "Host" | "Mapping",
  written: Written,
  within: Within,
): AnyResource | undefined {
  const { name, labels, spec } = written;
  const { resource } = parseResource({
    apiVersion: `${group}/${version}`,
    kind,
    metadata: { name, namespace: ingress.namespace, labels },
    spec: { ...spec, ambassador_id: [gatewayIdOf(ingress)] },
  });
  return resource === undefined ? undefined : placed(resource, ingress, within);
}

function ignored(object: IngressResource, path: Path, message: string, advice: string): Unread {
  const code: ProblemCode = "IgnoredField";
  return { ids: everyGateway, problem: { code, severity: "warning", object, path, message, advice } };
}

function digits(index: number): string {
  return String(index).padStart(4, "0");
}
