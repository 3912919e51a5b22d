import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import path from "node:path";
import type { Problem, Severity } from "../../ir/problem.ts";
import type { CertificateUse } from "../../sources/getambassador/certificate-uses.ts";
import { startAdminServer } from "../../runtime/admin-server.ts";
import type { AdminServer } from "../../runtime/admin-port.ts";
import type { AdminServerOptions } from "../../runtime/admin-server.ts";
import type { Readiness } from "../../runtime/readiness.ts";
import { createMetrics } from "../../runtime/metrics.ts";
import type { MetricsOptions } from "../../runtime/metrics.ts";
import { makeBase } from "./gateway-process.ts";
import { memoryLog } from "./memory-log.ts";
import { startStaticEnvoy } from "./static-envoy.ts";

let directory: string;
let server: AdminServer | undefined;
let fakeEnvoy: http.Server | undefined;
beforeEach(() => {
  directory = makeBase();
  server = undefined;
  fakeEnvoy = undefined;
});
afterEach(async () => {
  await server?.close();
  fakeEnvoy?.closeAllConnections();
  fakeEnvoy?.close();
  fs.rmSync(directory, { recursive: true, force: true });
});

const adminSocketPath = () => path.join(directory, "admin.sock");
const makeMetrics = (options: Partial<MetricsOptions> = {}) =>
  createMetrics({ version: "0.1.0", ambassadorId: "default", envoyAdminSocketPath: adminSocketPath(), ...options });

async function start(options: Partial<AdminServerOptions> = {}): Promise<AdminServer> {
  const readiness = () => ({ ready: true }) as const;
  server = await startAdminServer({
    at: { address: "127.0.0.1", port: 0 },
    readiness,
    metrics: makeMetrics(),
    log: memoryLog(),
    ...options,
  });
  return server;
}

function problem(kind: string, severity: Severity): Problem {
  const object = { kind, namespace: "default", name: "x" };
  return { code: "InvalidField", severity, object, path: [], message: "is wrong", advice: "mend it" };
}

async function request(url: string, options: http.RequestOptions = {}, body?: string) {
  const outgoing = http.request({ host: "127.0.0.1", port: server?.port, path: url, agent: false, ...options });
  outgoing.end(body);
  const [response] = (await once(outgoing, "response")) as [http.IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, text, headers: response.headers };
}

/** Answers /stats/prometheus in Envoy's place. */
async function startFakeEnvoy(answer: (response: http.ServerResponse) => void): Promise<void> {
  fakeEnvoy = http.createServer((_request, response) => answer(response)).listen(adminSocketPath());
  await once(fakeEnvoy, "listening");
}

describe("the admin port", () => {
  it("answers probes, ours and Emissary's", async () => {
    let readiness: Readiness = { ready: false, reason: "Envoy has not acknowledged the first snapshot" };
    await start({ readiness: () => readiness });
    expect(await request("/healthz")).toMatchObject({ status: 200, text: "ok\n" });
    expect(await request("/readyz")).toMatchObject({
      status: 503,
      text: "not ready: Envoy has not acknowledged the first snapshot\n",
    });
    expect(await request("/ambassador/v0/check_alive")).toMatchObject({
      status: 200,
      text: "Ambassador is alive and well\n",
    });
    expect(await request("/ambassador/v0/check_ready")).toMatchObject({
      status: 503,
      text: "Ambassador is not ready\n",
    });
    readiness = { ready: true };
    expect(await request("/readyz?verbose")).toMatchObject({ status: 200, text: "ready\n" });
    expect(await request("/ambassador/v0/check_ready")).toMatchObject({
      status: 200,
      text: "Ambassador is ready and waiting\n",
    });
  });

  it("knows HEAD, and refuses other methods, other paths and bodies", async () => {
    await start();
    expect(await request("/readyz", { method: "HEAD" })).toMatchObject({ status: 200, text: "" });
    expect(await request("/readyz", { method: "POST" })).toMatchObject({
      status: 405,
      headers: { allow: "GET, HEAD" },
    });
    expect(await request("/nope", { method: "POST" })).toMatchObject({ status: 404 });
    expect(await request("//")).toMatchObject({ status: 404 });
    expect(await request("/constructor")).toMatchObject({ status: 404 });
    expect(await request("/healthz", { headers: { "content-length": 3 } }, "abc")).toMatchObject({ status: 413 });
    expect(await request("/healthz", { headers: { "x-long": "x".repeat(10_000) } })).toMatchObject({ status: 431 });
  });

  it("that another process holds is named, with the flag to choose another", async () => {
    const holder = net.createServer().listen(0, "127.0.0.1");
    await once(holder, "listening");
    const { port } = holder.address() as net.AddressInfo;
    await expect(start({ at: { address: "127.0.0.1", port } })).rejects.toThrow(
      new RegExp(`the admin port ${port} .* held by another process.*--admin-port`),
    );
    holder.close();
  });

  it("of an address that this machine does not have is refused clearly", async () => {
    await expect(start({ at: { address: "192.0.2.1", port: 8877 } })).rejects.toThrow(
      /192.0.2.1 is no address of this machine/,
    );
  });
});

