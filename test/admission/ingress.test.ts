import { describe, expect, it } from "@jest/globals";
import { type Change, createAdmit, type Verdict } from "../../insight/admit.ts";
import { object } from "./reviews.ts";
import { settings, storeWith } from "./state.ts";

const api = { apiVersion: "networking.k8s.io/v1" };
const ingressClass = {
  ...object("IngressClass", "nuncio", { controller: "getambassador.io/ingress-controller" }, { namespace: undefined }),
  ...api,
};

function ingress(name: string, service: object, metadata: object = {}, spec: object = {}) {
  const rules = [{ http: { paths: [{ path: `/${name}`, pathType: "Prefix", backend: { service } }] } }];
  return { ...object("Ingress", name, { ingressClassName: "nuncio", rules, ...spec }, { ...metadata }), ...api };
}

const good = { name: "quote", port: { number: 80 } };
const bad = { name: "quote", port: { name: "nope" } };

const judge = (change: Change, of = settings): Verdict =>
  createAdmit()(change, storeWith(ingressClass).resources(), of);
const create = (candidate: object): Change => ({ kind: "create", object: candidate });

describe("admission of an Ingress", () => {
  it("allows a right one without a word", () => {
    expect(judge(create(ingress("i", good)))).toMatchObject({ allowed: true, warnings: [] });
  });

  it("denies a wrong one, by its own field", () => {
    expect(judge(create(ingress("i", bad)))).toMatchObject({
      allowed: false,
      message:
        'Ingress default/i: spec.rules[0].http.paths[0].backend.service.port.name: the Service default/quote has no port of the name "nope"; write the name or the number of one of its ports',
    });
  });

  it("warns of what may come later", () => {
    const { allowed, warnings } = judge(create(ingress("i", { name: "later", port: { number: 80 } })));
    expect(allowed).toBe(true);
    expect(warnings).toEqual([
      "Ingress default/i: spec.rules[0].http.paths[0].backend.service.name: there is no Service default/later; requests get 503 until it exists",
    ]);
  });

  it("has no business with those of another class or gateway", () => {
    expect(judge(create(ingress("i", bad, {}, { ingressClassName: "nginx" })))).toMatchObject({
      allowed: true,
      warnings: [],
    });
    const blue = ingress("i", bad, { annotations: { "getambassador.io/ambassador-id": "blue" } });
    expect(judge(create(blue))).toMatchObject({ allowed: true, warnings: [] });
  });

  it("hinders no change that leaves alone what is wrong, and judges one of its class", () => {
    const before = ingress("i", bad);
    const touched: Change = { kind: "update", object: ingress("i", bad, { finalizers: ["example.com/f"] }), before };
    expect(judge(touched).allowed).toBe(true);
    const classless = ingress("i", bad, {}, { ingressClassName: undefined });
    const claimed = ingress(
      "i",
      bad,
      { annotations: { "kubernetes.io/ingress.class": "ambassador" } },
      { ingressClassName: undefined },
    );
    expect(judge({ kind: "update", object: claimed, before: classless }).allowed).toBe(false);
  });
});
