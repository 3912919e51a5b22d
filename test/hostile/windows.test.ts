import http from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { usualLimits } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { preface, request, settings } from "./frames.ts";

const MiB = 1024 * 1024;
const streams = 20;
/** Of each answer; more than Envoy's own window of 16 MiB. */
const answerBytes = 24 * MiB;

let gateway: Gateway;
let server: http.Server;
/** What was taken of each answer, by path. */
const taken = new Map<string, number>();

beforeAll(async () => {
  gateway = await startGateway({ limits: usualLimits });
  server = http.createServer((asked, response) => {
    const path = asked.url ?? "";
    const more = () => {
      for (let bytes = taken.get(path) ?? 0; bytes < answerBytes; bytes = taken.get(path) ?? 0) {
        taken.set(path, bytes + MiB / 16);
        if (!response.write(Buffer.alloc(MiB / 16))) return void response.once("drain", more);
      }
      response.end();
    };
    more();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
});

afterAll(async () => {
  await gateway.stop();
  await new Promise<void>((closed) => {
    server.close(() => closed());
    server.closeAllConnections();
  });
});

async function allocatedBytes(): Promise<number> {
  const { allocated } = JSON.parse((await gateway.envoy.admin("/memory")).body) as { allocated: string };
  return Number(allocated);
}

it("answers that nobody reads fill no more memory than the windows that a client is given", async () => {
  const service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  expect(await gateway.apply(mapping("m", { prefix: "/unread/", service, rewrite: "", timeout_ms: 0 }))).toEqual([]);
  const before = await allocatedBytes();
  const windowOfNone = [preface, settings([4, 0])];
  const requests = Array.from({ length: streams }, (_, index) => request(2 * index + 1, `/unread/${index}`));
  const socket = connect(gateway.port, "127.0.0.1", () => socket.write(Buffer.concat([...windowOfNone, ...requests])));
  socket.resume();
  try {
    let last = -1;
    await eventually(
      "no answer goes on",
      async () => {
        const sum = [...taken.values()].reduce((a, b) => a + b, 0);
        const stands = taken.size === streams && sum === last;
        last = sum;
        // The gateway has had time for other things, and took nothing more.
        for (let index = 0; index < 20; index++) await gateway.request("/none");
        return stands;
      },
      { timeoutMs: 60_000 },
    );
    // With Envoy's own windows it is 17 MiB.
    expect(((await allocatedBytes()) - before) / streams).toBeLessThan(3 * MiB);
    expect(Math.max(...taken.values())).toBeLessThan(answerBytes / 2);
  } finally {
    socket.destroy();
  }
});
