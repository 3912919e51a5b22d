import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, startGateway } from "../support/gateway.ts";
import { backendOf, ingressClass, ingressOf, pathOf, type PathType, ruleOf, serviceOf } from "../support/ingress.ts";

let gateway: Gateway;
let backends: readonly EchoBackend[];

beforeAll(async () => {
  [gateway, ...backends] = await Promise.all([startGateway(), ...["a", "b", "c"].map(echoBackend)]);
  await gateway.apply(manifests());
});

afterAll(async () => {
  await Promise.all([gateway.stop(), ...backends.map((backend) => backend.close())]);
});

type Path = readonly [type: PathType, path: string];
type Row = readonly [paths: readonly Path[], request: string, taken: "a" | "b" | "c" | "none"];

// Typed in by hand from the specification of Ingress: its table of path types, its rules where several paths match, and rows that
// follow from them. The first path of a row leads to the backend a, the second to b, the third to c.
const rows: readonly Row[] = [
  [[["Prefix", "/"]], "/", "a"],
  [[["Prefix", "/"]], "/anything/at/all", "a"],
  [[["Exact", "/foo"]], "/foo", "a"],
  [[["Exact", "/foo"]], "/bar", "none"],
  [[["Exact", "/foo"]], "/foo/", "none"],
  [[["Exact", "/foo/"]], "/foo", "none"],
  [[["Exact", "/foo/"]], "/foo/", "a"],
  [[["Exact", "/foo"]], "/foo?query=1", "a"],
  [[["Exact", "/foo"]], "/FOO", "none"],
  [[["Exact", "/"]], "/", "a"],
  [[["Exact", "/"]], "/foo", "none"],
  [[["Prefix", "/foo"]], "/foo", "a"],
  [[["Prefix", "/foo"]], "/foo/", "a"],
  [[["Prefix", "/foo"]], "/foo/bar", "a"],
  [[["Prefix", "/foo"]], "/foobar", "none"],
  [[["Prefix", "/foo"]], "/foo?query=1", "a"],
  [[["Prefix", "/foo"]], "/Foo", "none"],
  [[["Prefix", "/foo"]], "/bar/foo", "none"],
  [[["Prefix", "/foo/"]], "/foo", "a"],
  [[["Prefix", "/foo/"]], "/foo/", "a"],
  [[["Prefix", "/foo/"]], "/foobar", "none"],
  [[["Prefix", "/aaa/bb"]], "/aaa/bbb", "none"],
  [[["Prefix", "/aaa/bbb"]], "/aaa/bbb", "a"],
  [[["Prefix", "/aaa/bbb/"]], "/aaa/bbb", "a"],
  [[["Prefix", "/aaa/bbb"]], "/aaa/bbb/", "a"],
  [[["Prefix", "/aaa/bbb"]], "/aaa/bbb/ccc", "a"],
  [[["Prefix", "/aaa/bbb"]], "/aaa/bbbxyz", "none"],
  [
    [
      ["Prefix", "/aaa"],
      ["Prefix", "/"],
    ],
    "/aaa/ccc",
    "a",
  ],
  [
    [
      ["Prefix", "/"],
      ["Prefix", "/aaa"],
    ],
    "/aaa/ccc",
    "b",
  ],
  [
    [
      ["Prefix", "/"],
      ["Prefix", "/aaa"],
      ["Prefix", "/aaa/bbb"],
    ],
    "/aaa/bbb",
    "c",
  ],
  [
    [
      ["Prefix", "/"],
      ["Prefix", "/aaa"],
      ["Prefix", "/aaa/bbb"],
    ],
    "/aaa/bbbb",
    "b",
  ],
  [
    [
      ["Prefix", "/"],
      ["Prefix", "/aaa"],
      ["Prefix", "/aaa/bbb"],
    ],
    "/ccc",
    "a",
  ],
  [[["Prefix", "/aaa"]], "/ccc", "none"],
  // The same path twice: Exact is asked first, whatever the order in which they are written.
  [
    [
      ["Prefix", "/foo"],
      ["Exact", "/foo"],
    ],
    "/foo",
    "b",
  ],
  [
    [
      ["Exact", "/foo"],
      ["Prefix", "/foo"],
    ],
    "/foo",
    "a",
  ],
  [
    [
      ["Prefix", "/foo"],
      ["Exact", "/foo"],
    ],
    "/foo/",
    "a",
  ],
  [
    [
      ["Prefix", "/foo"],
      ["Exact", "/foo"],
    ],
    "/foo/bar",
    "a",
  ],
  [
    [
      ["Prefix", "/foo/"],
      ["Exact", "/foo"],
    ],
    "/foo",
    "b",
  ],
  [
    [
      ["Prefix", "/foo/bar/baz"],
      ["Exact", "/foo/bar"],
      ["Prefix", "/foo"],
    ],
    "/foo/bar",
    "b",
  ],
  [
    [
      ["Prefix", "/foo/bar/baz"],
      ["Exact", "/foo/bar"],
      ["Prefix", "/foo"],
    ],
    "/foo/bar/",
    "c",
  ],
  // ImplementationSpecific is a plain prefix.
  [[["ImplementationSpecific", "/foo"]], "/foobar", "a"],
  [[["ImplementationSpecific", "/foo/"]], "/foo", "none"],
  [
    [
      ["ImplementationSpecific", "/foo"],
      ["Prefix", "/foo"],
    ],
    "/foo/bar",
    "b",
  ],
  [
    [
      ["ImplementationSpecific", "/foo"],
      ["Prefix", "/foo"],
    ],
    "/foo",
    "b",
  ],
  [
    [
      ["ImplementationSpecific", "/foo"],
      ["Prefix", "/foo"],
    ],
    "/foobar",
    "a",
  ],
  [
    [
      ["ImplementationSpecific", "/foo"],
      ["Exact", "/foo"],
    ],
    "/foo",
    "b",
  ],
];

