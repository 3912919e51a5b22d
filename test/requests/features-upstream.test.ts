import { spawn } from "node:child_process";
import fs from "node:fs";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type LocalServer, localServer } from "../support/backends.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;
let port: number;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
  port = Number(backend.service.split(":").at(-1));
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const apply = (spec: object, module: Readonly<Record<string, unknown>> = {}) =>
  gateway.apply(moduleOf(module) + mapping("m", { prefix: "/", service: backend.service, ...spec }));

interface Timer {
  readonly kind: number;
  readonly seconds: number;
}

/** The kernel's timer of an open connection to a port: proc_net_tcp, fields `tr` and `tm->when`. */
function timerTo(remotePort: number): Timer | undefined {
  const hex = remotePort.toString(16).toUpperCase().padStart(4, "0");
  for (const line of fs.readFileSync("/proc/net/tcp", "utf8").split("\n").slice(1)) {
    const [, , remote, state, , timer] = line.trim().split(/\s+/);
    if (remote !== `0100007F:${hex}` || state !== ESTABLISHED) continue;
    const [kind = "", ticks = ""] = (timer ?? "").split(":");
    return { kind: Number.parseInt(kind, 16), seconds: Number.parseInt(ticks, 16) / 100 };
  }
  return undefined;
}

const ESTABLISHED = "01";
const KEEPALIVE = 2;

describe("keepalive", () => {
  /** The timer of the connection that a request has left open. */
  const timerOf = async (spec: object, module: Readonly<Record<string, unknown>> = {}) => {
    const own = await localServer((_, response) => response.end());
    try {
      expect(await apply({ service: `127.0.0.1:${own.port}`, ...spec }, module)).toEqual([]);
      expect((await gateway.request("/")).status).toBe(200);
      return await eventually("the connection is idle", () => {
        const timer = timerTo(own.port);
        return timer !== undefined && (timer.kind === KEEPALIVE || timer.kind === 0) ? timer : undefined;
      });
    } finally {
      await own.close();
    }
  };

  // shows: Mapping.keepalive
  it("probes after idle_time, which Emissary overlooks", async () => {
    expect((await timerOf({})).kind).toBe(0);
    const timer = await timerOf({ keepalive: { idle_time: 100, interval: 10, probes: 3 } });
    expect(timer.kind).toBe(KEEPALIVE);
    expect(timer.seconds).toBeGreaterThan(90);
    expect(timer.seconds).toBeLessThanOrEqual(101);
  });

  // shows: Module.keepalive
  it("takes the Module's, where it is called time", async () => {
    const timer = await timerOf({}, { keepalive: { time: 50 } });
    expect(timer.kind).toBe(KEEPALIVE);
    expect(timer.seconds).toBeLessThanOrEqual(51);
    expect((await timerOf({ keepalive: { idle_time: 200 } }, { keepalive: { time: 50 } })).seconds).toBeGreaterThan(
      190,
    );
  });

  it("refuses numbers that the kernel does not take", async () => {
    const problems = await apply({ keepalive: { idle_time: 0, interval: 40_000, probes: 128 } });
    expect(problems.map(({ path, message }) => [path.slice(1), message])).toEqual([
      [["keepalive", "idle_time"], "0 is out of range"],
      [["keepalive", "interval"], "40000 is out of range"],
      [["keepalive", "probes"], "128 is out of range"],
    ]);
  });
});

describe("DNS", () => {
  let onIpv6: LocalServer;

  beforeAll(async () => {
    onIpv6 = await localServer((_, response) => response.end("IPv6"), { address: "::1" });
  });

  afterAll(() => onIpv6.close());

  const asks = async (spec: object, module: Readonly<Record<string, unknown>> = {}) => {
    expect(await apply({ service: `localhost:${onIpv6.port}`, ...spec }, module)).toEqual([]);
    const { status, body } = await gateway.request("/");
    return status === 200 ? body : status;
  };

  // shows: Mapping.enable_ipv4 Mapping.enable_ipv6 Module.enable_ipv4 Module.enable_ipv6
  it("uses IPv6 addresses only where they are enabled", async () => {
    expect(await asks({})).toBe(503);
    expect(await asks({ enable_ipv4: false, enable_ipv6: true })).toBe("IPv6");
    expect(await asks({}, { enable_ipv4: false, enable_ipv6: true })).toBe("IPv6");
    expect(await asks({ enable_ipv4: true, enable_ipv6: false }, { enable_ipv4: false, enable_ipv6: true })).toBe(503);
  });

  it("resolves in both manners, by the TTL or not", async () => {
    for (const spec of [{ dns_type: "logical_dns" }, { dns_type: "STRICT_DNS", respect_dns_ttl: true }]) {
      expect(await apply({ service: `localhost:${port}`, ...spec })).toEqual([]);
      expect((await gateway.request("/")).echo().backend).toBe("one");
    }
    const config = JSON.parse(
      (await gateway.envoy.admin("/config_dump?resource=dynamic_active_clusters")).body,
    ) as object;
    expect(JSON.stringify(config)).toContain('"respect_dns_ttl":true');
  });

  it("refuses to use no address at all, and names what has no effect", async () => {
    const none = await apply({ service: "localhost", enable_ipv4: false });
    expect(none.map(({ severity, path }) => [severity, path.slice(1)])).toEqual([["error", ["enable_ipv4"]]]);
    const unknown = await apply({ service: "localhost", dns_type: "round" });
    expect(unknown.map(({ severity, message }) => [severity, message])).toEqual([
      ["warning", '"round" is not a way to use DNS; strict_dns is used'],
    ]);
    const useless = await apply({ dns_type: "round", respect_dns_ttl: true });
    expect(useless.map(({ severity, path, message }) => [severity, path.slice(1), message])).toEqual([
      ["warning", ["dns_type"], "the target is found without DNS, so that it has no effect"],
      ["warning", ["respect_dns_ttl"], "the target is found without DNS, so that it has no effect"],
    ]);
  });
});

