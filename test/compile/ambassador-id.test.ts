import { describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import { versionedKinds } from "../../crds/versions/kinds.ts";
import { formatProblem } from "../../ir/problem.ts";
import { listenerAndHost, mapping } from "../support/gateway.ts";

type Spec = Readonly<Record<string, unknown>>;

/** An object of a kind. */
interface Row {
  readonly kind: string;
  readonly name?: string;
  readonly spec: Spec;
  /** What shows that it is there. */
  readonly beside?: string;
}

const toResolver = mapping("by-resolver", { prefix: "/resolver/", service: "quote", resolver: "own" });

const rows: readonly Row[] = [
  { kind: "Mapping", spec: { prefix: "/own/", service: "own.example.com", hostname: "*" } },
  { kind: "TCPMapping", spec: { port: 6789, service: "own.example.com:9000" } },
  { kind: "Host", spec: { hostname: "own.example.com", requestPolicy: { insecure: { action: "Route" } } } },
  {
    kind: "Listener",
    spec: { port: 8090, protocol: "HTTP", securityModel: "XFP", hostBinding: { namespace: { from: "ALL" } } },
  },
  {
    kind: "TLSContext",
    spec: { sni: "own.example.com" },
    beside: mapping("by-context", { prefix: "/tls/", service: "https://quote.example.com", tls: "own" }),
  },
  { kind: "Module", name: "ambassador", spec: { config: { server_name: "own" } } },
  { kind: "Module", name: "authentication", spec: { config: { auth_service: "own.example.com" } } },
  { kind: "AuthService", spec: { auth_service: "own.example.com" } },
  { kind: "RateLimitService", spec: { service: "own.example.com", protocol_version: "v3" } },
  { kind: "LogService", spec: { service: "own.example.com", driver: "http", grpc: true, protocol_version: "v3" } },
  { kind: "TracingService", spec: { service: "own.example.com:9411", driver: "zipkin" } },
  { kind: "DevPortal", spec: { default: true } },
  { kind: "ConsulResolver", spec: { address: "consul.example.com:8500", datacenter: "dc1" }, beside: toResolver },
  { kind: "KubernetesServiceResolver", spec: {}, beside: toResolver },
  { kind: "KubernetesEndpointResolver", spec: {}, beside: toResolver },
];

const settings = { ownNamespace: "default", bindAddress: "127.0.0.1", inCluster: true, knative: true };

/** Bytes and problems, of a gateway with this id. What stands beside is for every gateway. */
function seenBy(ambassadorId: string, text: string): unknown {
  const { resources, problems: unread } = manifestReader()(new Map([["test.yaml", { kind: "text", text }]]));
  const { snapshot, problems, endpoints } = compile(resources, { ...settings, ambassadorId });
  return {
    ...Object.fromEntries(
      Object.entries(snapshot).map(([type, map]) => [type, [...map.values()].map((each) => each.version).sort()]),
    ),
    endpoints: [...endpoints.keys()].sort(),
    problems: [...unread, ...problems].map(formatProblem),
  };
}

/** Listener, Host and a Mapping, and what the row wants beside it, as manifests for every gateway. */
function base(beside = ""): string {
  const text = `${listenerAndHost(8080)}${mapping("base", { prefix: "/base/", service: "base.example.com" })}${beside}`;
  return text.replaceAll(/(spec: \{|"spec":\{)/g, (open) => `${open}"ambassador_id": ["_automatic_"], `);
}

interface Form {
  readonly id: string;
  readonly version?: string;
  /** Undefined: not written. */
  readonly ids: unknown;
  readonly isOurs: boolean;
}

const modern: readonly Form[] = [
  { id: "default", ids: undefined, isOurs: true },
  { id: "default", ids: [], isOurs: true },
  { id: "default", ids: ["default"], isOurs: true },
  { id: "default", ids: ["blue", "default"], isOurs: true },
  { id: "default", ids: ["_automatic_"], isOurs: true },
  { id: "default", ids: ["blue"], isOurs: false },
  { id: "blue", ids: undefined, isOurs: false },
  { id: "blue", ids: [], isOurs: false },
  { id: "blue", ids: ["default"], isOurs: false },
  { id: "blue", ids: ["Blue", "blue2"], isOurs: false },
  { id: "blue", ids: ["green", "blue"], isOurs: true },
  { id: "blue", ids: ["_automatic_"], isOurs: true },
];

const old: readonly Form[] = ["v2", "v1"].flatMap((version) => [
  { version, id: "default", ids: undefined, isOurs: true },
  { version, id: "blue", ids: undefined, isOurs: false },
  { version, id: "blue", ids: "blue", isOurs: true },
  { version, id: "blue", ids: "_automatic_", isOurs: true },
  { version, id: "blue", ids: "green", isOurs: false },
  { version, id: "default", ids: "green", isOurs: false },
  { version, id: "blue", ids: ["green", "blue"], isOurs: true },
  { version, id: "blue", ids: ["green"], isOurs: false },
  // As v3alpha1 is written in v2, for versions of Emissary that know no other.
  { version, id: "blue", ids: ["--apiVersion-v3alpha1-only--blue"], isOurs: true },
]);

function formsOf(kind: string): readonly Form[] {
  const { older = [] } = versionedKinds.get(kind) ?? {};
  return [...modern, ...old.filter(({ version }) => older.some((each) => each === version))];
}

/** An object of its own, and in an annotation of a Service in both ways. */
const places: Readonly<Record<string, (apiVersion: string, kind: string, name: string, spec: Spec) => string>> = {
  "of its own": (apiVersion, kind, name, spec) => JSON.stringify({ apiVersion, kind, metadata: { name }, spec }),
  "in an annotation": (apiVersion, kind, name, spec) => annotated({ apiVersion, kind, name, ...spec }),
  "in an annotation, with a spec": (apiVersion, kind, name, spec) =>
    annotated({ apiVersion, kind, metadata: { name }, spec }),
};

function annotated(object?: object): string {
  const config = object === undefined ? "" : JSON.stringify(object);
  const annotations = { "getambassador.io/config": config };
  const spec = { clusterIP: "10.96.0.7", ports: [{ port: 80 }] };
  return JSON.stringify({ apiVersion: "v1", kind: "Service", metadata: { name: "bearer", annotations }, spec });
}

/** For another gateway, and with values of a type that no field of it has. */
const spoiled = (spec: Spec): Spec => ({
  ...Object.fromEntries(Object.keys(spec).map((key) => [key, [{}]])),
  ambassador_id: ["blue"],
});

describe.each(Object.entries(places))("an object %s", (_, place) => {
  describe.each(rows.map((row) => [`${row.kind} ${row.name ?? ""}`.trim(), row] as const))("%s", (_name, row) => {
    const { kind, name = "own", spec, beside } = row;
    const bearer = place === places["of its own"] ? "" : `---\n${annotated()}\n`;
    const without = (id: string) => seenBy(id, `${base(beside)}${bearer}`);
    const withIds = ({ id, version = "v3alpha1", ids }: Form) => {
      const own = ids === undefined ? spec : { ...spec, ambassador_id: ids };
      return seenBy(id, `${base(beside)}---\n${place(`getambassador.io/${version}`, kind, name, own)}\n`);
    };

    it.each(formsOf(kind).filter(({ isOurs }) => isOurs))("has its effect on $id with $version $ids", (form) => {
      const seen = withIds(form);
      expect(seen).not.toEqual(without(form.id));
      // The effect is the same however it is written.
      if (form.version === undefined) expect(seen).toEqual(withIds({ id: form.id, ids: [form.id], isOurs: true }));
    });

    it.each(formsOf(kind).filter(({ isOurs }) => !isOurs))("has none on $id with $version $ids", (form) => {
      expect(withIds(form)).toEqual(without(form.id));
    });

    it("is nobody else's business when it is wrong", () => {
      const text = `${base(beside)}---\n${place("getambassador.io/v3alpha1", kind, name, spoiled(spec))}\n`;
      expect(seenBy("default", text)).toEqual(without("default"));
    });
  });
});

/** Ingresses, their classes and Knative's say it by an annotation, which holds one name. */
const annotatedRows: Readonly<Record<string, (annotations: Spec) => readonly object[]>> = {
  "an Ingress": (annotations) => [
    ingress({ ...annotations, "kubernetes.io/ingress.class": "ambassador" }, { defaultBackend: toWeb }),
  ],
  "an IngressClass": (annotations) => [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "IngressClass",
      metadata: { name: "ours", annotations },
      spec: { controller: "getambassador.io/ingress-controller", parameters: { kind: "ConfigMap", name: "some" } },
    },
  ],
  "an Ingress of Knative": (annotations) => [
    {
      apiVersion: "networking.internal.knative.dev/v1alpha1",
      kind: "Ingress",
      metadata: { name: "own", annotations },
      spec: {
        rules: [
          {
            hosts: ["own.example.com"],
            visibility: "ExternalIP",
            http: {
              paths: [{ splits: [{ serviceName: "web", serviceNamespace: "default", servicePort: 80, percent: 100 }] }],
            },
          },
        ],
      },
    },
  ],
};

const toWeb = { service: { name: "web", port: { number: 80 } } };

function ingress(annotations: Spec, spec: Spec): object {
  return { apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { name: "own", annotations }, spec };
}

describe.each(Object.entries(annotatedRows))("%s", (_, objects) => {
  const seen = (id: string, annotation: string | undefined) => {
    const annotations = annotation === undefined ? {} : { "getambassador.io/ambassador-id": annotation };
    return seenBy(
      id,
      base() +
        objects(annotations)
          .map((each) => `---\n${JSON.stringify(each)}\n`)
          .join(""),
    );
  };

  it.each([
    { id: "default", annotation: undefined, isOurs: true },
    { id: "default", annotation: "default", isOurs: true },
    { id: "default", annotation: "blue", isOurs: false },
    { id: "blue", annotation: undefined, isOurs: false },
    { id: "blue", annotation: "default", isOurs: false },
    { id: "blue", annotation: "blue", isOurs: true },
  ])("for $id with the annotation $annotation: $isOurs", ({ id, annotation, isOurs }) => {
    const without = seenBy(id, base());
    if (isOurs) expect(seen(id, annotation)).not.toEqual(without);
    else expect(seen(id, annotation)).toEqual(without);
  });
});

it("an Ingress is served by the class of the gateway with its id alone", () => {
  const classOf = (id: string) => ({
    apiVersion: "networking.k8s.io/v1",
    kind: "IngressClass",
    metadata: { name: id, annotations: { "getambassador.io/ambassador-id": id } },
    spec: { controller: "getambassador.io/ingress-controller" },
  });
  const text = (ingressClassName: string) =>
    [
      classOf("blue"),
      classOf("green"),
      ingress({ "getambassador.io/ambassador-id": "blue" }, { ingressClassName, defaultBackend: toWeb }),
    ]
      .map((each) => `---\n${JSON.stringify(each)}\n`)
      .join("");
  expect(seenBy("blue", base() + text("blue"))).not.toEqual(seenBy("blue", base()));
  expect(seenBy("blue", base() + text("green"))).toEqual(seenBy("blue", base()));
  expect(seenBy("green", base() + text("green"))).toEqual(seenBy("green", base()));
});
