import net, { type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { startLoad } from "../support/http.ts";
import { serviceWith, tracingServiceOf } from "../support/manifests.ts";
import { datadogAgent, otlpCollector, type SpanServer, zipkinServer } from "../support/span-servers.ts";
import { traced } from "../support/traced.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway({ drainTimeSeconds: 600 }), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const tracing = (driver: string, service: string) => tracingServiceOf("tracing", { driver, service });

const apply = (manifests: string) =>
  gateway.apply(manifests + mapping("m", { prefix: "/", service: backend.service, rewrite: "" }));

/** What failed of the requests over kept connections that were made while `change` did its work. */
async function failuresWhile(change: (sent: () => number) => Promise<void>): Promise<readonly [string, number][]> {
  await apply("");
  const load = startLoad(gateway.port, "/");
  await change(() => load.sent());
  const { failures } = await load.stop();
  return [...failures];
}

const propagated = async () =>
  Object.keys((await gateway.request("/")).echo().headers).filter((name) =>
    ["traceparent", "x-b3-traceid", "x-datadog-trace-id"].includes(name),
  );

describe("a TracingService that comes, changes and goes", () => {
  it("needs no other Envoy, and no request is lost", async () => {
    const servers: readonly (readonly [string, string, SpanServer])[] = [
      ["zipkin", "x-b3-traceid", await zipkinServer()],
      ["opentelemetry", "traceparent", await otlpCollector()],
      ["datadog", "x-datadog-trace-id", await datadogAgent()],
    ];
    const { pid } = gateway.envoy;
    const failures = await failuresWhile(async () => {
      expect(await propagated()).toEqual([]);
      for (const [driver, header, server] of [...servers, ...servers]) {
        // By EDS, so that each cluster has to warm.
        const service = serviceWith(driver, server.port, ["127.0.0.1"]);
        expect(await apply(service + tracing(driver, `${driver}:${server.port}`))).toEqual([]);
        expect(await propagated()).toContain(header);
        expect((await traced(gateway, server)).asked.tags["http.status_code"]).toBe("200");
      }
      await apply("");
      expect(await propagated()).toEqual([]);
    });
    expect(failures).toEqual([]);
    expect(() => process.kill(pid, 0)).not.toThrow();
    for (const [, , server] of servers) await server.close();
  });
});

describe("a TracingService whose collector does not answer", () => {
  it.each(["zipkin", "opentelemetry", "datadog"])("costs no request: %s", async (driver) => {
    const taken = new Set<net.Socket>();
    const silent = net.createServer((socket) => taken.add(socket.on("error", () => undefined)));
    await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
    const { port } = silent.address() as AddressInfo;
    const failures = await failuresWhile(async (sent) => {
      for (const at of [await freePort(), port]) {
        expect(await apply(tracing(driver, `127.0.0.1:${at}`))).toEqual([]);
        const before = sent();
        await eventually("requests go on", () => sent() > before + 200);
        expect((await gateway.request("/")).status).toBe(200);
      }
    });
    expect(failures).toEqual([]);
    silent.close();
    for (const socket of taken) socket.destroy();
  });
});
