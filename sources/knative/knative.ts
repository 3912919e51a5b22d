/** What Knative's Ingresses ask for, as Hosts and Mappings. Source: Emissary python/ambassador/fetch/knative.py, and knative/networking. */
import { everyGateway } from "../../crds/ambassador-id.ts";
import { group, version } from "../../crds/common.ts";
import { type Held, placed, type Unread } from "../../crds/held.ts";
import { clusterLocal, visibilityLabel } from "../../crds/knative-ingress.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource, KnativeIngressResource, Resources } from "../../crds/resources.ts";
import { LONGEST_MS } from "../../features/fields.ts";
import { memoForever, memoLast, sameElements } from "../../ir/memo.ts";
import type { PathStep, Problem, Within } from "../../ir/problem.ts";
import { hasError } from "../../ir/resource.ts";
import type { CompileSettings } from "../../ir/settings.ts";

type Path = readonly PathStep[];
type Rule = KnativeIngressResource["spec"]["rules"][number];

const ourClass = "ambassador.ingress.networking.knative.dev";
/** The second is what Knative writes since 1.0. */
const classAnnotations = ["networking.knative.dev/ingress.class", "networking.knative.dev/ingress-class"];

/** As in Emissary; Knative itself has given timeouts up. */
const DEFAULT_TIMEOUT_MS = 15_000;

/** Without a class it is for everybody, as in Emissary. */
export function isOurs({ annotations }: KnativeIngressResource, ambassadorId: string): boolean {
  if ((annotations[`${group}/ambassador-id`] ?? "default") !== ambassadorId) return false;
  return classAnnotations.every((name) => (annotations[name] ?? ourClass).toLowerCase() === ourClass);
}

type Input = Pick<Resources, "knativeIngresses">;

export function knativeSource(): (input: Input, settings: CompileSettings) => readonly Held[] {
  let earlier: readonly Held[] = [];
  const readAll = memoLast((ingresses: Input["knativeIngresses"], settings: CompileSettings): readonly Held[] => {
    const now =
      settings.knative === true
        ? ingresses.filter((each) => isOurs(each, settings.ambassadorId)).map(readOne)
        : // In a cluster they are not even watched.
          ingresses.map(unasked);
    if (!sameElements(now, earlier)) earlier = now;
    return earlier;
  });
  return ({ knativeIngresses }, settings) => readAll(knativeIngresses, settings);
}

const unasked = memoForever((bearer: KnativeIngressResource): Held => {
  const problem: Problem = {
    code: "UnknownKind",
    severity: "warning",
    object: bearer,
    path: ["kind"],
    message: "Ingresses of Knative are not read",
    advice: "set AMBASSADOR_KNATIVE_SUPPORT=true",
  };
  return { bearer, objects: [], unread: [{ ids: everyGateway, problem }] };
});

const readOne = memoForever((bearer: KnativeIngressResource): Held => {
  const unread = bearer.problems.map((problem): Unread => ({ ids: everyGateway, problem }));
  if (hasError(bearer)) return { bearer, objects: [], unread };
  const mappings = bearer.spec.rules.flatMap((rule, r) => mappingsOf(bearer, rule, r));
  return { bearer, objects: [...hostsOf(bearer), ...mappings], unread };
});

function hostsOf(ingress: KnativeIngressResource): readonly AnyResource[] {
  const { tls, redirects } = ingress.spec;
  return tls.flatMap(({ hosts, secretName, secretNamespace }, i) =>
    (secretName === undefined ? [] : hosts).flatMap((hostname, j) => {
      const at: Path = ["spec", "tls", i];
      const spec = {
        hostname,
        tlsSecret: { name: secretName, ...(secretNamespace === undefined ? {} : { namespace: secretNamespace }) },
        requestPolicy: { insecure: { action: redirects ? "Redirect" : "Route" } },
      };
      const within = insideOf(ingress, `0 ${digits(i)} ${digits(j)}`, ([field]) =>
        field === "tlsSecret" ? [...at, "secretName"] : [...at, "hosts", j],
      );
      return made(ingress, "Host", `${ingress.name}-${i}-${j}`, ingress.labels, spec, within);
    }),
  );
}

