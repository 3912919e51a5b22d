import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type HttpAuthServer, httpAuthServer } from "../support/auth-servers.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { type EchoBackend, echoBackend } from "../support/gateway.ts";
import { type Random, seeded, seedOfRun } from "../support/random.ts";
import { AUTHORIZED } from "./observations.ts";
import { type ObservedEnvoy, startObservedEnvoy } from "./observed-envoy.ts";
import { linesOf, prove, tell } from "./proof.ts";
import { type Manifest, object, randomWorld } from "./random-worlds.ts";

let envoy: ObservedEnvoy;
let one: EchoBackend;
let two: EchoBackend;
let auth: HttpAuthServer;
let port: number;
let tlsPort: number;
let certificates: readonly Certificate[];

beforeAll(async () => {
  [port, tlsPort, one, two, auth, envoy] = await Promise.all([
    freePort(),
    freePort(),
    echoBackend("one"),
    echoBackend("two"),
    httpAuthServer(),
    startObservedEnvoy(),
  ]);
  certificates = [
    await selfSigned({ hosts: ["server"] }),
    await selfSigned({ hosts: ["authority"], isAuthority: true }),
  ];
  auth.verdict = () => ({ status: 200, headers: { [AUTHORIZED]: "yes" } });
});

afterAll(async () => {
  await envoy.stop();
  await Promise.all([one.close(), two.close(), auth.close()]);
});

const backendAt = (name: string) => (name === "one" ? one : two).service.replace("http://", "");

const everywhere = { hostBinding: { namespace: { from: "ALL" } } };
const http = () => object("Listener", "http", { port, protocol: "HTTP", securityModel: "XFP", ...everywhere });
const tls = () =>
  object("Listener", "https", { port: tlsPort, protocol: "HTTPS", securityModel: "XFP", ...everywhere });
const host = (name: string, hostname: string, action = "Route", more: object = {}) =>
  object("Host", name, { hostname, requestPolicy: { insecure: { action } }, ...more });
const mapping = (name: string, prefix: string, more: object = {}) =>
  object("Mapping", name, { hostname: "*", prefix, service: one.service, ...more });
const guard = () =>
  object("AuthService", "guard", {
    auth_service: `127.0.0.1:${auth.port}`,
    allowed_authorization_headers: [AUTHORIZED],
  });
function secret(name: string, index: number): Manifest {
  const { certificatePem, keyPem } = certificates[index] as Certificate;
  const [cert, key] = [certificatePem, keyPem].map((text) => Buffer.from(text).toString("base64"));
  const data = index === 0 ? { "tls.crt": cert, "tls.key": key } : { "tls.crt": cert };
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name },
    type: index === 0 ? "kubernetes.io/tls" : "Opaque",
    data,
  };
}

interface Kind {
  readonly name: string;
  readonly before: () => readonly Manifest[];
  readonly after: () => readonly Manifest[];
  readonly lines: readonly string[];
}

const front = (...more: readonly Manifest[]) => [http(), host("any", "*"), ...more];
const secured = (...more: readonly Manifest[]) => [
  tls(),
  secret("cert", 0),
  secret("authority", 1),
  withTls("open", "open.test"),
  ...more,
];
const withTls = (name: string, hostname: string, more: object = {}) =>
  host(name, hostname, "Route", { tlsSecret: { name: "cert" }, ...more });
const twentyNames = Array.from({ length: 20 }, (_, index) => `m${10 + index}`);
const twenty = () => twentyNames.map((name) => mapping(name, `/${name}/`));
const shares = () => [mapping("a", "/a/", { weight: 20 }), mapping("b", "/a/", { weight: 30 })];
const split = "20% Mapping default/a, 30% Mapping default/b, 50% Mapping default/root";
const GET = "GET http://example.org";