describe("/metrics", () => {
  it("has what the gateway counts", async () => {
    const metrics = makeMetrics();
    metrics.compiled(0.004);
    metrics.pushed("route", 100);
    metrics.pushed("route", 20);
    metrics.rejected("cluster");
    metrics.snapshotAcknowledged(0.02);
    metrics.problems([problem("Mapping", "error"), problem("Mapping", "error"), problem("Odd", "warning")]);
    metrics.resources({ Mapping: 3, Host: 1 });
    metrics.resources({ Mapping: 2 });
    metrics.envoyRestarts(1);
    metrics.controlPlaneRestarts(2);
    await start({ metrics });
    const { text, headers } = await request("/metrics");
    expect(headers["content-type"]).toMatch(/^text\/plain; version=0.0.4/);
    for (const line of [
      'nuncio_info{version="0.1.0",ambassador_id="default"} 1',
      'nuncio_compile_seconds_bucket{le="0.005"} 1',
      'nuncio_xds_pushes_total{type="route"} 2',
      'nuncio_xds_pushed_bytes_total{type="route"} 120',
      'nuncio_xds_rejections_total{type="cluster"} 1',
      "nuncio_snapshot_acknowledged_seconds_count 1",
      'nuncio_problems{severity="error"} 2',
      'nuncio_object_problems{kind="Mapping",severity="error",code="InvalidField"} 2',
      'nuncio_object_problems{kind="other",severity="warning",code="InvalidField"} 1',
      'nuncio_resources{kind="Mapping"} 2',
      "nuncio_envoy_restarts 1",
      "nuncio_control_plane_restarts 2",
      "nuncio_envoy_up 0",
    ]) {
      expect(text).toContain(`${line}\n`);
    }
    expect(text).not.toContain('kind="Host"');
    expect(text).toMatch(/^nuncio_process_resident_memory_bytes \d/m);
  });

  it("has the days that certificates are still good for, of the 200 that end first, at the time it is read", async () => {
    const dayMs = 86_400_000;
    let nowMs = 1000 * dayMs;
    const metrics = makeMetrics({ now: () => nowMs });
    const use = (secret: string, notAfterMs: number): CertificateUse => {
      const object = { kind: "Host", namespace: "default", name: "www" };
      return { object, path: [], what: "", secret, dates: { notBeforeMs: 0, notAfterMs } };
    };
    const many = Array.from({ length: 300 }, (_, index) => use(`default/c${index}`, nowMs + (index + 1) * dayMs));
    metrics.certificates([
      ...many.reverse(),
      use("default/over", nowMs - dayMs),
      use("ca:default/over+crl:default/list", nowMs + dayMs),
    ]);
    nowMs += dayMs / 2;
    await start({ metrics });
    const { text } = await request("/metrics");
    const lines = text.split("\n").filter((line) => line.startsWith("nuncio_certificate_days_left{"));
    expect(lines).toHaveLength(200);
    expect(lines.slice(0, 2)).toEqual([
      'nuncio_certificate_days_left{secret="default/over"} -1.5',
      'nuncio_certificate_days_left{secret="default/c0"} 0.5',
    ]);
    metrics.certificates([]);
    expect((await request("/metrics")).text).not.toContain("nuncio_certificate_days_left{");
  });

  it("has Envoy's own, real ones", async () => {
    const envoy = await startStaticEnvoy({ directory, port: 0, upstreamPort: 9 });
    try {
      await start();
      const { text } = await request("/metrics");
      expect(text).toMatch(/^nuncio_envoy_up 1$/m);
      expect(text).toMatch(/^envoy_server_live\{?\}? 1$/m);
      expect(text).toMatch(/^envoy_cluster_membership_healthy\{envoy_cluster_name="upstream"\} 1$/m);
      expect(text.split("\n").every((line) => line === "" || /^(#.*|[a-z_0-9:]+(\{.*\})? \S+)$/i.test(line))).toBe(
        true,
      );
    } finally {
      await envoy.stop();
    }
  });

  it("is cut at a whole line when Envoy has too much or breaks off", async () => {
    await startFakeEnvoy((response) => {
      response.write("envoy_a 1\nenvoy_b ");
      response.write("2\nenvoy_c 3\nenvoy_d", () => response.destroy());
    });
    await start();
    expect((await request("/metrics")).text).toMatch(/envoy_a 1\nenvoy_b 2\nenvoy_c 3\n$/);
    await server?.close();
    await start({ metrics: makeMetrics({ maxEnvoyBytes: 5 }) });
    expect((await request("/metrics")).text).toMatch(/# cut here: Envoy has more than 5 bytes of statistics\n$/);
  });

  it("does not wait for an Envoy that hangs", async () => {
    await startFakeEnvoy(() => undefined);
    await start({ metrics: makeMetrics({ envoyTimeoutMs: 100 }) });
    expect((await request("/metrics")).text).toMatch(/^nuncio_envoy_up 0$/m);
  });

  it("does not keep on writing for a reader that went away", async () => {
    let written = 0;
    let ended = false;
    await startFakeEnvoy((response) => {
      const line = `${"x".repeat(65_535)}\n`;
      const more = () => {
        written += line.length;
        return response.write(line);
      };
      response
        .on("drain", () => {
          while (!response.destroyed && more());
        })
        .on("close", () => (ended = true));
      while (more());
    });
    const log = memoryLog();
    await start({ log });
    const outgoing = http.get({ host: "127.0.0.1", port: server?.port, path: "/metrics", agent: false });
    const [response] = (await once(outgoing, "response")) as [http.IncomingMessage];
    response.destroy();
    const until = performance.now() + 2000;
    while (!ended && performance.now() < until) await new Promise(setImmediate);
    expect(ended).toBe(true);
    expect(written).toBeLessThan(64 * 1024 * 1024);
    expect(log.lines).toEqual([]);
  });
});
