import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type LocalServer, localServer } from "../support/backends.ts";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";

let gateway: Gateway;
let backend: LocalServer;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([
    startGateway(),
    localServer((_, response) => response.end("plain"), {
      // Takes any protocol, then sends back what it gets, in upper case.
      prepare: (server) =>
        server.on("upgrade", (request, socket) => {
          const head = [
            "HTTP/1.1 101 Switching Protocols",
            "connection: upgrade",
            `upgrade: ${request.headers.upgrade}`,
          ];
          socket.write(`${head.join("\r\n")}\r\n\r\n`);
          socket.on("data", (data) => socket.write(data.toString().toUpperCase()));
          socket.on("error", () => socket.destroy());
        }),
    }),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const apply = (spec: object) =>
  gateway.apply(mapping("m", { prefix: "/", service: `127.0.0.1:${backend.port}`, timeout_ms: 300, ...spec }));

interface Upgraded {
  readonly status: number;
  /** Sends a text and returns what comes back. */
  say(text: string): Promise<string>;
  end(): void;
}

function upgrade(protocol: string): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(gateway.port, "127.0.0.1");
    socket.once("error", reject);
    const key = "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n";
    socket.write(`GET / HTTP/1.1\r\nhost: a.example.com\r\nconnection: Upgrade\r\nupgrade: ${protocol}\r\n${key}\r\n`);
    const next = () => new Promise<string>((done) => socket.once("data", (data) => done(data.toString())));
    void next().then((head) => {
      resolve({
        status: Number(head.split(" ")[1]),
        say(text) {
          const answer = next();
          socket.write(text);
          return answer;
        },
        end: () => socket.destroy(),
      });
    });
  });
}

async function statusOf(protocol: string): Promise<number> {
  const { status, end } = await upgrade(protocol);
  end();
  return status;
}

describe("upgrades", () => {
  // shows: Mapping.allow_upgrade
  it("upgrades a connection to websocket and keeps it past the request's timeout", async () => {
    expect(await apply({ allow_upgrade: ["websocket"] })).toEqual([]);
    const upgraded = await upgrade("websocket");
    expect(upgraded.status).toBe(101);
    expect(await upgraded.say("hello")).toBe("HELLO");
    await sleep(600);
    expect(await upgraded.say("still there")).toBe("STILL THERE");
    upgraded.end();
    expect((await gateway.request("/")).body).toBe("plain");
  });

  it("upgrades to the protocols in the list alone, whatever their case", async () => {
    expect(await apply({ allow_upgrade: ["WebSocket", "websocket", "spdy/3.1"] })).toEqual([]);
    expect(await statusOf("websocket")).toBe(101);
    expect(await statusOf("SPDY/3.1")).toBe(101);
    expect(await statusOf("h2c-like")).not.toBe(101);
    await apply({});
    expect(await statusOf("websocket")).not.toBe(101);
  });

  // shows: Mapping.use_websocket
  it("takes use_websocket for what it says", async () => {
    await apply({ use_websocket: true });
    expect(await statusOf("websocket")).toBe(101);
    await apply({ use_websocket: false });
    expect(await statusOf("websocket")).not.toBe(101);
  });

  it("allows a canary group what its last Mapping allows", async () => {
    const member = (name: string, spec: object) =>
      mapping(name, { prefix: "/", service: `127.0.0.1:${backend.port}`, weight: 50, ...spec });
    await gateway.apply(member("a", {}) + member("b", { use_websocket: true }));
    for (let i = 0; i < 10; i++) expect(await statusOf("websocket")).toBe(101);
  });

  it("refuses what is no protocol", async () => {
    const problems = await apply({ allow_upgrade: ["websocket, spdy", ""] });
    expect(problems.map(({ path, message }) => [path.slice(1), message])).toEqual([
      [["allow_upgrade", 0], '"websocket, spdy" is not the name of a protocol'],
      [["allow_upgrade", 1], '"" is not the name of a protocol'],
    ]);
  });
});