/** Hosts of rules, and which one is meant by a request's host: a star stands for exactly one label. */
const hosts: readonly (readonly [rules: readonly string[], request: string, taken: "a" | "b" | "none"])[] = [
  [["foo.h1.com"], "foo.h1.com", "a"],
  [["foo.h2.com"], "bar.h2.com", "none"],
  [["foo.h3.com"], "FOO.h3.com:8080", "a"],
  [["*.h4.com"], "bar.h4.com", "a"],
  [["*.h5.com"], "baz.bar.h5.com", "none"],
  [["*.h6.com"], "h6.com", "none"],
  [["*.h7.com"], "Bar.H7.com:8080", "a"],
  [["*.h8.com"], "bar.h8xcom", "none"],
  // The narrower host is meant, however long its name is.
  [["*.h9.com", "a.h9.com"], "a.h9.com", "b"],
  [["*.h10.com", "a.h10.com"], "b.h10.com", "a"],
  [["a-rather-long-name.h11.com", "*.h11.com"], "a-rather-long-name.h11.com", "a"],
];

function manifests(): string {
  const ofRows = rows.map(([paths], index) =>
    ingressOf(`row-${index}`, {
      rules: [
        ruleOf(
          `row${index}.example.com`,
          ...paths.map(([type, path], i) => pathOf(path, type, backends[i] as EchoBackend)),
        ),
      ],
    }),
  );
  const ofHosts = hosts.map(([rules], index) =>
    ingressOf(`host-${index}`, {
      rules: rules.map((host, i) => ruleOf(host, pathOf("/", "Prefix", backends[i] as EchoBackend))),
    }),
  );
  return [ingressClass, ...backends.map(serviceOf), ...ofRows, ...ofHosts].join("");
}

async function taken(path: string, host: string): Promise<string> {
  const answer = await gateway.request(path, { host });
  return answer.status === 404 ? "none" : answer.echo().backend;
}

describe("the paths of an Ingress", () => {
  it.each(rows.map(([paths, request, expected], index) => ({ paths: paths.join(" "), request, expected, index })))(
    "$paths: $request goes to $expected",
    async ({ request, expected, index }) => {
      expect(await taken(request, `row${index}.example.com`)).toBe(expected);
    },
  );
});

describe("the hosts of an Ingress", () => {
  it.each(hosts.map(([rules, request, expected]) => ({ rules: rules.join(" "), request, expected })))(
    "$rules: $request goes to $expected",
    async ({ request, expected }) => {
      expect(await taken("/", request)).toBe(expected);
    },
  );
});

describe("what no rule matches", () => {
  it("goes to the default backend, below all rules", async () => {
    const [a, b] = backends as [EchoBackend, EchoBackend];
    const spec = { defaultBackend: backendOf(b), rules: [ruleOf("d.example.com", pathOf("/aaa", "Prefix", a))] };
    await gateway.apply([ingressClass, serviceOf(a), serviceOf(b), ingressOf("d", spec)].join(""));
    expect(await taken("/aaa/x", "d.example.com")).toBe("a");
    expect(await taken("/ccc", "d.example.com")).toBe("b");
    expect(await taken("/aaa/x", "other.example.com")).toBe("b");
  });
});
