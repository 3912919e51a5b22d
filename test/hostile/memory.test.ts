import http from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { eventually } from "../support/eventually.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { preface, request, settings } from "./frames.ts";

const MiB = 1024 * 1024;
/** More than Envoy's own window of 16 MiB. */
const answerBytes = 24 * MiB;
const limit = 32 * MiB;

/** The service's part of it is 80 MiB by a Node that shares its processor. */
const aWhile = { timeoutMs: 50_000 };

let limited: Gateway;
let unlimited: Gateway;

/** A service with long answers; what was taken of each, by path. */
const taken = new Map<string, number>();
const server = http.createServer((asked, response) => {
  const path = asked.url ?? "";
  if (path === "/short") return void response.end("ok");
  const piece = Buffer.alloc(MiB / 16);
  const more = () => {
    for (let bytes = 0; bytes < answerBytes; ) {
      bytes = (taken.get(path) ?? 0) + piece.length;
      taken.set(path, bytes);
      if (!response.write(piece)) return void response.once("drain", more);
    }
    response.end();
  };
  more();
});

beforeAll(async () => {
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  [limited, unlimited] = await Promise.all([
    startGateway({ limits: { maxHeapBytes: limit, maxConnections: undefined } }),
    startGateway(),
  ]);
  const service = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const manifest = mapping("m", { prefix: "/", service, rewrite: "", timeout_ms: 0 });
  await Promise.all([limited.apply(manifest), unlimited.apply(manifest)]);
});

afterAll(async () => {
  await Promise.all([limited.stop(), unlimited.stop()]);
  server.closeAllConnections();
  server.close();
});

async function allocatedBytes({ envoy }: Gateway): Promise<number> {
  const { allocated } = JSON.parse((await envoy.admin("/memory")).body) as { allocated: string };
  return Number(allocated);
}

/** Asks for so many long answers and takes nothing of them. */
function unread({ port }: Gateway, name: string, count: number): Socket {
  const requests = Array.from({ length: count }, (_, index) => request(2 * index + 1, `/${name}/${index}`));
  const socket = connect(port, "127.0.0.1", () =>
    socket.write(Buffer.concat([preface, settings([4, 0]), ...requests])),
  );
  return socket.resume().on("error", () => undefined);
}

describe("answers that nobody reads", () => {
  it("fill no more memory than the windows that a client is given", async () => {
    const streams = 20;
    const before = await allocatedBytes(unlimited);
    const socket = unread(unlimited, "few", streams);
    try {
      let last = -1;
      await eventually(
        "no answer goes on",
        async () => {
          const sum = [...taken.values()].reduce((a, b) => a + b, 0);
          const stands = taken.size === streams && sum === last;
          last = sum;
          // The gateway has had time for other things, and took nothing more.
          for (let count = 0; count < 20; count++) await unlimited.request("/short");
          return stands;
        },
        aWhile,
      );
      // With Envoy's own windows it is 17 MiB.
      expect(((await allocatedBytes(unlimited)) - before) / streams).toBeLessThan(3 * MiB);
    } finally {
      socket.destroy();
    }
  });

  it("are reset where they come to the limit of memory, and when they have gone others are served; without a limit they go beyond it", async () => {
    const sockets = [unread(limited, "limited", 80), unread(unlimited, "unlimited", 80)];
    try {
      await eventually("without a limit", async () => (await allocatedBytes(unlimited)) > limit, aWhile);
      await eventually(
        "streams are reset",
        async () => (await limited.envoy.stat("envoy.overload_actions.reset_high_memory_stream.count")) > 0,
        aWhile,
      );
    } finally {
      for (const socket of sockets) socket.destroy();
    }
    // In so small a heap what was freed, and is not yet given back, may keep it full for a moment.
    await eventually("others are served", async () => (await limited.request("/short")).status === 200, aWhile);
    expect(await allocatedBytes(limited)).toBeLessThan(limit);
  });
});

describe("a gateway whose memory is at its limit all the same", () => {
  it("closes connections, says so in its statistics, and lives", async () => {
    // What an Envoy has that serves nobody.
    const full = await startGateway({ limits: { maxHeapBytes: 4 * MiB, maxConnections: undefined } });
    try {
      await eventually("it is full", async () => {
        return (await full.envoy.stat("overload.envoy.overload_actions.stop_accepting_requests.active")) === 1;
      });
      await expect(full.request("/")).rejects.toThrow();
      expect(await full.envoy.stat("overload.envoy.load_shed_points.tcp_listener_accept.shed_load_count")).toBe(1);
      expect((await full.envoy.admin("/ready")).status).toBe(200);
    } finally {
      await full.stop();
    }
  });
});
