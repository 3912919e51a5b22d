/** Random objects of every kind and version: fields that differ between versions in all their forms, others, and wrong ones. */
import { versionedKinds } from "../../crds/versions/kinds.ts";
import type { Random } from "../support/random.ts";

type Make = (random: Random) => unknown;
type Shape = Readonly<Record<string, Make>>;

const text: Make = (random) => random.pick(["", "a", "b.example", "*", "quote:80", "x, y", "true", "~"]);
const flag: Make = (random) => random.chance(0.5);
const odd: Make = (random) =>
  random.pick<unknown>([null, 3, -1.5, "", [], {}, [null], { a: { b: [1, "c", null] } }, [[]]]);
const list =
  (make: Make): Make =>
  (random) =>
    Array.from({ length: random.integer(4) }, () => make(random));
const map =
  (make: Make): Make =>
  (random) =>
    Object.fromEntries(
      Array.from({ length: random.integer(4) }, () => [
        random.pick(["a", "x-b", "c d", "__proto__", "1"]),
        make(random),
      ]),
    );
const one =
  (...makes: readonly Make[]): Make =>
  (random) =>
    random.pick(makes)(random);
const fixed =
  (...values: readonly unknown[]): Make =>
  (random) =>
    random.pick(values);
const some =
  (shape: Shape): Make =>
  (random) =>
    Object.fromEntries(
      Object.entries(shape)
        .filter(() => random.chance(0.5))
        .map(([name, make]) => [name, make(random)]),
    );

const ids = one(text, list(one(text, fixed("--apiVersion-v3alpha1-only--default", "--apiVersion-v3alpha1-only--"))));
const service = fixed(
  "quote",
  "http://quote",
  "https://quote",
  "HTTPS://quote:1",
  "HttP://q",
  "ftp://q",
  "",
  "https://",
);
const labelV2 = one(
  fixed("source_cluster", "destination_cluster", "remote_address", "generic", ""),
  some({ generic_key: text, v3Key: text }),
  (random) => ({ [random.pick(["a", "x-b"])]: some({ header: text, omit_if_not_present: flag })(random) }),
  odd,
);
const labelV3 = one(
  fixed({ source_cluster: { key: "source_cluster" } }, { remote_address: { key: "else" } }),
  (random) => ({
    generic_key: some({ key: text, value: fixed("a", "", "source_cluster"), v2Shorthand: flag })(random),
  }),
  (random) => ({ request_headers: some({ key: text, header_name: text, omit_if_not_present: flag })(random) }),
  odd,
);
const labels = (label: Make): Make => map(list(map(list(label))));
const selector = fixed({ matchLabels: { a: "b" } }, {}, { matchExpressions: [] });
const explicit = some({
  tls: fixed("", "null", "bool:true", "bool:false", "string"),
  serviceScheme: fixed("", "http://", "HTTPS://"),
});
const headerV3 = some({ value: text, append: flag, v2Representation: fixed("", "string", "null") });
const corsV2 = some({
  origins: one(text, list(text), fixed("a,b", " a , ", ",")),
  methods: one(text, list(text)),
  headers: text,
  max_age: text,
});
const corsV3 = some({ origins: list(text), methods: list(text), v2CommaSeparatedOrigins: flag });
const tag = some({ tag: text, request_header: some({ name: text }) });

const old: Shape = {
  ambassador_id: ids,
  ambassadorId: ids,
  service,
  auth_service: service,
  tls: one(flag, text, fixed(null), some({ v3CRLSecret: text, crl_secret: text, sni: text })),
  host: one(text, fixed("_skip_mapping_with_empty_host_", ".*")),
  host_regex: flag,
  headers: map(one(flag, text, odd)),
  regex_headers: map(text),
  query_parameters: map(one(flag, text)),
  regex_query_parameters: map(text),
  add_request_headers: map(one(text, fixed(null), headerV3)),
  add_response_headers: map(one(text, fixed(null), headerV3)),
  remove_request_headers: one(text, list(text)),
  cors: corsV2,
  labels: labels(labelV2),
  v3health_checks: list(odd),
  v3StatsName: text,
  v3CRLSecret: text,
  v3GRPC: some({ use_resource_exhausted_code: flag }),
  v3CircuitBreakers: list(odd),
  v3ProtocolVersion: text,
  v3CustomTags: list(tag),
  tag_headers: list(text),
  selector,
  config: some({ v3PropagationModes: list(text), service_name: text, any: odd }),
};

const present: Shape = {
  ambassador_id: list(text),
  service,
  auth_service: service,
  tls: one(text, some({ crl_secret: text, sni: text })),
  v2ExplicitTLS: explicit,
  host: one(text, fixed(".*")),
  host_regex: flag,
  hostname: one(text, fixed("_skip_mapping_with_empty_host_", "*.example.com")),
  headers: map(text),
  regex_headers: map(one(text, fixed(".*"))),
  v2BoolHeaders: list(one(text, fixed("a", "x-b"))),
  query_parameters: map(text),
  regex_query_parameters: map(fixed(".*", "a")),
  v2BoolQueryParameters: list(fixed("a", "x-b", "c d")),
  add_request_headers: map(headerV3),
  remove_request_headers: list(text),
  cors: corsV3,
  labels: labels(labelV3),
  health_checks: list(odd),
  stats_name: text,
  crl_secret: text,
  grpc: one(flag, some({ use_resource_exhausted_code: flag })),
  circuit_breakers: list(odd),
  protocol_version: text,
  custom_tags: list(tag),
  tag_headers: list(text),
  selector,
  mappingSelector: selector,
  config: some({ propagation_modes: list(text), service_name: text, any: odd }),
};

const unrelated: Shape = { prefix: text, timeout_ms: odd, anything: odd, rewrite: fixed("", null, "/") };

/** Mostly fields of its version, sometimes those of the other, and sometimes of a form that no version has. */
export function randomObject(random: Random, kind: string, version: string): Readonly<Record<string, unknown>> {
  const shape = version === "v3alpha1" ? present : old;
  const other = version === "v3alpha1" ? old : present;
  const spec: [string, unknown][] = [];
  const add = (from: Shape, chance: number) => {
    for (const [name, make] of Object.entries(from)) {
      if (random.chance(chance)) spec.push([name, random.chance(0.08) ? odd(random) : make(random)]);
    }
  };
  add(shape, random.pick([0.1, 0.3, 0.7]));
  add(unrelated, 0.4);
  if (random.chance(0.2)) add(other, 0.15);
  const annotations = random.chance(0.3) ? { annotations: { note: "kept" } } : {};
  return {
    apiVersion: `getambassador.io/${version}`,
    kind,
    metadata: { name: "a", namespace: "b", ...annotations },
    ...(random.chance(0.03) ? {} : { spec: random.chance(0.02) ? odd(random) : Object.fromEntries(spec) }),
    ...(random.chance(0.2) ? { status: { state: "Running" } } : {}),
  };
}

export const kindsOf = (version: string): string[] =>
  [...versionedKinds].flatMap(([kind, { older }]) =>
    version === "v3alpha1" || (older as readonly string[]).includes(version) ? [kind] : [],
  );