const kinds: readonly Kind[] = [
  {
    name: "another service",
    before: () => front(mapping("a", "/a/"), mapping("b", "/b/")),
    after: () => front(mapping("a", "/a/", { service: two.service }), mapping("b", "/b/")),
    lines: [`${GET}/a/7: Mapping default/a -> Mapping default/a (target)`],
  },
  {
    name: "another prefix, below a route for everything",
    before: () => front(mapping("a", "/a/"), mapping("root", "/", { service: two.service })),
    after: () => front(mapping("a", "/new/"), mapping("root", "/", { service: two.service })),
    lines: [
      `${GET}/new/7: Mapping default/root -> Mapping default/a (target)`,
      `${GET}/a/7: Mapping default/a -> Mapping default/root (target)`,
    ],
  },
  {
    name: "a Mapping that comes",
    before: () => front(mapping("a", "/a/")),
    after: () => front(mapping("a", "/a/"), mapping("b", "/a/b/", { service: two.service })),
    lines: [`${GET}/a/b/7: Mapping default/a -> Mapping default/b (target)`],
  },
  {
    name: "a Mapping that goes",
    before: () => front(mapping("a", "/a/"), mapping("b", "/b/")),
    after: () => front(mapping("b", "/b/")),
    lines: [`${GET}/a/7: Mapping default/a -> 404 (target)`],
  },
  {
    name: "a precedence that takes from routes further down",
    before: () => front(mapping("a", "/a/"), mapping("b", "/a/b/"), mapping("c", "/c/")),
    after: () =>
      front(mapping("a", "/a/", { precedence: 1, service: two.service }), mapping("b", "/a/b/"), mapping("c", "/c/")),
    lines: [
      `${GET}/a/7: Mapping default/a -> Mapping default/a (target)`,
      `${GET}/a/b/7: Mapping default/b -> Mapping default/a (target)`,
    ],
  },
  {
    name: "a regex that takes from a prefix",
    before: () => front(mapping("a", "/a/")),
    after: () => front(mapping("a", "/a/"), mapping("r", "/a/[0-9]+", { prefix_regex: true, service: two.service })),
    lines: [`${GET}/a/7: Mapping default/a -> Mapping default/r (target)`],
  },
  {
    name: "a condition on a header",
    before: () => front(mapping("a", "/a/"), mapping("root", "/", { service: two.service })),
    after: () =>
      front(mapping("a", "/a/", { headers: { "x-beta": "1" } }), mapping("root", "/", { service: two.service })),
    lines: [`${GET}/a/7: Mapping default/a -> Mapping default/root (target)`],
  },
  {
    name: "another rewrite",
    before: () => front(mapping("a", "/a/")),
    after: () => front(mapping("a", "/a/", { rewrite: "/v2/", timeout_ms: 5000 })),
    lines: [`${GET}/a/7: Mapping default/a -> Mapping default/a (rewrite)`],
  },
  {
    name: "a redirect instead of a service",
    before: () => front(mapping("a", "/a/")),
    after: () => front(mapping("a", "/a/", { host_redirect: true, service: "elsewhere.test" })),
    lines: [`${GET}/a/7: Mapping default/a -> 301 to elsewhere.test by Mapping default/a (redirect)`],
  },
  {
    name: "bypass_auth",
    before: () => front(guard(), mapping("a", "/a/"), mapping("b", "/b/")),
    after: () => front(guard(), mapping("a", "/a/", { bypass_auth: true }), mapping("b", "/b/")),
    lines: [`${GET}/a/7: Mapping default/a -> Mapping default/a (authorization)`],
  },
  {
    name: "an AuthService that goes",
    before: () => front(guard(), mapping("a", "/a/"), mapping("open", "/open/", { bypass_auth: true })),
    after: () => front(mapping("a", "/a/"), mapping("open", "/open/", { bypass_auth: true })),
    lines: [`${GET}/a/7: Mapping default/a -> Mapping default/a (authorization)`],
  },
  {
    name: "a Host that serves cleartext, and sent it to https",
    before: () => [http(), host("any", "*", "Redirect"), mapping("a", "/a/")],
    after: () => [http(), host("any", "*", "Route"), mapping("a", "/a/")],
    lines: [`${GET}/a/7: 301 to https by Mapping default/a -> Mapping default/a (redirect)`],
  },
  {
    name: "a narrower Host that takes a name from a wider one",
    before: () => front(mapping("a", "/a/", { hostname: "*" })),
    after: () => front(mapping("a", "/a/"), host("own", "own.test", "Reject")),
    lines: ["GET http://own.test/a/7: Mapping default/a -> 404 (target)"],
  },
  {
    name: "a Host that goes",
    before: () => [http(), host("x", "x.test"), host("y", "y.test"), mapping("a", "/a/")],
    after: () => [http(), host("x", "x.test"), mapping("a", "/a/")],
    lines: ["GET http://y.test/a/7: Mapping default/a -> 404, no Host (target)"],
  },
  {
    name: "a share of another Mapping",
    before: () => front(mapping("a", "/a/")),
    after: () => front(mapping("a", "/a/"), mapping("canary", "/a/", { weight: 30, service: two.service })),
    lines: [`${GET}/a/7: Mapping default/a -> 30% Mapping default/canary, 70% Mapping default/a (target)`],
  },
  {
    name: "another target below shares, the rest of which goes on to it",
    before: () => front(...shares(), mapping("root", "/")),
    after: () => front(...shares(), mapping("root", "/", { service: two.service })),
    lines: [
      `${GET}/: Mapping default/root -> Mapping default/root (target)`,
      `${GET}/a/7: ${split} -> ${split} (target)`,
    ],
  },
  {
    name: "a Host with a narrower one inside that has the same routes",
    before: () => [http(), host("wide", "*.test", "Redirect"), host("own", "a.test"), mapping("a", "/a/")],
    after: () => [http(), host("wide", "*.test"), host("own", "a.test"), mapping("a", "/a/")],
    lines: ["GET http://b7.test/a/7: 301 to https by Mapping default/a -> Mapping default/a (redirect)"],
  },
  {
    name: "a Host that takes more Mappings from a wider one than fit a glance",
    before: () => front(...twenty()),
    after: () => front(...twenty(), host("own", "own.test", "Reject")),
    lines: twentyNames
      .toReversed()
      .map((name) => `GET http://own.test/${name}/7: Mapping default/${name} -> 404 (target)`),
  },
  {
    name: "settings that decide nothing of this",
    before: () => front(mapping("a", "/a/"), mapping("b", "/b/")),
    after: () =>
      front(
        mapping("a", "/a/", { timeout_ms: 9000, add_request_headers: { "x-new": { value: "1" } } }),
        mapping("b", "/b/"),
      ),
    lines: [],
  },
  {
    name: "client certificates that are no longer required",
    before: () =>
      secured(withTls("s", "s.test", { tls: { ca_secret: "authority", cert_required: true } }), mapping("a", "/a/")),
    after: () => secured(withTls("s", "s.test"), mapping("a", "/a/")),
    lines: ["GET https://s.test/a/7: Mapping default/a -> Mapping default/a (client certificate)"],
  },
  {
    name: "a TLS Host that goes",
    before: () => secured(withTls("s", "s.test"), withTls("t", "t.test"), mapping("a", "/a/")),
    after: () => secured(withTls("s", "s.test"), mapping("a", "/a/")),
    lines: ["GET https://t.test/a/7: Mapping default/a -> no connection: no such server name (target)"],
  },
];

