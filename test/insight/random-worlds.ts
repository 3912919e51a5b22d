/** Random gateways whose Mappings overlap, and requests that several of them could take. */
import type { Random } from "../support/random.ts";

export type Manifest = Readonly<Record<string, unknown>>;

export interface WorldRequest {
  readonly method: string;
  readonly authority: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
}

const apiVersion = "getambassador.io/v3alpha1";

export function object(kind: string, name: string, spec: Manifest): Manifest {
  return { apiVersion, kind, metadata: { name }, spec };
}

const segments = ["a", "b", "A", "ab", "x1", "users", "v1", "%3a", "a~b"];
const hostGlobs = ["*", "*.example.com", "a.example.com", "b.example.com", "*.a.example.com", "www.*", "c.a.*"];
const mappingGlobs = ["*", "*", "*", "*.example.com", "a.example.com", "A.example.com", "*.a.example.com", "www.*"];

function randomPath(random: Random): string {
  const path = Array.from({ length: random.integer(4) }, () => random.pick(segments)).join("/");
  return path === "" ? "/" : `/${path}${random.chance(0.5) ? "/" : ""}`;
}

function randomRegex(random: Random): string {
  const path = randomPath(random);
  return random.pick([
    `${path}.*`,
    `${path}[0-9]+`,
    `${path}(x|y)?`,
    `/a?b.*`,
    `(?i)${path}.*`,
    `${path}|/b/.*`,
    `.*\\.html`,
    `[^/]*/.*`,
    `/(users|v1)(/.*)?`,
    `/\\w+/?`,
    `/a$`,
  ]);
}

/** What of a Mapping decides over its match. */
function randomMatch(random: Random): Manifest {
  const spec: Record<string, unknown> = {};
  const kind = random.pick(["prefix", "prefix", "prefix", "exact", "regex", "top"] as const);
  spec["prefix"] = kind === "regex" ? randomRegex(random) : kind === "top" ? "/" : randomPath(random);
  if (kind === "regex") spec["prefix_regex"] = true;
  if (kind === "exact") spec["prefix_exact"] = true;
  if (random.chance(0.15)) spec["case_sensitive"] = false;
  if (random.chance(0.15)) spec["precedence"] = random.integer(5) - 2;
  const host = random.integer(20);
  if (host < 15) spec["hostname"] = random.pick(mappingGlobs);
  else if (host < 17) spec["host"] = "b.example.com";
  else if (host === 17) Object.assign(spec, { host: "(a|b)[.]example.com", host_regex: true });
  else spec["hostname"] = "*";
  const headers: Record<string, string> = {};
  const regexes: Record<string, string> = {};
  if (random.chance(0.25)) headers["X-Version"] = random.pick(["1", "2", "1,2"]);
  if (random.chance(0.1)) regexes["x-user"] = random.pick(["[a-m].*", "anna|bert", ".*"]);
  if (random.chance(0.05)) headers["x_under"] = "1";
  if (random.chance(0.05)) headers["x-forwarded-proto"] = random.pick(["http", "https"]);
  if (random.chance(0.03)) headers["Host"] = "a.example.com";
  if (random.chance(0.03) && host >= 19) regexes[":authority"] = "[ab]\\..*";
  if (Object.keys(headers).length > 0) spec["headers"] = headers;
  if (Object.keys(regexes).length > 0) spec["regex_headers"] = regexes;
  if (random.chance(0.15)) spec["method"] = random.pick(["GET", "POST"]);
  else if (random.chance(0.08)) Object.assign(spec, { method: "GET|PUT", method_regex: true });
  if (random.chance(0.12)) spec["query_parameters"] = { q: random.pick(["1", "2", "%31"]) };
  if (random.chance(0.06)) spec["regex_query_parameters"] = { r: "[0-9]*" };
  return spec;
}

const substitution = { pattern: "/(a|b|users)([^/]*)", substitution: "/\\2-\\1" };

/** What of a Mapping decides where it sends clients. */
function randomRedirect(random: Random): Manifest {
  const path = random.pick([
    ...[{}, {}, { path_redirect: "/there" }, { path_redirect: "/there?all=1" }, { prefix_redirect: "/new/" }],
    { regex_redirect: substitution },
  ]);
  return { ...path, redirect_response_code: random.pick([301, 302, 307]) };
}

/** What of a Mapping decides what the upstream sees. */
function randomRewrite(random: Random): Manifest {
  const path = random.pick([
    {},
    { rewrite: "" },
    { rewrite: "/new/" },
    { rewrite: "/new" },
    { regex_rewrite: substitution },
  ]);
  return random.chance(0.2) ? { ...path, host_rewrite: "up.test" } : path;
}

