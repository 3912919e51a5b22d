import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

async function hostSeen(spec: Readonly<Record<string, unknown>>): Promise<string | undefined> {
  const problems = await gateway.apply(mapping("m", { prefix: "/", service: backend.service, ...spec }));
  expect(problems).toEqual([]);
  return (await gateway.request("/", { host: "client.example.com" })).echo().headers["host"];
}

describe("host rewrite", () => {
  // shows: Mapping.host_rewrite
  it("sends the client's Host header unless told another", async () => {
    expect(await hostSeen({})).toBe("client.example.com");
    expect(await hostSeen({ host_rewrite: "inner.example.com" })).toBe("inner.example.com");
  });

  // shows: Mapping.auto_host_rewrite
  it("sends the name of the upstream with auto_host_rewrite, resolved by DNS or not", async () => {
    const byName = backend.service.replace("127.0.0.1", "localhost");
    expect(await hostSeen({ auto_host_rewrite: true, service: byName })).toBe("localhost");
    expect(await hostSeen({ auto_host_rewrite: true })).toBe("127.0.0.1");
    expect(await hostSeen({ auto_host_rewrite: false, service: byName })).toBe("client.example.com");
  });

  it("lets host_rewrite win, and says so", async () => {
    const problems = await gateway.apply(
      mapping("m", { prefix: "/", service: backend.service, host_rewrite: "a", auto_host_rewrite: true }),
    );
    expect(problems.map(({ code, path }) => [code, path])).toEqual([["IgnoredField", ["spec", "auto_host_rewrite"]]]);
    expect((await gateway.request("/")).echo().headers["host"]).toBe("a");
  });
});