describe("names of the upstream", () => {
  const requests = async (name: string) => gateway.envoy.stat(`cluster.${name}.upstream_rq_total`);

  // shows: Mapping.stats_name Module.defaults
  it("counts requests under stats_name", async () => {
    await apply({ stats_name: "my_stats" });
    await gateway.request("/");
    await eventually("the request is counted", async () => (await requests("my_stats")) === 1);
    await apply({}, { defaults: { stats_name: "general", httpmapping: { stats_name: "by_default" } } });
    await gateway.request("/");
    await eventually("the request is counted", async () => (await requests("by_default")) === 1);
    expect(await requests("general")).toBe(0);
  });

  // shows: Mapping.cluster_tag
  it("gives Mappings with a tag a cluster of their own", async () => {
    const spec = { service: backend.service };
    await gateway.apply(
      mapping("a", { prefix: "/a/", ...spec }) +
        mapping("b", { prefix: "/b/", ...spec }) +
        mapping("c", { prefix: "/c/", cluster_tag: "blue", ...spec }),
    );
    for (const path of ["/a/", "/b/", "/c/"]) expect((await gateway.request(path)).status).toBe(200);
    const lines = (await gateway.envoy.admin("/clusters")).body.split("\n");
    const tagged = lines.filter((line) => line.startsWith("blue/") && line.includes("rq_total::"));
    expect(tagged.map((line) => line.replace(/\/[0-9a-f]{10}::.*::/, " "))).toEqual([`blue/127.0.0.1:${port} 1`]);
  });
});

describe("connections to the upstream", () => {
  /** Milliseconds that a connection stays open after the request that opened it. */
  const lifeOf = async (spec: object, module: Readonly<Record<string, unknown>> = {}) => {
    const own = await localServer((_, response) => response.end());
    try {
      expect(await apply({ service: `127.0.0.1:${own.port}`, ...spec }, module)).toEqual([]);
      expect((await gateway.request("/")).status).toBe(200);
      const start = performance.now();
      expect(own.sockets.size).toBe(1);
      await eventually("it is closed", () => own.sockets.size === 0);
      return performance.now() - start;
    } finally {
      await own.close();
    }
  };

  // shows: Mapping.cluster_idle_timeout_ms Module.cluster_idle_timeout_ms
  it("closes an unused one after cluster_idle_timeout_ms", async () => {
    expect(await lifeOf({ cluster_idle_timeout_ms: 200 })).toBeLessThan(1500);
    expect(await lifeOf({}, { cluster_idle_timeout_ms: 200 })).toBeLessThan(1500);
  });

  // shows: Mapping.cluster_max_connection_lifetime_ms Module.cluster_max_connection_lifetime_ms
  it("closes an old one after cluster_max_connection_lifetime_ms", async () => {
    expect(await lifeOf({ cluster_max_connection_lifetime_ms: 300 })).toBeLessThan(1500);
    expect(await lifeOf({}, { cluster_max_connection_lifetime_ms: 300 })).toBeLessThan(1500);
  });

  // shows: Mapping.connect_timeout_ms
  it("gives up a connection after connect_timeout_ms", async () => {
    // A server that takes no connection, with its queue filled: the kernel drops what comes then.
    const program =
      "import socket,time; s=socket.socket(); s.bind(('127.0.0.1',0)); s.listen(0); print(s.getsockname()[1],flush=True); time.sleep(60)";
    const deaf = spawn("python3", ["-c", program], { stdio: ["ignore", "pipe", "inherit"] });
    const own = await new Promise<number>((done) =>
      deaf.stdout.once("data", (data: Buffer) => done(Number(data.toString()))),
    );
    const fillers = [0, 1].map(() => net.connect(own, "127.0.0.1").on("error", () => undefined));
    await eventually("the queue is full", () => fillers.some(({ readyState }) => readyState === "open"));
    try {
      const msFor = async (connectTimeoutMs: number) => {
        await apply({ service: `127.0.0.1:${own}`, connect_timeout_ms: connectTimeoutMs, timeout_ms: 5000 });
        const start = performance.now();
        expect((await gateway.request("/")).status).toBe(503);
        return performance.now() - start;
      };
      expect(await msFor(100)).toBeLessThan(700);
      expect(await msFor(900)).toBeGreaterThan(850);
    } finally {
      for (const filler of fillers) filler.destroy();
      deaf.kill("SIGKILL");
    }
  });

  // shows: Mapping.grpc
  it("speaks HTTP/2 to a gRPC service", async () => {
    const server = http2.createServer((request, response) => response.end(`HTTP/${request.httpVersion}`));
    await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
    try {
      const service = `127.0.0.1:${(server.address() as AddressInfo).port}`;
      await apply({ service, grpc: true });
      expect((await gateway.request("/")).body).toBe("HTTP/2.0");
      await apply({ service });
      expect((await gateway.request("/")).body).not.toBe("HTTP/2.0");
    } finally {
      await apply({});
      server.close();
    }
  });

  // shows: Mapping.idle_timeout_ms Module.cluster_request_timeout_ms
  it("ends a request without data after idle_timeout_ms, and one without an answer after the Module's timeout", async () => {
    const headers = { "x-answer-delay-ms": "2000" };
    await apply({ idle_timeout_ms: 100, timeout_ms: 0 });
    expect((await gateway.request("/", { headers })).status).toBe(504);
    await apply({}, { cluster_request_timeout_ms: 100 });
    const start = performance.now();
    expect((await gateway.request("/", { headers })).status).toBe(504);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});
