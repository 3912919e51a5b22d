import { Agent, request as httpRequest } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { type HeldConnection, hold } from "./attack.ts";

const most = 20;
const twice = 2 * most;

let backend: EchoBackend;
let limited: Gateway;
let unlimited: Gateway;

beforeAll(async () => {
  [backend, limited, unlimited] = await Promise.all([
    echoBackend("one"),
    startGateway({ limits: { maxHeapBytes: undefined, maxConnections: most } }),
    startGateway(),
  ]);
  const manifest = mapping("m", { prefix: "/", service: backend.service, rewrite: "" });
  await Promise.all([limited.apply(manifest), unlimited.apply(manifest)]);
});

afterAll(async () => {
  await Promise.all([backend.close(), limited.stop(), unlimited.stop()]);
});

const holdAll = ({ port }: Gateway, count: number) => Promise.all(Array.from({ length: count }, () => hold(port, "")));
const openOf = (connections: readonly HeldConnection[]) => connections.filter((each) => each.isOpen()).length;
const connectionsOf = ({ envoy }: Gateway) => envoy.stat("http.ingress_http.downstream_cx_active");

function over(agent: Agent, port: number): Promise<number | undefined> {
  return new Promise((done, fail) => {
    const asked = httpRequest(
      { host: "127.0.0.1", port, path: "/", agent, headers: { host: "example.com" } },
      (answer) => {
        answer.resume();
        answer.on("end", () => done(answer.statusCode));
      },
    );
    asked.on("error", fail);
    asked.end();
  });
}

describe("connections over the limit", () => {
  it("are closed at once; those that are there are served, and so is everybody once there is room", async () => {
    const kept = new Agent({ keepAlive: true, maxSockets: 1 });
    expect(await over(kept, limited.port)).toBe(200);
    const held = await holdAll(limited, twice);
    try {
      await eventually("all but the limit are closed", () => openOf(held) === most - 1);
      expect(await over(kept, limited.port)).toBe(200);
      await expect(limited.request("/")).rejects.toThrow();
      const overflow = (await limited.envoy.admin("/stats?filter=downstream_global_cx_overflow")).body;
      expect(overflow).toMatch(new RegExp(`: ${twice - (most - 1) + 1}$`, "m"));
    } finally {
      held.forEach((each) => each.destroy());
      kept.destroy();
    }
    await eventually(
      "there is room again",
      async () => (await limited.request("/").catch(() => undefined))?.status === 200,
    );
  });

  it("are served where there is no limit", async () => {
    const held = await holdAll(unlimited, twice);
    try {
      await eventually(
        "all of them are connections of Envoy's",
        async () => (await connectionsOf(unlimited)) === twice,
      );
      expect(openOf(held)).toBe(twice);
      expect((await unlimited.request("/")).status).toBe(200);
    } finally {
      held.forEach((each) => each.destroy());
    }
  });
});