function mappingsOf(
  ingress: KnativeIngressResource,
  { hosts, visibility, http }: Rule,
  r: number,
): readonly AnyResource[] {
  const isLocal = visibility === "ClusterLocal";
  const splits = (http?.paths ?? []).flatMap((path, p) => path.splits.map((split, s) => ({ path, p, split, s })));
  const labels = isLocal ? { ...ingress.labels, [visibilityLabel]: clusterLocal } : ingress.labels;
  return hosts.flatMap((host, h) =>
    splits.flatMap(({ path, p, split, s }, index) => {
      const at: Path = ["spec", "rules", r, "http", "paths", p];
      const namespace = split.serviceNamespace ?? ingress.namespace;
      const matched = Object.entries(path.headers).map(([name, { exact }]) => [name, exact]);
      const spec = {
        hostname: host.toLowerCase(),
        prefix: path.path ?? "/",
        // Knative's Services see the path that was asked for.
        rewrite: "",
        service: `${split.serviceName}.${namespace}.svc:${split.servicePort}`,
        weight: split.percent,
        timeout_ms: path.timeout === undefined ? DEFAULT_TIMEOUT_MS : durationMs(path.timeout),
        ...(matched.length === 0 ? {} : { headers: Object.fromEntries(matched) as unknown }),
        ...(path.rewriteHost === undefined ? {} : { host_rewrite: path.rewriteHost }),
        // They tell the activator which revision is meant: not what a client says.
        add_request_headers: Object.fromEntries(
          Object.entries({ ...path.appendHeaders, ...split.appendHeaders }).map(([name, value]) => [
            name,
            { value, append: false },
          ]),
        ),
      };
      const placeIn = (field: Path) => placeOf(field, { at, s, hostAt: ["spec", "rules", r, "hosts", h] });
      const within = insideOf(ingress, `1 ${digits(r)} ${digits(h)} ${digits(index)}`, placeIn, isLocal);
      return made(ingress, "Mapping", `${ingress.name}-${r}-${h * splits.length + index}`, labels, spec, within);
    }),
  );
}

const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** `1h2m3.5s` as Go writes it, in whole milliseconds; the text itself where it is none, for the Mapping to say so. */
function durationMs(text: string): number | string {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== text) return text;
  const sum = parts.reduce((ms, [, amount, unit = "s"]) => ms + Number(amount) * (units[unit] ?? 0), 0);
  return Math.min(LONGEST_MS, Math.round(sum));
}

/** Where the Ingress has what a field of its Mapping says. */
function placeOf([field, ...rest]: Path, { at, s, hostAt }: { at: Path; s: number; hostAt: Path }): Path {
  const split: Path = [...at, "splits", s];
  switch (field) {
    case "hostname":
      return hostAt;
    case "prefix":
      return [...at, "path"];
    case "headers":
      return [...at, "headers", ...rest];
    case "host_rewrite":
      return [...at, "rewriteHost"];
    case "timeout_ms":
      return [...at, "timeout"];
    case "add_request_headers":
      return [...at, "appendHeaders"];
    case "service":
      return [...split, "serviceName"];
    case "weight":
      return [...split, "percent"];
    default:
      return split;
  }
}

function insideOf(
  ingress: KnativeIngressResource,
  place: string,
  placeIn: (path: Path) => Path,
  isLocal = false,
): Within {
  return {
    object: ingress,
    place: `${ingress.kind} ${ingress.namespace}/${ingress.name} ${place}`,
    tell: ({ code, path: [root, ...path], message, advice }) => {
      const place = placeIn(root === "spec" ? path : []);
      if (path[0] === "timeout_ms") {
        const text = message.replace("is not an integer", "is not a duration");
        return { path: place, message: text, advice: "write one such as 30s" };
      }
      if (code === "NotAttached" && isLocal) {
        return {
          path: place,
          message: "it is for the cluster alone, and no Host asks for that",
          advice: `apply a Host whose mappingSelector has ${visibilityLabel}: ${clusterLocal}, on a Listener that is not reached from outside`,
        };
      }
      const meant = advice.replace("; for a Service in another namespace write name.namespace", "");
      return { path: place, message, advice: meant };
    },
  };
}

function made(
  ingress: KnativeIngressResource,
  kind: "Host" | "Mapping",
  name: string,
  labels: Readonly<Record<string, string>>,
  spec: object,
  within: Within,
): readonly AnyResource[] {
  const { resource } = parseResource({
    apiVersion: `${group}/${version}`,
    kind,
    metadata: { name, namespace: ingress.namespace, labels },
    spec: { ...spec, ambassador_id: ["_automatic_"] },
  });
  return resource === undefined ? [] : [placed(resource, ingress, within)];
}

function digits(index: number): string {
  return String(index).padStart(4, "0");
}
