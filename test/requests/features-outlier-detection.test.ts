import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type LocalServer, localServer } from "../support/backends.ts";
import { eventually } from "../support/eventually.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { serviceWith } from "../support/manifests.ts";

const addresses = ["127.0.0.1", "127.0.0.2"];
const sick = "127.0.0.2";
/** Of the second Pod's answers. */
let status = 200;
let gateway: Gateway;
let servers: LocalServer[];
let port: number;

beforeAll(async () => {
  gateway = await startGateway();
  servers = [];
  for (const address of addresses) {
    const server = await localServer(
      (_, response) => {
        response.statusCode = address === sick ? status : 200;
        response.end(address);
      },
      { address, port: servers[0]?.port ?? 0 },
    );
    servers.push(server);
  }
  port = servers[0]?.port ?? 0;
});

afterAll(async () => {
  await Promise.all([gateway.stop(), ...servers.map((server) => server.close())]);
});

const apply = (spec: object) =>
  gateway.apply(
    serviceWith("web", port, addresses) +
      mapping("m", { prefix: "/", service: `web:${port}`, resolver: "endpoint", ...spec }),
  );

async function answering(): Promise<readonly string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 8; i++) seen.add((await gateway.request("/")).body);
  return [...seen].sort();
}

describe("outlier detection", () => {
  // shows: Mapping.outlier_detection
  it("leaves out a Pod that fails requests, and asks it again later", async () => {
    const settings = "consecutive_5xx: 2, interval: 50ms, base_ejection_time: 300ms, max_ejection_time: 300ms";
    expect(await apply({ outlier_detection: settings })).toEqual([]);
    expect(await answering()).toEqual(addresses);
    status = 500;
    await eventually("the sick Pod is left out", async () => (await answering()).join() === "127.0.0.1");
    status = 200;
    await eventually("it is asked again", async () => (await answering()).length === 2);
  });

  it("goes on asking a Pod that fails where it is not asked for", async () => {
    expect(await apply({ outlier_detection: "off" })).toEqual([]);
    status = 500;
    for (let i = 0; i < 20; i++) await gateway.request("/");
    expect(await answering()).toEqual(addresses);
    status = 200;
  });

  it.each([
    ["true", []],
    ["{consecutive_gateway_failure: 3, max_ejection_percent: 50}", []],
    ["consecutive_5xx: 5\ninterval: 10s\n", []],
    ["consecutive_5xx: many", ['consecutive_5xx: "many" is not a number from 1 to 4294967295']],
    ["max_ejection_percent: 150", ['max_ejection_percent: "150" is not a number from 1 to 100']],
    ["interval: 5", ['interval: "5" is not a duration of a millisecond or more']],
    ["yes please", ['"yes please" is no setting of it']],
    ["consecutive_5xxx: 5", ['"consecutive_5xxx: 5" is no setting of it']],
  ])("reads %j", async (written, messages) => {
    const problems = await apply({ outlier_detection: written });
    expect(problems.map(({ message }) => message)).toEqual(messages);
    expect(problems.map(({ severity }) => severity)).toEqual(messages.map(() => "warning"));
    expect((await gateway.request("/")).status).toBe(200);
  });

  it("says that one address cannot be left out", async () => {
    const [problem] = await gateway.apply(
      mapping("m", { prefix: "/", service: `127.0.0.1:${port}`, outlier_detection: "on" }),
    );
    expect(problem).toMatchObject({ code: "IgnoredField", path: ["spec", "outlier_detection"] });
  });
});
