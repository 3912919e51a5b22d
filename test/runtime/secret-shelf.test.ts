import { describe, expect, it } from "@jest/globals";
import { createExpander } from "../../compile/expand.ts";
import { createStore } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource, Resources, SecretResource } from "../../crds/resources.ts";
import { systemClock } from "../../runtime/clock.ts";
import { silentLog } from "../../runtime/log.ts";
import { secretShelf } from "../../runtime/secret-shelf.ts";
import { eventually } from "../support/eventually.ts";

function secret(name: string): SecretResource {
  return parseResource({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name, namespace: "default" },
    stringData: { "tls.crt": name },
  }).resource as SecretResource;
}

function host(name: string, tlsSecret: string): AnyResource {
  return parseResource({
    apiVersion: "getambassador.io/v3alpha1",
    kind: "Host",
    metadata: { name, namespace: "default" },
    spec: { hostname: `${name}.example.com`, tlsSecret: { name: tlsSecret } },
  }).resource as AnyResource;
}

function shelf(
  fetchSecret: (namespace: string, name: string) => Promise<SecretResource | undefined>,
  inForce: () => Resources | undefined = () => undefined,
) {
  const store = createStore(() => undefined);
  const stop = new AbortController();
  const clock = { ...systemClock, setTimer: (_: number, action: () => void) => systemClock.setTimer(0, action) };
  const expander = createExpander();
  const settings = { ambassadorId: "default", ownNamespace: "default", bindAddress: "0.0.0.0", inCluster: true };
  const expand = (resources: Resources) => expander(resources, settings).resources;
  const secrets = secretShelf({ store, expand, inForce, fetchSecret, log: silentLog, clock, signal: stop.signal });
  return { store, secrets, names: () => store.resources().secrets.map(({ name }) => name), stop };
}

describe("the shelf of Secrets", () => {
  it("keeps all until it is known who names which, and then only those that are named", () => {
    const { store, secrets, names } = shelf(() => Promise.reject(new Error("not to be asked")));
    secrets.replace([secret("a"), secret("b")]);
    store.put(host("one", "a"));
    expect(names()).toEqual(["a", "b"]);
    secrets.review();
    expect(names()).toEqual(["a"]);
    secrets.put(secret("c"));
    expect(names()).toEqual(["a"]);
  });

  it("asks for a Secret when it is first named, until it is answered", async () => {
    let asked = 0;
    const { store, secrets, names } = shelf((_, name) =>
      ++asked < 3 ? Promise.reject(new Error("away")) : Promise.resolve(secret(name)),
    );
    secrets.replace([secret("a")]);
    secrets.review();
    store.put(host("one", "a"));
    secrets.review();
    await eventually("the Secret", () => names().includes("a"));
    expect(asked).toBe(3);
  });

  it("asks again for a Secret that nobody named any more when the answer came", async () => {
    const answers: ((secret: SecretResource | undefined) => void)[] = [];
    const { store, secrets, names } = shelf(() => new Promise((resolve) => answers.push(resolve)));
    secrets.replace([secret("a")]);
    secrets.review();
    store.put(host("one", "a"));
    secrets.review();
    store.remove("Host", "default", "one");
    secrets.review();
    answers[0]?.(secret("a"));
    await new Promise((done) => setImmediate(done));
    expect(names()).toEqual([]);
    store.put(host("two", "a"));
    secrets.review();
    expect(answers).toHaveLength(2);
    answers[1]?.(secret("a"));
    await eventually("the Secret", () => names().includes("a"));
  });

  it("believes a watch event that came before the answer", async () => {
    let answer: (secret: SecretResource | undefined) => void = () => undefined;
    const { store, secrets, names } = shelf(() => new Promise((resolve) => (answer = resolve)));
    secrets.replace([secret("a")]);
    secrets.review();
    store.put(host("one", "a"));
    secrets.review();
    secrets.remove("default", "a", "");
    answer(secret("a"));
    await new Promise((done) => setImmediate(done));
    expect(names()).toEqual([]);
  });

  it("drops a Secret that nothing names any more", () => {
    const { store, secrets, names } = shelf(() => Promise.resolve(undefined));
    store.put(host("one", "a"));
    secrets.replace([secret("a")]);
    secrets.review();
    store.remove("Host", "default", "one");
    secrets.review();
    expect(names()).toEqual([]);
  });

  it("keeps those of an object that serves on in its last good version", () => {
    let inForce: Resources | undefined;
    const { store, secrets, names } = shelf(
      () => Promise.resolve(undefined),
      () => inForce,
    );
    store.put(host("one", "a"));
    secrets.replace([secret("a")]);
    secrets.review();
    inForce = store.resources();
    // Of an object with an error nothing is known but its name.
    const broken = { hostname: "one.example.com", tlsSecret: { name: "b" }, requestPolicy: "Route" };
    store.put(
      parseResource({
        apiVersion: "getambassador.io/v3alpha1",
        kind: "Host",
        metadata: { name: "one", namespace: "default" },
        spec: broken,
      }).resource as AnyResource,
    );
    secrets.review();
    expect(names()).toEqual(["a"]);
    store.put(host("one", "b"));
    inForce = store.resources();
    secrets.review();
    expect(names()).toEqual([]);
  });

  it("keeps those that objects in annotations name", () => {
    const { store, secrets, names } = shelf(() => Promise.resolve(undefined));
    const config =
      "{ apiVersion: getambassador.io/v3alpha1, kind: Host, name: h, hostname: h.example, tlsSecret: { name: a } }";
    const annotated = { name: "s", namespace: "default", annotations: { "getambassador.io/config": config } };
    store.put(
      parseResource({ apiVersion: "v1", kind: "Service", metadata: annotated, spec: {} }).resource as AnyResource,
    );
    secrets.replace([secret("a"), secret("b")]);
    secrets.review();
    expect(names()).toEqual(["a"]);
    store.remove("Service", "default", "s");
    secrets.review();
    expect(names()).toEqual([]);
  });
});
