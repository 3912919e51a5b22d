import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, startGateway } from "../support/gateway.ts";

// Typed in by hand from the specification (section 4.3, and the rules of host globs). Never generated. Each row is asked of a
// real Envoy. The Host `any` of the harness is for every name and has no selector, unless a row says that it is away.

interface Row {
  readonly why: string;
  /** Hosts, each its spec; the first is called h0. */
  readonly hosts?: readonly object[];
  readonly mapping: object;
  readonly labels?: Readonly<Record<string, string>>;
  /** Names for which the Mapping answers. */
  readonly yes?: readonly string[];
  /** Names for which nothing does. */
  readonly no?: readonly string[];
}

const team = (name: string) => ({ mappingSelector: { matchLabels: { team: name } } });

const globs: readonly Row[] = [
  {
    why: "* is every name, with any port",
    mapping: { hostname: "*" },
    yes: ["a", "a.b.c", "a:8080", "[::1]:80", "10.0.0.1"],
  },
  {
    why: "an exact name",
    mapping: { hostname: "a.test" },
    yes: ["a.test", "A.TEST", "a.test:8080"],
    no: ["b.test", "x.a.test", "a.test."],
  },
  { why: "in capitals", mapping: { hostname: "A.Test" }, yes: ["a.test", "A.TEST"], no: ["b.test"] },
  {
    why: "*.name is whatever ends so, of any depth, and not the name itself",
    mapping: { hostname: "*.a.test" },
    yes: ["x.a.test", "x.y.a.test", "X.A.TEST:80"],
    no: ["a.test", "xa.test", ".a.test.x"],
  },
  {
    why: "*name is whatever ends so, with at least one sign before",
    mapping: { hostname: "*a.test" },
    yes: ["xa.test", "x.a.test", ".a.test", "xa.test:8080"],
    no: ["a.test", "a.test:8080", "xb.test"],
  },
  {
    why: "name.* is whatever begins so, with at least one sign behind",
    mapping: { hostname: "a.*" },
    yes: ["a.test", "a.b.test", "a.x:80"],
    no: ["a.", "b.a.test", "a"],
  },
  { why: "a star at both ends is no wildcard", mapping: { hostname: "*.a.*" }, no: ["x.a.test", "a.test"] },
  { why: "nor is one in the middle", mapping: { hostname: "a.*.test" }, no: ["a.b.test", "a.test"] },
  {
    why: "a port is part of the name",
    mapping: { hostname: "a.test:8080" },
    yes: ["a.test:8080"],
    no: ["a.test", "a.test:80", "a.test:18080"],
  },
  { why: "an IPv6 address", mapping: { hostname: "[::1]" }, yes: ["[::1]", "[::1]:8080"], no: ["[::2]"] },
  { why: "an IPv4 address", mapping: { hostname: "10.0.0.1" }, yes: ["10.0.0.1", "10.0.0.1:8080"], no: ["10.0.0.2"] },
];

const wide = { hostname: "*" };

