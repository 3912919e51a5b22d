import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "@jest/globals";
import { parse, stringify } from "yaml";
import { yamlOptions } from "../../crds/documents.ts";
import { convert } from "../../crds/versions/convert.ts";
import { migrate } from "../../crds/versions/migrate.ts";
import { modernSpec, withoutV2 } from "../../crds/versions/modern.ts";
import { seeded } from "../support/random.ts";
import { kindsOf, randomObject } from "./random-objects.ts";

const untouched = `# A file with all sorts of things.
---
apiVersion: getambassador.io/v3alpha1
kind:   Mapping
metadata: {name:   fine}
spec:   {prefix: '/fine/',    service: a, hostname: "*"}   # as I like it
...
---
apiVersion: apps/v1
kind: Deployment
metadata:
      name: web
---
not: [an, object
---
---
apiVersion: v1
kind: Service
metadata: { name: plain, annotations: { note: "getambassador.io/v2" } }
`;

describe("nuncio migrate", () => {
  it("leaves what is up to date as it is, to the byte", () => {
    for (const text of [untouched, "", "\n", "---\n", untouched.replaceAll("\n", "\r\n"), untouched.trimEnd()]) {
      expect(migrate(text)).toMatchObject({ text, rewritten: [] });
    }
  });

  it("names a document that is no YAML, by its line", () => {
    expect(migrate(untouched).failed).toEqual([
      { line: 14, object: "document", what: expect.stringMatching(/^is not valid YAML: /) },
    ]);
  });

  it("keeps comments, order, quotes and indentation of a document that it rewrites", () => {
    const text = `---
# Where quotes come from.
apiVersion: getambassador.io/v2
kind: Mapping
metadata:
    name: quote # short
spec:
    # who may come
    host: "quote.example.com" # the main one

    prefix: '/quote/'
    service: http://quote
    tls: true # origination
    add_response_headers:
        x-a: "1"
    remove_request_headers: x-secret
    cors:
        methods: [GET, POST]
    # the last word
`;
    expect(migrate(text).text).toBe(`---
# Where quotes come from.
apiVersion: getambassador.io/v3alpha1
kind: Mapping
metadata:
    name: quote # short
spec:
    # who may come
    hostname: "quote.example.com" # the main one

    prefix: '/quote/'
    service: https://quote
    add_response_headers:
        x-a:
            value: "1"
    remove_request_headers:
        - x-secret
    cors:
        methods: [GET, POST]
    # the last word
`);
  });

  it("rewrites only the document that needs it, and Windows' line ends stay", () => {
    const old = `---
apiVersion: getambassador.io/v3alpha1
kind: Host
metadata: { name: all }
spec: { hostname: "*", selector: { matchLabels: { a: "on" } } }
`;
    const { text, rewritten } = migrate((untouched + old + untouched).replaceAll("\n", "\r\n"));
    expect(text).toBe((untouched + old.replace("selector", "mappingSelector") + untouched).replaceAll("\n", "\r\n"));
    expect(rewritten).toEqual([{ line: 21, object: "Host default/all", what: "selector -> mappingSelector" }]);
  });

  it("rewrites JSON as JSON, and Lists item by item", () => {
    const list = {
      apiVersion: "v1",
      kind: "List",
      items: [
        {
          apiVersion: "getambassador.io/v1",
          kind: "Module",
          metadata: { name: "ambassador" },
          spec: { ambassador_id: "a", config: {} },
        },
      ],
    };
    expect(migrate(JSON.stringify(list)).text).toBe(
      JSON.stringify(list).replace("/v1", "/v3alpha1").replace('"a"', '["a"]'),
    );
    const pretty = JSON.stringify(list, undefined, "\t");
    expect(JSON.parse(migrate(pretty).text)).toEqual(
      JSON.parse(pretty.replace("/v1", "/v3alpha1").replace('"a"', '["a"]')),
    );
    expect(migrate(pretty).text).toContain('\t"items"');
    expect(migrate(stringify(list)).rewritten).toEqual([
      { line: 1, object: "Module default/ambassador", what: "v1 -> v3alpha1" },
    ]);
  });

  it("rewrites the annotations of Services and Ingresses, in the form that they have", () => {
    const text = `apiVersion: v1
kind: Service
metadata:
  name: quote
  annotations:
    getambassador.io/config: |
      ---
      # flat
      apiVersion: ambassador/v2
      kind:  Mapping
      name: flat
      host: a.example
      prefix: /flat/
      service: quote
      ---
      apiVersion: getambassador.io/v1
      kind: Mapping
      metadata: { name: whole }
      spec: { prefix: /whole/, service: quote, host: b.example }
spec: { ports: [{ port: 80 }] }
`;
    expect(migrate(text).text).toBe(
      text
        .replace("ambassador/v2", "getambassador.io/v3alpha1")
        .replace("getambassador.io/v1", "getambassador.io/v3alpha1")
        .replaceAll(/\bhost:/g, "hostname:"),
    );
    expect(migrate(text).rewritten.map(({ object }) => object)).toEqual([
      "Service default/quote, annotation: Mapping default/flat",
      "Service default/quote, annotation: Mapping default/whole",
    ]);
  });

  it("leaves nothing of v2 behind", () => {
    const spec = {
      prefix: "/",
      service: "q",
      tls: false,
      headers: { a: true, b: false },
      add_request_headers: { c: null, d: "e" },
      cors: { origins: "a,b" },
      labels: { d: [{ g: ["x"] }] },
    };
    const text = stringify({ apiVersion: "getambassador.io/v2", kind: "Mapping", metadata: { name: "a" }, spec });
    expect((parse(migrate(text).text) as { spec: object }).spec).toEqual({
      prefix: "/",
      service: "q",
      hostname: "*",
      regex_headers: { a: ".*" },
      add_request_headers: { d: { value: "e" } },
      cors: { origins: ["a", "b"] },
      labels: { d: [{ g: [{ generic_key: { value: "x" } }] }] },
    });
  });

  it("says what is left to people", () => {
    const host = "apiVersion: getambassador.io/v1\nkind: Host\nmetadata: { name: a }\n";
    const anchored = `apiVersion: getambassador.io/v2
kind: Mapping
metadata: { name: a }
spec:
  headers: &anchor { a: true }
  other: *anchor
  prefix: /
  service: b
`;
    expect(migrate(host)).toMatchObject({
      text: host,
      failed: [{ object: "Host default/a", what: "was left as it is: there is no Host in v1" }],
    });
    const strange = host.replace("kind: Host", "kind: Filter");
    expect(migrate(strange)).toMatchObject({
      text: strange,
      failed: [{ object: "Filter default/a", what: "was left as it is: Filter is no kind that is known here" }],
    });
    const ancient = host.replace("/v1", "/v0").replace("kind: Host", "kind: Mapping");
    expect(migrate(ancient)).toMatchObject({
      text: ancient,
      failed: [
        {
          object: "Mapping default/a",
          what: "was left as it is: there is no Mapping in v0; write v1, and rewrite that",
        },
      ],
    });
    expect(migrate(anchored)).toMatchObject({
      text: anchored,
      rewritten: [],
      failed: [{ object: "Mapping default/a", what: expect.stringContaining("anchors and aliases") }],
    });
    const stray = "apiVersion: getambassador.io/v2\nkind: Mapping\nmetadata: { name: a }\nspec: { hostname: b }\n";
    expect(migrate(stray).failed).toEqual([
      { line: 1, object: "Mapping default/a", what: "hostname is not a field of v2 and has no effect: it is left out" },
    ]);
  });

  it("writes what the conversion says, of any object, and then finds nothing more to do", () => {
    for (const kind of kindsOf("v2")) {
      for (let seed = 1; seed <= 40; seed++) {
        const object = randomObject(seeded(seed), kind, "v2");
        const { text, failed } = migrate(stringify(object, { ...yamlOptions, aliasDuplicateObjects: false }));
        if (failed.some(({ what }) => what.startsWith("was left")))
          throw new Error(`${kind} ${seed}: ${failed[0]?.what}`);
        const made = convert(object, "getambassador.io/v3alpha1", { remembering: false });
        const expected = made.ok ? made.object : {};
        const spec = expected["spec"];
        const isMap = typeof spec === "object" && spec !== null && !Array.isArray(spec);
        const modern = isMap ? { spec: modernSpec(kind, withoutV2(spec as Record<string, unknown>)).spec } : {};
        const written: unknown = parse(text, yamlOptions);
        if (!isDeepStrictEqual(written, { ...expected, ...modern })) throw new Error(`${kind}, seed ${seed}: ${text}`);
        expect(migrate(text)).toMatchObject({ text, rewritten: [] });
      }
    }
  });
});
