import type { AnyResource } from "../../crds/resources.ts";
import type { Random } from "./random.ts";

/** Objects in an annotation: good, bad, of names that others have too, and what is no object at all. */
export function randomAnnotation(random: Random, randomMapping: (random: Random) => AnyResource): string {
  const part = () => {
    switch (random.integer(6)) {
      case 0:
        return "not: [valid";
      case 1:
        return `{ apiVersion: getambassador.io/v3alpha1, kind: Host, name: h${random.integer(6)}, hostname: a.example.com }`;
      case 2:
        return "{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, prefix: /nameless/ }";
      default: {
        const { name, spec } = randomMapping(random) as AnyResource & { spec: object };
        return JSON.stringify({ apiVersion: "getambassador.io/v3alpha1", kind: "Mapping", name, ...spec });
      }
    }
  };
  return Array.from({ length: 1 + random.integer(3) }, part).join("\n---\n");
}

/** An Ingress of Knative's. */
function randomKnative(random: Random): object {
  const split = (percent: number) => {
    return { serviceName: random.pick(["one", "two"]), serviceNamespace: "default", servicePort: 80, percent };
  };
  const percent = random.pick([0, 30, 100]);
  const path = random.pick([{}, { path: "/a" }, { path: "a" }, { headers: { "x-version": { exact: "1" } } }]);
  const rule = {
    hosts: random.pick([["a.example.com"], ["b.example.com", "c.example.org"]]),
    visibility: random.pick(["ExternalIP", "ClusterLocal"]),
    http: {
      paths: [{ ...path, timeout: random.pick(["1s", "soon"]), splits: [split(percent), split(100 - percent)] }],
    },
  };
  const tls = [{ hosts: ["a.example.com"], secretName: "s0", secretNamespace: "default" }];
  return {
    apiVersion: "networking.internal.knative.dev/v1alpha1",
    kind: "Ingress",
    metadata: { name: `k${random.integer(3)}`, namespace: "default" },
    spec: { rules: [rule], ...(random.chance(0.3) ? { tls } : {}) },
  };
}

/** An Ingress or its class, or one of Knative's, whose Services, ports, Secrets and hosts come and go. */
export function randomIngress(random: Random): object {
  if (random.chance(0.3)) return randomKnative(random);
  const metadata = { name: `i${random.integer(4)}`, namespace: "default" };
  const apiVersion = "networking.k8s.io/v1";
  if (random.chance(0.3)) {
    const controller = random.pick(["getambassador.io/ingress-controller", "example.com/other"]);
    const named = { name: random.pick(["nuncio", "other"]) };
    return { apiVersion, kind: "IngressClass", metadata: named, spec: { controller } };
  }
  const backend = () => {
    const port = random.chance(0.5) ? { name: random.pick(["web", "nope"]) } : { number: 80 };
    return random.chance(0.1) ? { resource: { kind: "Bucket" } } : { service: { name: "one", port } };
  };
  const path = () => ({
    path: random.pick(["/", "/a", "/a/", "/a/b"]),
    pathType: random.pick(["Exact", "Prefix", "ImplementationSpecific"]),
    backend: backend(),
  });
  const rule = () => ({
    ...(random.chance(0.7) ? { host: random.pick(["a.example.com", "*.example.com"]) } : {}),
    http: { paths: [path(), path()] },
  });
  const tls = () => ({
    hosts: random.pick([["a.example.com"], ["c.example.org", "a.example.com"], []]),
    ...(random.chance(0.8) ? { secretName: random.pick(["s0", "s1"]) } : {}),
  });
  return {
    apiVersion,
    kind: "Ingress",
    metadata: {
      ...metadata,
      creationTimestamp: random.pick(["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"]),
      annotations: random.pick([
        {},
        { "kubernetes.io/ingress.class": "ambassador" },
        { "getambassador.io/rewrite": "/" },
      ]),
    },
    spec: {
      ingressClassName: random.pick(["nuncio", "other"]),
      rules: [rule(), rule()],
      ...(random.chance(0.4) ? { tls: [tls()] } : {}),
      ...(random.chance(0.3) ? { defaultBackend: backend() } : {}),
    },
  };
}
