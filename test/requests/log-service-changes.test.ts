import net, { type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/envoy.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { startLoad } from "../support/http.ts";
import { logServer } from "../support/log-server.ts";
import { logServiceOf, serviceWith } from "../support/manifests.ts";

type Spec = Readonly<Record<string, unknown>>;

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway({ drainTimeSeconds: 600 }), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const logService = (name: string, spec: Spec) => logServiceOf(name, { driver: "http", ...spec });

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

describe("a LogService whose service does not answer", () => {
  it.each(["refuses", "takes connections and is silent", "has no address", "has no endpoints"])(
    "costs no request: it %s",
    async (how) => {
      const taken = new Set<net.Socket>();
      const silent = net.createServer((socket) => taken.add(socket.on("error", () => undefined)));
      await new Promise<void>((done) => silent.listen(0, "127.0.0.1", done));
      const services: Readonly<Record<string, string>> = {
        refuses: `127.0.0.1:${await freePort()}`,
        "takes connections and is silent": `127.0.0.1:${(silent.address() as AddressInfo).port}`,
        "has no address": "logs.invalid:9000",
        "has no endpoints": "logs:9000",
      };
      const failures = await failuresWhile(async (sent) => {
        const log = logService("away", { service: services[how], flush_interval_byte_size: 0 });
        expect(await apply(log + serviceWith("logs", 9000, []))).toEqual([]);
        const before = sent();
        await eventually("requests go on", () => sent() > before + 300);
      });
      expect(failures).toEqual([]);
      silent.close();
      for (const socket of taken) socket.destroy();
    },
  );

  it("gets entries again once it is back", async () => {
    const port = await freePort();
    const service = `127.0.0.1:${port}`;
    expect(await apply(logService("back", { service, flush_interval_byte_size: 0 }))).toEqual([]);
    expect((await gateway.request("/lost")).status).toBe(200);
    for (let time = 0; time < 2; time++) {
      const server = await logServer(port);
      await eventually("entries come", async () => {
        expect((await gateway.request("/")).status).toBe(200);
        return server.entries("back").http.length > 0;
      });
      server.close();
    }
  });
});

describe("LogServices that come, change and go", () => {
  it("lose no request, and Envoy refuses nothing", async () => {
    const logs = await logServer();
    // By EDS, so that each cluster has to warm.
    const service = serviceWith("logs", logs.port, ["127.0.0.1"]);
    const failures = await failuresWhile(async (sent) => {
      for (let change = 0; change < 20; change++) {
        const one = logService("one", { service: `logs:${logs.port}`, stats_name: `s${change}` });
        const two = logService("two", { service: logs.service, flush_interval_time: change + 1 });
        const before = sent();
        expect(await apply(service + (change % 3 === 2 ? "" : one) + (change % 2 === 0 ? two : ""))).toEqual([]);
        await eventually("requests are made", () => sent() > before + 20);
      }
    });
    expect(failures).toEqual([]);
    // The load's connections are as old as the first change, and log as it was then.
    await gateway.request("/new");
    await eventually("an entry comes", () => logs.entries("one").http.some(({ request }) => request?.path === "/new"));
    logs.close();
  });
});
