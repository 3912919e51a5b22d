import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type LocalServer, localServer } from "../support/backends.ts";
import { eventually } from "../support/eventually.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { serviceWith } from "../support/manifests.ts";

const addresses = ["127.0.0.1", "127.0.0.2"];
/** By address: what it answers to a health check, and the last one that it got. */
const health = new Map<string, { status: number; asked?: Readonly<Record<string, unknown>> }>();
let gateway: Gateway;
let servers: LocalServer[];
let port: number;

beforeAll(async () => {
  gateway = await startGateway();
  servers = [];
  for (const address of addresses) {
    health.set(address, { status: 200 });
    const server = await localServer(
      (request, response) => {
        const own = health.get(address);
        if (request.url === "/health" && own !== undefined) {
          own.asked = { ...request.headers };
          response.statusCode = own.status;
        }
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
  for (let i = 0; i < 6; i++) seen.add((await gateway.request("/")).body);
  return [...seen].sort();
}

const http = { path: "/health", hostname: "check.example.com", add_request_headers: { "x-check": { value: "yes" } } };
const check = { interval: "50ms", timeout: "1s", unhealthy_threshold: 1, healthy_threshold: 1 };

describe("health checks", () => {
  // shows: Mapping.health_checks
  it("asks no Pod that fails its check, and asks it again when it recovers", async () => {
    expect(await apply({ health_checks: [{ ...check, health_check: { http } }] })).toEqual([]);
    expect(await answering()).toEqual(addresses);
    expect(health.get("127.0.0.1")?.asked).toMatchObject({ host: "check.example.com", "x-check": "yes" });
    health.set("127.0.0.2", { status: 500 });
    await eventually("the sick Pod is left out", async () => (await answering()).join() === "127.0.0.1");
    health.set("127.0.0.2", { status: 200 });
    await eventually("it is asked again", async () => (await answering()).length === 2);
  });

  it("takes the statuses that it is told for healthy, the last one included", async () => {
    health.set("127.0.0.2", { status: 418 });
    const withStatuses = {
      ...http,
      expected_statuses: [
        { min: 200, max: 200 },
        { min: 410, max: 418 },
      ],
    };
    expect(await apply({ health_checks: [{ ...check, health_check: { http: withStatuses } }] })).toEqual([]);
    expect(await answering()).toEqual(addresses);
    health.set("127.0.0.2", { status: 419 });
    await eventually("the sick Pod is left out", async () => (await answering()).join() === "127.0.0.1");
    health.set("127.0.0.2", { status: 200 });
  });

  it("refuses what Envoy would refuse, and says where nothing is checked", async () => {
    const problems = await apply({
      health_checks: [
        { timeout: "0s", interval: "often", health_check: {} },
        { health_check: { grpc: { upstream_name: "web" } } },
        { health_check: { http: { path: "health", expected_statuses: [{ min: 300, max: 200 }] } } },
      ],
    });
    expect(problems.map(({ severity, path, message }) => [severity, path.slice(2), message])).toEqual([
      ["error", [0, "health_check"], "it says nothing of what is asked"],
      ["error", [0, "interval"], '"often" is not a duration'],
      ["error", [0, "timeout"], '"0s" is no time at all'],
      ["error", [1, "health_check", "grpc"], "the check needs HTTP/2, and this service is spoken to by HTTP/1.1"],
      ["error", [2, "health_check", "http", "expected_statuses", 0], "no status is from 300 to 200"],
      ["error", [2, "health_check", "http", "path"], '"health" does not start with a slash'],
    ]);
    const useless = await apply({ service: `127.0.0.1:${port}`, health_checks: [{ health_check: { http } }] });
    expect(useless.map(({ severity, advice }) => [severity, advice])).toEqual([
      ["warning", "add resolver: endpoint, or remove it"],
    ]);
  });
});
