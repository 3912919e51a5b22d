// `npm run coverage:fields`: how many fields of each kind are typed, compiled, and shown to work by a request through Envoy.
// With --check it fails where a count is below hack/coverage-floor.json, with --write it records the counts there,
// with --missing it names the fields behind the gaps.
import fs from "node:fs";
import path from "node:path";
import { customKinds } from "../capabilities/kinds.ts";
import { devPortalSpecSchema } from "../crds/dev-portal.ts";
import { jsonSchemaOf } from "../crds/json-schema.ts";
import { moduleConfigSchema } from "../crds/module-config.ts";
import { featureFieldNames } from "../features/index.ts";
import { consulResolverFieldNames } from "../sources/getambassador/consul.ts";
import { authServiceFieldNames } from "../sources/getambassador/auth-service.ts";
import { hostFieldNames } from "../sources/getambassador/host.ts";
import { listenerFieldNames } from "../sources/getambassador/listener.ts";
import { resolverFieldNames } from "../sources/getambassador/lookup.ts";
import { logServiceFieldNames } from "../sources/getambassador/log-service.ts";
import { coreFieldNames } from "../sources/getambassador/mapping-fields.ts";
import { moduleFieldNames } from "../sources/getambassador/module.ts";
import { rateLimitServiceFieldNames } from "../sources/getambassador/rate-limit-service.ts";
import { tcpMappingFieldNames } from "../sources/getambassador/tcp-mapping.ts";
import { tlsContextFieldNames } from "../sources/getambassador/tls-fields.ts";
import { tracingServiceFieldNames } from "../sources/getambassador/tracing-service.ts";
import { root } from "./paths.mjs";

type KindName = (typeof customKinds)[number]["kind"];

/** Kept for tools; it changes no traffic. */
const devPortalFieldNames: ReadonlySet<string> = new Set(
  Object.keys(jsonSchemaOf(devPortalSpecSchema).properties ?? {}),
);

/** Fields that something reads, of each kind at its top. */
export const compiledFields: Readonly<Record<KindName, ReadonlySet<string>>> = {
  Listener: listenerFieldNames,
  Host: hostFieldNames,
  Mapping: new Set([...featureFieldNames, ...coreFieldNames]),
  TLSContext: tlsContextFieldNames,
  Module: moduleFieldNames,
  KubernetesServiceResolver: resolverFieldNames,
  KubernetesEndpointResolver: resolverFieldNames,
  TCPMapping: tcpMappingFieldNames,
  AuthService: authServiceFieldNames,
  RateLimitService: rateLimitServiceFieldNames,
  LogService: logServiceFieldNames,
  TracingService: tracingServiceFieldNames,
  DevPortal: devPortalFieldNames,
  ConsulResolver: consulResolverFieldNames,
};

interface Counts {
  readonly typed: number;
  readonly compiled: number;
  readonly shown: number;
}

interface Coverage {
  readonly counts: Counts;
  readonly notCompiled: readonly string[];
  readonly notShown: readonly string[];
}

const floorFile = path.join(root, "hack/coverage-floor.json");

/** Of a Module the keys of its config, which is where its fields are. */
function typedFields(kind: (typeof customKinds)[number]): readonly string[] {
  const schema = kind.kind === "Module" ? moduleConfigSchema : kind.schema;
  return Object.keys(jsonSchemaOf(schema).properties ?? {});
}

const MARKER = /^[ \t]*\/\/ shows: (.+)\n(.*)$/gm;

/** Fields named by `// shows: Kind.field Kind.field` on the line before a test, with the file that says so. */
function shownFields(directory: string): ReadonlyMap<string, string> {
  const shown = new Map<string, string>();
  for (const file of fs.readdirSync(directory, { recursive: true, encoding: "utf8" })) {
    if (!file.endsWith(".test.ts")) continue;
    for (const [, names = "", next = ""] of fs.readFileSync(path.join(directory, file), "utf8").matchAll(MARKER)) {
      if (!/^\s*it(\.each)?[(<]/.test(next)) throw new Error(`${file}: "shows: ${names}" does not stand before a test`);
      for (const name of names.trim().split(/\s+/)) shown.set(name, file);
    }
  }
  return shown;
}

function coverage(): ReadonlyMap<string, Coverage> {
  const shown = shownFields(path.join(root, "test"));
  const known = new Set<string>();
  const result = new Map<string, Coverage>();
  for (const kind of customKinds) {
    const typed = typedFields(kind);
    for (const field of typed) known.add(`${kind.kind}.${field}`);
    const compiled = compiledFields[kind.kind];
    const notCompiled = typed.filter((field) => !compiled.has(field));
    const notShown = typed.filter((field) => compiled.has(field) && !shown.has(`${kind.kind}.${field}`));
    const count = typed.length - notCompiled.length;
    result.set(kind.kind, {
      counts: { typed: typed.length, compiled: count, shown: count - notShown.length },
      notCompiled,
      notShown,
    });
    const unknown = [...compiled].filter((field) => !typed.includes(field));
    if (unknown.length > 0)
      throw new Error(`${kind.kind} has no field ${unknown.join(", ")}, which is said to be read`);
  }
  for (const [name, file] of shown) if (!known.has(name)) throw new Error(`${file}: there is no field ${name}`);
  return result;
}

function row(cells: readonly (string | number)[]): string {
  const [first = "", ...others] = cells;
  return `${String(first).padEnd(28)}${others.map((cell) => String(cell).padStart(10)).join("")}`;
}

function print(all: ReadonlyMap<string, Coverage>): void {
  console.log(row(["kind", "typed", "compiled", "shown"]));
  const total = { typed: 0, compiled: 0, shown: 0 };
  for (const [kind, { counts }] of all) {
    console.log(row([kind, counts.typed, counts.compiled, counts.shown]));
    for (const key of ["typed", "compiled", "shown"] as const) total[key] += counts[key];
  }
  console.log(row(["all", total.typed, total.compiled, total.shown]));
}

/** What fell below the recorded floor. */
function belowFloor(all: ReadonlyMap<string, Coverage>): readonly string[] {
  const floor = JSON.parse(fs.readFileSync(floorFile, "utf8")) as Readonly<Record<string, Counts>>;
  return Object.entries(floor).flatMap(([kind, least]) =>
    (["typed", "compiled", "shown"] as const).flatMap((key) => {
      const now = all.get(kind)?.counts[key] ?? 0;
      return now < least[key] ? [`${kind}: ${now} fields ${key}, and there were ${least[key]}`] : [];
    }),
  );
}

function main(flags: ReadonlySet<string>): number {
  const all = coverage();
  print(all);
  if (flags.has("--missing")) {
    for (const [kind, { notCompiled, notShown }] of all) {
      if (notCompiled.length > 0) console.log(`${kind}, not compiled: ${notCompiled.join(" ")}`);
      if (notShown.length > 0) console.log(`${kind}, compiled and not shown: ${notShown.join(" ")}`);
    }
  }
  if (flags.has("--write")) {
    const counts = Object.fromEntries([...all].map(([kind, each]) => [kind, each.counts]));
    fs.writeFileSync(floorFile, `${JSON.stringify(counts, null, 2)}\n`);
  }
  if (!flags.has("--check")) return 0;
  const fallen = belowFloor(all);
  for (const line of fallen) console.error(`coverage:fields: ${line}`);
  if (fallen.length > 0)
    console.error("coverage:fields: show the fields again; a floor is lowered by hand in hack/coverage-floor.json");
  return fallen.length === 0 ? 0 : 1;
}

if (import.meta.main) process.exitCode = main(new Set(process.argv.slice(2)));
