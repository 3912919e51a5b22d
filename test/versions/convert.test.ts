import { describe, expect, it } from "@jest/globals";
import { convert, pathAsWritten } from "../../crds/versions/convert.ts";

describe("what cannot be converted", () => {
  const mapping = { apiVersion: "getambassador.io/v2", kind: "Mapping" };
  it.each([
    [null, "v3alpha1", "it is not an object"],
    [[mapping], "v3alpha1", "it is not an object"],
    [{ ...mapping, apiVersion: "apps/v1" }, "v3alpha1", '"apps/v1" is not a version of getambassador.io'],
    [{ kind: "Mapping" }, "v3alpha1", "nothing is not a version of getambassador.io"],
    [mapping, "v4", '"getambassador.io/v4" is not a version of getambassador.io'],
    [{ ...mapping, kind: "Filter" }, "v3alpha1", '"Filter" is not a kind of getambassador.io'],
    [{ ...mapping, kind: 3 }, "v3alpha1", "a number is not a kind of getambassador.io"],
    [{ ...mapping, kind: "Host" }, "v1", "there is no Host in v1"],
    [{ apiVersion: "getambassador.io/v3alpha1", kind: "Listener" }, "v2", "there is no Listener in v2"],
  ])("%j to %s", (raw, version, message) => {
    expect(convert(raw, `getambassador.io/${version}`)).toEqual({ ok: false, message });
  });

  it("passes as it is, where a field has a form of no version", () => {
    const spec = {
      tls: 3,
      headers: "a",
      labels: [1],
      cors: "b",
      host: { c: 1 },
      ambassador_id: 4,
      add_request_headers: [],
    };
    for (const wrong of [spec, "text", 3, null, [spec]]) {
      const result = convert({ ...mapping, spec: wrong }, "getambassador.io/v3alpha1");
      expect(result).toMatchObject({ ok: true, object: { spec: wrong } });
    }
  });

  it("is told, where v2 drops a field without a word", () => {
    const spec = { hostname: "a", stats_name: "b", v2BoolHeaders: [] };
    const result = convert({ ...mapping, spec }, "getambassador.io/v3alpha1");
    expect(result.ok && result.notes.map(({ path, advice }) => [...path, advice.replace(/,.*/, "")])).toEqual([
      ["hostname", "write host"],
      ["v2BoolHeaders", "write headers with true as value"],
      ["stats_name", "write v3StatsName"],
    ]);
  });
});

describe("the place of a field as it was written", () => {
  const spec = {
    host: "a",
    headers: { a: true, b: "c" },
    add_request_headers: { a: "b" },
    remove_request_headers: "a",
    cors: { origins: "a,b" },
    labels: {},
    v3StatsName: "x",
    ambassador_id: "a",
    tls: { v3CRLSecret: "a" },
    tag_headers: ["a"],
  };
  it.each([
    ["Mapping", "hostname", ["host"]],
    ["Mapping", "regex_headers.a", ["headers", "a"]],
    ["Mapping", "headers.b", ["headers", "b"]],
    ["Mapping", "add_request_headers.a.value", ["add_request_headers", "a"]],
    ["Mapping", "remove_request_headers.0", ["remove_request_headers"]],
    ["Mapping", "cors.origins.1", ["cors", "origins"]],
    ["Mapping", "labels.d.0.g.1.generic_key.value", ["labels", "d", 0, "g", 1]],
    ["Mapping", "stats_name", ["v3StatsName"]],
    ["Mapping", "prefix", ["prefix"]],
    ["Mapping", "ambassador_id.0", ["ambassador_id"]],
    ["Host", "tls.crl_secret", ["tls", "v3CRLSecret"]],
    ["TracingService", "custom_tags.0.tag", ["tag_headers", 0]],
  ])("%s %s", (kind, path, expected) => {
    const steps = path.split(".").map((step) => (/^\d+$/.test(step) ? Number(step) : step));
    expect(pathAsWritten({ kind, spec }, ["spec", ...steps])).toEqual(["spec", ...expected]);
  });
});