describe("a plan's requests, sent through Envoy before and after the change", () => {
  it.each(kinds.map((kind) => [kind.name, kind] as const))("%s: are answered as it tells", async (name, kind) => {
    const [before, after] = [kind.before(), kind.after()];
    const told = tell(before, after);
    expect(linesOf(told)).toEqual(kind.lines);
    await prove({ envoy, backendAt }, told, before, after, { name });
  });

  it("random changes of random gateways: are answered as it tells, and others as before", async () => {
    const seed = seedOfRun();
    const random = seeded(seed);
    const counts = { listed: 0, unlisted: 0 };
    for (let round = 0; round < 25; round++) {
      const before = [http(), ...randomWorld(random, { service: one.service })];
      const after = edited(random, before);
      const some = await prove({ envoy, backendAt }, tell(before, after), before, after, { seed, round });
      counts.listed += some.listed;
      counts.unlisted += some.unlisted;
    }
    // A generator that changes nothing would prove nothing.
    expect(counts.listed).toBeGreaterThan(100);
    expect(counts.unlisted).toBeGreaterThan(1000);
  }, 240_000);
});

/** One to three objects of a world go, or are replaced by others, or others come. */
function edited(random: Random, world: readonly Manifest[]): readonly Manifest[] {
  const others = randomWorld(random, { service: two.service }).filter(({ kind }) => kind === "Mapping");
  const result = [...world];
  for (let edits = 1 + random.integer(3); edits > 0; edits--) {
    const other = random.pick(others);
    const at = 1 + random.integer(result.length - 1);
    const { kind, metadata } = result[at] as Manifest;
    const way = random.integer(4);
    if (way === 0) result.splice(at, 1);
    else if (way === 1) result.push({ ...other, metadata: { name: `new${edits}` } });
    else if (kind === "Mapping") result[at] = { ...other, metadata };
    else
      result[at] = {
        ...result[at],
        spec: {
          ...(result[at]?.["spec"] as object),
          requestPolicy: { insecure: { action: random.pick(["Route", "Redirect", "Reject"]) } },
        },
      };
  }
  return result;
}