const association: readonly Row[] = [
  { why: "neither selector nor hostname: no match", mapping: {}, no: ["a.test"] },
  { why: "an empty hostname is none", mapping: { hostname: "" }, no: ["a.test"] },
  {
    why: "a selector alone: labels decide",
    hosts: [{ hostname: "a.test", ...team("x") }],
    mapping: {},
    labels: { team: "x" },
    yes: ["a.test"],
    no: ["b.test"],
  },
  {
    why: "a selector alone, and another label",
    hosts: [{ hostname: "a.test", ...team("x") }],
    mapping: {},
    labels: { team: "y" },
    no: ["a.test"],
  },
  {
    why: "all labels of a selector, not some",
    hosts: [{ hostname: "a.test", mappingSelector: { matchLabels: { team: "x", tier: "1" } } }],
    mapping: {},
    labels: { team: "x" },
    no: ["a.test"],
  },
  {
    why: "selector and hostname: both",
    hosts: [{ hostname: "a.test", ...team("x") }],
    mapping: { hostname: "a.test" },
    labels: { team: "x" },
    yes: ["a.test"],
  },
  {
    why: "selector and hostname: the label alone is not enough",
    hosts: [{ hostname: "a.test", ...team("x") }],
    mapping: { hostname: "b.test" },
    labels: { team: "x" },
    no: ["a.test"],
    yes: ["b.test"],
  },
  {
    why: "selector and hostname: the name alone is not enough, and a wider Host does not stand in",
    hosts: [{ hostname: "a.test", ...team("x") }],
    mapping: { hostname: "a.test" },
    no: ["a.test"],
  },
  {
    why: "an empty selector selects every Mapping, those without a hostname too",
    hosts: [{ hostname: "a.test", mappingSelector: {} }],
    mapping: {},
    yes: ["a.test"],
    no: ["b.test"],
  },
  {
    why: "and an empty matchLabels does",
    hosts: [{ hostname: "a.test", mappingSelector: { matchLabels: {} } }],
    mapping: {},
    yes: ["a.test"],
  },
  {
    why: "the deprecated name of the selector",
    hosts: [{ hostname: "a.test", selector: { matchLabels: { team: "x" } } }],
    mapping: {},
    labels: { team: "x" },
    yes: ["a.test"],
  },
  ...(
    [
      [{ key: "team", operator: "In", values: ["x", "y"] }, { team: "y" }, { team: "z" }],
      [{ key: "team", operator: "NotIn", values: ["x"] }, { team: "y" }, { team: "x" }],
      [{ key: "team", operator: "Exists" }, { team: "y" }, { tier: "1" }],
      [{ key: "team", operator: "DoesNotExist" }, { tier: "1" }, { team: "y" }],
    ] as const
  ).flatMap(([expression, good, bad]): Row[] => {
    const hosts = [{ hostname: "a.test", mappingSelector: { matchExpressions: [expression] } }];
    const why = `matchExpressions, ${expression.operator}`;
    return [
      { why, hosts, mapping: {}, labels: good, yes: ["a.test"] },
      { why: `${why}, and what it does not hold for`, hosts, mapping: {}, labels: bad, no: ["a.test"] },
    ];
  }),
  {
    why: "globs of Host and Mapping overlap: the narrower is served",
    hosts: [{ hostname: "*.a.test" }],
    mapping: { hostname: "x.a.test" },
    yes: ["x.a.test"],
    no: ["y.a.test"],
  },
  {
    why: "a Host of *name has whatever ends so, with at least one sign before: it rejects, and the wide Host does not",
    hosts: [{ hostname: "*a.test", requestPolicy: { insecure: { action: "Reject" } } }],
    mapping: wide,
    yes: ["a.test", "b.test"],
    no: ["xa.test", "x.a.test"],
  },
  {
    why: "a Host of *.name has not the name itself",
    hosts: [{ hostname: "*.a.test", requestPolicy: { insecure: { action: "Reject" } } }],
    mapping: wide,
    yes: ["a.test", "xa.test"],
    no: ["x.a.test", "x.y.a.test"],
  },
  {
    why: "the narrowest Host has a name",
    hosts: [
      { hostname: "*.test", requestPolicy: { insecure: { action: "Reject" } } },
      { hostname: "*.a.test" },
      { hostname: "b.a.test", requestPolicy: { insecure: { action: "Reject" } } },
    ],
    mapping: wide,
    yes: ["x.a.test", "other"],
    no: ["x.test", "b.a.test"],
  },
  {
    why: "a Mapping of *name under a Host of *.name",
    hosts: [{ hostname: "*.a.test" }],
    mapping: { hostname: "*a.test" },
    yes: ["x.a.test", "xa.test"],
    no: ["a.test"],
  },
  {
    why: "a wide Mapping under a narrow Host",
    hosts: [{ hostname: "a.test" }],
    mapping: wide,
    yes: ["a.test", "b.test"],
  },
  {
    why: "a regular expression of names",
    mapping: { host: "[ab]\\.test", host_regex: true },
    yes: ["a.test", "b.test"],
    no: ["c.test", "xa.test"],
  },
  { why: "the deprecated exact name", mapping: { host: "a.test" }, yes: ["a.test"], no: ["b.test"] },
  {
    why: "a condition on :authority is a host",
    mapping: { headers: { ":authority": "a.test" } },
    yes: ["a.test"],
    no: ["b.test"],
  },
];

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const object = (kind: string, name: string, spec: object, labels = {}) =>
  `---\n${JSON.stringify({ apiVersion: "getambassador.io/v3alpha1", kind, metadata: { name, labels }, spec })}\n`;

async function check({ hosts = [], mapping, labels, yes = [], no = [] }: Row): Promise<void> {
  const cleartext = { requestPolicy: { insecure: { action: "Route" } } };
  await gateway.apply(
    hosts.map((spec, index) => object("Host", `h${index}`, { ...cleartext, ...spec })).join("") +
      object("Mapping", "m", { prefix: "/", service: backend.service, ...mapping }, labels),
  );
  const answers = async (names: readonly string[]) =>
    Promise.all(names.map(async (host) => `${host} ${(await gateway.request("/", { host })).status}`));
  expect(await answers(yes)).toEqual(yes.map((host) => `${host} 200`));
  expect(await answers(no)).toEqual(no.map((host) => `${host} 404`));
}

describe("host names", () => {
  it.each(globs.map((row) => [row.why, row] as const))("%s", (_, row) => check(row));

  // The same under a Host that is as wide as can be told by SNI, where they are conditions or domains of their own.
  it.each(
    globs
      .filter(({ mapping }) => (mapping as { hostname: string }).hostname.includes("test"))
      .map((row) => [row.why, row] as const),
  )("beside a Host of the same end: %s", (_, row) => check({ ...row, hosts: [{ hostname: "*.other.test" }] }));
});

describe("which Host takes a Mapping", () => {
  it.each(association.map((row) => [row.why, row] as const))("%s", (_, row) => check(row));
});