export interface WorldOptions {
  /** Where forwarded requests go. */
  readonly service: string;
  /** What the Hosts say of TLS. */
  readonly hostSpec?: (random: Random, hostname: string) => Manifest;
}

/** Hosts and up to 60 Mappings, some of which share their match by weights. */
export function randomWorld(random: Random, { service, hostSpec = insecurePolicy }: WorldOptions): readonly Manifest[] {
  const some = Array.from({ length: 1 + random.integer(5) }, () => random.pick(hostGlobs));
  const hostnames = new Set(random.chance(0.85) ? ["*", ...some] : some);
  const hosts = [...hostnames].map((hostname, index) =>
    object("Host", `h${index}`, { hostname, ...hostSpec(random, hostname) }),
  );
  const mappings: Manifest[] = [];
  const count = 20 + random.integer(50);
  while (mappings.length < count) {
    const match = randomMatch(random);
    const add = (more: Manifest) => mappings.push(object("Mapping", `r${mappings.length}`, { ...match, ...more }));
    const shape = random.integer(10);
    if (shape < 6) add({ ...randomRedirect(random), service: `r${mappings.length}.test`, host_redirect: true });
    else if (shape < 8) add({ ...randomRewrite(random), service });
    // Of 0 and 100 none is left to chance; of the others some leave a rest to the next route that matches.
    else
      for (const weight of random.pick([[100, 0], [0, 100], [0, 0], [30, 70], [20, 30], [50]]))
        add({ service, weight });
  }
  return [...hosts, ...mappings];
}

function insecurePolicy(random: Random): Manifest {
  return {
    requestPolicy: {
      insecure: { action: random.pick(["Route", "Route", "Route", "Route", "Route", "Route", "Redirect", "Reject"]) },
    },
  };
}

/** Settings of the whole gateway that bear on matching. */
export function randomConfig(random: Random): Manifest {
  const config: Record<string, unknown> = {};
  if (random.chance(0.3)) config["merge_slashes"] = true;
  if (random.chance(0.3)) config["reject_requests_with_escaped_slashes"] = true;
  if (random.chance(0.3)) config["strip_matching_host_port"] = true;
  if (random.chance(0.15)) config["use_remote_address"] = false;
  if (random.chance(0.4)) config["headers_with_underscores_action"] = random.pick(["REJECT_REQUEST", "DROP_HEADER"]);
  return config;
}

const authorities = [
  ...["a.example.com", "a.example.com", "b.example.com", "c.a.example.com", "www.example.org", "c.a.test"],
  ...["A.Example.COM", "b.example.com.", "nobody.test", ".example.com", "example.com", "10.0.0.1", "[::1]"],
];

/** The literal paths of a world's Mappings: what requests ask for. */
export function pathsOf(world: readonly Manifest[]): readonly string[] {
  const specs = world.map(({ spec }) => spec as Manifest);
  return specs.flatMap(({ prefix, prefix_regex: regex }) =>
    typeof prefix === "string" && regex !== true ? [prefix] : [],
  );
}

/** @param port the Listener's, which some clients write */
export function randomRequest(random: Random, port: number, paths: readonly string[]): WorldRequest {
  const noise = random.pick([
    "",
    "",
    "",
    "",
    "x",
    "7",
    ".html",
    "b/c",
    "/",
    "//",
    "/./a",
    "/../b",
    "%41",
    "%2Fa",
    "%2e",
    "\\a",
  ]);
  const query = random.pick([
    "",
    "",
    "",
    "?q=1",
    "?q=2",
    "?q=1&q=2",
    "?r=12",
    "?r=",
    "?q=%31",
    "?x=/a/b&q=1",
    "?r",
    "?",
  ]);
  const headers: [string, string][] = [];
  if (random.chance(0.5)) headers.push(["x-version", random.pick(["1", "2"])]);
  if (random.chance(0.1)) headers.push(["X-Version", "2"]);
  if (random.chance(0.3)) headers.push(["x-user", random.pick(["anna", "bert", "zoe", ""])]);
  if (random.chance(0.1)) headers.push(["x_under", "1"]);
  if (random.chance(0.2)) headers.push(["x-forwarded-proto", random.pick(["http", "https"])]);
  const authority = random.pick(authorities);
  const path = random.chance(0.7) ? random.pick(paths) : randomPath(random);
  return {
    method: random.pick(["GET", "GET", "POST", "PUT", "DELETE"]),
    authority: `${authority}${random.pick(["", "", "", `:${port}`, ":81", ":"])}`,
    path: `${random.chance(0.1) ? "/" : ""}${path}${noise}${query}`,
    headers,
  };
}
