import { afterEach, describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import type { AdminServer } from "../../runtime/admin-port.ts";
import { startAdminServer } from "../../runtime/admin-server.ts";
import { diagnosticsPage } from "../../runtime/diagnostics/diagnostics.ts";
import { silentLog } from "../../runtime/log.ts";
import { readSettings } from "../../runtime/settings.ts";
import { listener, mapping } from "../cli/nuncio.ts";
import { moduleOf } from "../support/manifests.ts";

const here = "127.0.0.1";
const everywhere = "0.0.0.0";
let admin: AdminServer | undefined;

afterEach(async () => {
  await admin?.close();
  admin = undefined;
});

interface Serving {
  readonly address?: string;
  /** Undefined: nothing has been compiled yet. */
  readonly manifests?: string;
}

/** The page on a real port of this machine, as a gateway that binds the address would have it. */
async function serve({ address = here, manifests }: Serving) {
  let nowMs = Date.UTC(2026, 0, 1);
  const env = { AMBASSADOR_HEALTHCHECK_BIND_ADDRESS: address, AMBASSADOR_ID: "edge", POD_NAME: "pod-1" };
  const { settings } = readSettings({ config: "/none" }, env);
  const diagnostics = diagnosticsPage(
    settings,
    "1.2.3",
    () => true,
    () => nowMs,
  );
  if (manifests !== undefined) {
    const { resources } = manifestReader()(new Map([["all.yaml", { kind: "text", text: manifests }]]));
    const compiled = compile(resources, {
      ambassadorId: "default",
      ownNamespace: "default",
      bindAddress: address,
      inCluster: false,
      ownService: "127.0.0.1:8877",
    });
    diagnostics.judged({
      compiled,
      problems: compiled.problems,
      kept: new Set(),
      effective: resources,
      quarantined: [],
    });
    diagnostics.told(compiled.problems);
  }
  nowMs += 90_061_000; // a day, an hour, a minute and a second
  admin = await startAdminServer({
    at: { address: here, port: 0 },
    readiness: () => ({ ready: true }),
    metrics: { contentType: "text/plain", write: () => Promise.resolve() },
    diagnostics,
    log: silentLog,
  });
  const base = `http://${here}:${admin.port}/ambassador/v0`;
  return async (path: string, init: RequestInit = {}) => {
    const response = await fetch(base + path, init);
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
}

const manifests = [
  listener,
  mapping("quote", "prefix: /quote/", "service: quote", "method: GET", "precedence: 3", "weight: 30"),
  mapping("quote-next", "prefix: /quote/", "service: quote-next:8080", "method: GET", "precedence: 3"),
  mapping("own", "prefix: /own/", "service: own", "headers: { x-version: next }").replace('"*"', "own.example.com"),
  mapping("away", "prefix: /away/", "service: www.example.com", "host_redirect: true"),
  mapping("late", "prefix: /late/", "service: late", 'timeout_ms: "<script>"'),
].join("---\n");

describe("/ambassador/v0/diag/?json=true", () => {
  it("has the keys that scripts for Emissary read", async () => {
    const ask = await serve({ manifests });
    const { status, headers, text } = await ask("/diag/?json=true");
    expect([status, headers.get("content-type")]).toEqual([200, "application/json"]);
    const diagnostics = JSON.parse(text);
    // Source: Emissary pkg/diagnostics/v1/types.go.
    expect(Object.keys(diagnostics).sort()).toEqual(
      [
        ...["active_elements", "ambassador_elements", "ambassador_resolvers", "ambassador_resources"],
        ...["ambassador_services", "banner_content", "cluster_info", "cluster_stats", "envoy_elements"],
        ...["envoy_resources", "envoy_status", "errors", "groups", "loginfo", "notices", "route_info"],
        ...["source_map", "system", "tlscontexts"],
      ].sort(),
    );
    expect(diagnostics.system).toMatchObject({
      version: "1.2.3",
      hostname: "pod-1",
      ambassador_id: "edge",
      boot_time: "2026-01-01T00:00:00.000Z",
      hr_uptime: "1 day, 1:01:01",
      env_good: false,
      env_failures: ["Error check"],
      env_status: { Mappings: { status: true }, TLS: { status: true } },
    });
    expect(diagnostics.envoy_status).toMatchObject({ alive: true, ready: true });
    expect(diagnostics.errors).toEqual([
      ["late.default.1", expect.stringContaining('spec.timeout_ms: "<script>" is not an integer')],
    ]);
  });

  it("lists each group of Mappings once, with its services and their shares, in the order of matching", async () => {
    const ask = await serve({ manifests });
    const { route_info: routes, groups } = JSON.parse((await ask("/diag?json=true")).text);
    const rows = routes.map((each: Record<string, unknown>) => {
      const clusters = each["clusters"] as { service: string; weight: number }[];
      return [
        each["key"],
        each["method"],
        each["headers"],
        clusters.map(({ service, weight }) => `${service} ${weight}`),
      ];
    });
    expect(rows).toEqual([
      ["http://*/quote/", "GET", [], ["quote 30", "quote-next:8080 70"]],
      ["http://*/away/", "*", [], ["www.example.com 100"]],
      ["http://own.example.com/own/", "*", [{ name: "x-version", value: "next", regex: false }], ["own 100"]],
    ]);
    const [{ _group_id: id, _route: route, precedence, _source }] = routes;
    expect({ precedence, _source, group: groups[id] }).toEqual({
      precedence: 3,
      _source: "quote.default.1",
      group: route,
    });
    expect(route.mappings.map(({ name, namespace }: Record<string, string>) => `${namespace}/${name}`)).toEqual([
      "default/quote",
      "default/quote-next",
    ]);
  });

  it("has one key alone with filter, and tells of one that is not there", async () => {
    const ask = await serve({ manifests });
    expect(Object.keys(JSON.parse((await ask("/diag/?json=true&filter=errors")).text))).toEqual(["errors"]);
    expect((await ask("/diag/?json=true&filter=toString")).status).toBe(404);
  });
});

describe("/ambassador/v0/diag/", () => {
  it("is a page without scripts or anything from elsewhere, in which what people wrote is text", async () => {
    const ask = await serve({ manifests });
    const { status, headers, text } = await ask("/diag/");
    expect([status, headers.get("content-type")]).toEqual([200, "text/html; charset=utf-8"]);
    expect(headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(text).toContain('<td class="path">/quote/</td>');
    expect(text).toContain("quote 30%, quote-next:8080 70%");
    expect(text).toContain("&lt;script&gt;");
    expect(text).not.toMatch(/<script|src=|https?:\/\/(?!own)/);
  });

  it("changes nothing: only GET and HEAD are answered, and loglevel is refused", async () => {
    const ask = await serve({ manifests });
    expect((await ask("/diag/", { method: "POST" })).status).toBe(405);
    expect(await ask("/diag/", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
    expect((await ask("/diag/?loglevel=debug")).status).toBe(400);
  });

  it("waits for the first configuration", async () => {
    const ask = await serve({});
    expect((await ask("/diag/?json=true")).status).toBe(503);
  });

  it.each([
    ["by default", "", 403],
    ["with diagnostics: {}", moduleOf({ diagnostics: {} }), 403],
    ["with enabled: false", moduleOf({ diagnostics: { enabled: false } }), 403],
    ["with allow_non_local", moduleOf({ diagnostics: { enabled: false, allow_non_local: true } }), 200],
    ["with enabled", moduleOf({ diagnostics: { enabled: true } }), 200],
  ])("where others reach the port, %s: %s", async (_, module, status) => {
    const ask = await serve({ address: everywhere, manifests: `${manifests}---\n${module}` });
    const answer = await ask("/diag/?json=true");
    expect(answer.status).toBe(status);
    if (status === 403) expect(answer.text).toContain("diagnostics.allow_non_local: true");
    expect((await ask("/check_alive")).text).toBe("Ambassador is alive and well\n");
    expect((await ask("/check_ready")).text).toBe("Ambassador is ready and waiting\n");
  });
});
