import { describe, expect, it } from "@jest/globals";
import type { Kind } from "../../capabilities/kinds.ts";
import { webhookRules } from "../../capabilities/rules.ts";
import { webhookConfiguration, webhookTrust } from "../../capabilities/webhook.ts";
import { admitBySchema, type Change, createAdmit, type Verdict } from "../../insight/admit.ts";
import { mapping, object } from "./reviews.ts";
import { settings, storeWith } from "./state.ts";

const annotated = (config: string, spec: object = { ports: [{ port: 80 }] }, metadata: object = {}) => ({
  ...object("Service", "quote", spec, { annotations: { "getambassador.io/config": config }, ...metadata }),
  apiVersion: "v1",
});

const inside = (more: string) =>
  `{ apiVersion: getambassador.io/v3alpha1, kind: Mapping, name: q, hostname: "*", prefix: /q/, service: quote${more} }`;
const bad = inside(", timeout_ms: 3s");
const why =
  'Service default/quote: metadata.annotations["getambassador.io/config"][0].timeout_ms: "3s" is not an integer; write a number of milliseconds, for example 3000';

function judge(change: Change, of = settings, ...others: readonly unknown[]): Verdict {
  return createAdmit()(change, storeWith(...others).resources(), of);
}

describe("admission of a Service with objects in its annotation", () => {
  it("allows good ones without a word", () => {
    expect(judge({ kind: "create", object: annotated(inside("")) })).toMatchObject({ allowed: true, warnings: [] });
  });

  it("denies bad ones, by their fields and by what they refer to", () => {
    expect(judge({ kind: "create", object: annotated(bad) })).toMatchObject({ allowed: false, message: why });
    const { message } = judge({ kind: "create", object: annotated(inside(", resolver: nope")) });
    expect(message).toContain(
      'metadata.annotations["getambassador.io/config"][0].resolver: there is no resolver "nope"',
    );
    expect(judge({ kind: "create", object: annotated("a: [") }).allowed).toBe(false);
  });

  it("denies one of the name of an object that is there", () => {
    const { message } = judge({ kind: "create", object: annotated(inside("")) }, settings, mapping("q"));
    expect(message).toContain("there are two objects Mapping default/q: the Mapping default/q is used");
    // And the other way round it is the Service that is told.
    const create: Change = { kind: "create", object: mapping("q") };
    expect(judge(create, settings, annotated(inside("")))).toMatchObject({ allowed: true, warnings: [] });
  });

  it("hinders no change of the Service that leaves a bad annotation as it is", () => {
    const before = annotated(bad);
    const change: Change = { kind: "update", object: annotated(bad, { ports: [{ port: 81 }] }), before };
    expect(judge(change)).toMatchObject({ allowed: true, warnings: [why] });
    expect(judge({ kind: "update", object: before, before: annotated(inside("")) }).allowed).toBe(false);
  });

  it("leaves alone what is for another gateway, and judges what is for this one whatever its id", () => {
    const create: Change = { kind: "create", object: annotated(inside(", ambassador_id: [blue], timeout_ms: 3s")) };
    expect(judge(create)).toMatchObject({ allowed: true, warnings: [] });
    expect(judge(create, { ...settings, ambassadorId: "blue" }).allowed).toBe(false);
  });

  it("judges by schema where the state is not known", () => {
    const verdict = (config: string, id = "default") =>
      admitBySchema({ kind: "create", object: annotated(config) }, id, "it is dark");
    expect(verdict(bad)).toMatchObject({ allowed: false, message: why });
    expect(verdict("a: [").allowed).toBe(false);
    expect(verdict(bad, "blue").allowed).toBe(true);
    expect(verdict(inside("")).allowed).toBe(true);
  });
});

const annotatedKinds = ({ validated }: Pick<Kind, "validated">) => validated === "annotated";

describe("the webhook", () => {
  it("is asked about Services where they have the annotation, of deletions by people, and trusted for all", () => {
    const { webhooks } = webhookConfiguration({}) as { webhooks: { rules: unknown; matchConditions?: unknown[] }[] };
    expect(webhooks.map(({ rules }) => rules)).toEqual([
      webhookRules(),
      webhookRules(annotatedKinds),
      webhookRules(undefined, ["DELETE"]),
    ]);
    expect(webhooks.map(({ matchConditions = [] }) => matchConditions.length)).toEqual([0, 1, 1]);
    expect(webhookRules(annotatedKinds).flatMap(({ resources }) => resources)).toEqual(["services"]);
    const names = (of: unknown) => (of as { webhooks: { name: string }[] }).webhooks.map(({ name }) => name);
    expect(names(webhookTrust("x"))).toEqual(names(webhookConfiguration({})));
  });
});
