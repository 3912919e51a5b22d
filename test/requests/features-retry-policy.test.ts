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

/** How often the backend is asked for one request. */
async function tries(headers: Readonly<Record<string, string>>): Promise<number> {
  const before = backend.seen.length;
  await gateway.request("/", { headers });
  return backend.seen.length - before;
}

const failing = { "x-answer-status": "503" };
const slow = { "x-answer-delay-ms": "300" };

describe("retry policy", () => {
  // shows: Mapping.retry_policy
  it("sends a failed request again, as often as num_retries says, on its condition alone", async () => {
    expect(await apply({ retry_policy: { retry_on: "5xx", num_retries: 2 } })).toEqual([]);
    expect(await tries(failing)).toBe(3);
    expect(await tries({ "x-answer-status": "404" })).toBe(1);
    expect(await tries({})).toBe(1);
    await apply({ retry_policy: { retry_on: "gateway-error" } });
    expect(await tries(failing)).toBe(2);
    expect(await tries({ "x-answer-status": "500" })).toBe(1);
    await apply({});
    expect(await tries(failing)).toBe(1);
  });

  it("gives each try its own time", async () => {
    const policy = { retry_on: "5xx", num_retries: 1 };
    expect(await apply({ retry_policy: { ...policy, per_try_timeout: "100ms" } })).toEqual([]);
    expect(await tries(slow)).toBe(2);
    await apply({ retry_policy: { ...policy, per_try_timeout: "2s" } });
    expect(await tries(slow)).toBe(1);
  });

  // shows: Module.retry_policy
  it("takes the Module's policy where a Mapping has none, and one policy for a canary group", async () => {
    await apply({}, { retry_policy: { retry_on: "5xx", num_retries: 3 } });
    expect(await tries(failing)).toBe(4);
    await apply(
      { retry_policy: { retry_on: "5xx", num_retries: 0 } },
      { retry_policy: { retry_on: "5xx", num_retries: 3 } },
    );
    expect(await tries(failing)).toBe(1);
    const member = (name: string, spec: object) =>
      mapping(name, { prefix: "/", service: backend.service, weight: 50, ...spec });
    await gateway.apply(member("a", { retry_policy: { retry_on: "5xx", num_retries: 2 } }) + member("b", {}));
    for (let i = 0; i < 10; i++) expect(await tries(failing)).toBe(3);
  });

  it("refuses a policy without a condition and a time that is none", async () => {
    const problems = await apply(
      { retry_policy: { num_retries: 2 } },
      { retry_policy: { retry_on: "5xx", per_try_timeout: "2" } },
    );
    expect(problems.map(({ object, path, message }) => [object.kind, path.slice(1), message])).toEqual([
      ["Mapping", ["retry_policy", "retry_on"], "there is no condition, so that nothing would be sent again"],
      ["Module", ["config", "retry_policy", "per_try_timeout"], '"2" is not a duration'],
    ]);
  });
});
