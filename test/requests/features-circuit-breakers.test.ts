import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const apply = (spec: object, module: Readonly<Record<string, unknown>> = {}) =>
  gateway.apply(moduleOf(module) + mapping("m", { prefix: "/", service: backend.service, ...spec }));

/** How many of four requests at the same time are let through. */
async function letThrough(): Promise<number> {
  // A request that waits for the first connection to be made is a pending one too.
  await gateway.request("/");
  const headers = { "x-answer-delay-ms": "150" };
  const answers = await Promise.all(Array.from({ length: 4 }, () => gateway.request("/", { headers })));
  for (const { status, headers: ofAnswer } of answers) {
    if (status !== 200) expect([status, ofAnswer["x-envoy-overloaded"]]).toEqual([503, "true"]);
  }
  return answers.filter(({ status }) => status === 200).length;
}

describe("circuit breakers", () => {
  // shows: Mapping.circuit_breakers
  it("answers 503 at once to what passes a limit", async () => {
    expect(await apply({ circuit_breakers: [{ max_requests: 2 }] })).toEqual([]);
    expect(await letThrough()).toBe(2);
    await apply({ circuit_breakers: [{ max_connections: 1, max_pending_requests: 1 }] });
    expect(await letThrough()).toBe(2);
    await apply({});
    expect(await letThrough()).toBe(4);
  });

  // shows: Mapping.priority
  it("counts each priority by its own limits", async () => {
    const circuit_breakers = [
      { priority: "default", max_requests: 1 },
      { priority: "high", max_requests: 3 },
    ];
    expect(await apply({ circuit_breakers })).toEqual([]);
    expect(await letThrough()).toBe(1);
    expect(await apply({ circuit_breakers, priority: "HIGH" })).toEqual([]);
    expect(await letThrough()).toBe(3);
    expect(await apply({ circuit_breakers, priority: "default" })).toEqual([]);
    expect(await letThrough()).toBe(1);
  });

  // shows: Module.circuit_breakers
  it("takes the Module's limits where a Mapping has none; an empty list is no limit", async () => {
    const module = { circuit_breakers: [{ max_requests: 1 }] };
    await apply({}, module);
    expect(await letThrough()).toBe(1);
    await apply({ circuit_breakers: [] }, module);
    expect(await letThrough()).toBe(4);
  });

  it("warns of a second item for a priority, and refuses a priority that is none", async () => {
    const problems = await apply({ circuit_breakers: [{ max_requests: 1 }, { max_requests: 9 }], priority: "urgent" });
    expect(problems.map(({ severity, path, message }) => [severity, path.slice(1), message])).toEqual([
      ["error", ["priority"], '"urgent" is not a priority'],
      ["warning", ["circuit_breakers", 1], "an earlier item has the limits of the priority default, which count"],
    ]);
  });
});
