import http from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { moduleOf } from "../support/manifests.ts";
import { type HeldConnection, hold, httpEnd } from "./attack.ts";
import { goodClient } from "./good-client.ts";

/** The limits are short here; how long they usually are is in test/golden. */
const limits = { request_headers_timeout_ms: 700, request_timeout_ms: 1400 };
const none = { request_headers_timeout_ms: 0 };
const clients = 50;

let limited: Gateway;
let unlimited: Gateway;
/** Answers when it has the whole request. */
const backend = http.createServer((request, response) => {
  request.resume();
  request.on("end", () => response.end("ok"));
});

beforeAll(async () => {
  await new Promise<void>((ready) => backend.listen(0, "127.0.0.1", ready));
  const service = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
  [limited, unlimited] = await Promise.all([startGateway(), startGateway()]);
  const manifests = (config: Readonly<Record<string, number>>) =>
    moduleOf(config) +
    mapping("m", { prefix: "/", service, rewrite: "" }) +
    mapping("stalled", {
      prefix: "/stalled/",
      service,
      ...(config === none ? {} : { idle_timeout_ms: 700 }),
    });
  expect(await limited.apply(manifests(limits))).toEqual([]);
  expect(await unlimited.apply(manifests(none))).toEqual([]);
});

afterAll(async () => {
  await Promise.all([limited.stop(), unlimited.stop()]);
  backend.closeAllConnections();
  backend.close();
});

const endOf = (text: string) => httpEnd({ text, closed: true });

const beginning = "POST /slow HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n";

interface Case {
  readonly what: string;
  readonly start: string;
  /** What is written again and again. */
  readonly drip?: string;
  /** What makes a whole request of it. */
  readonly rest: string;
}

const cases: readonly Case[] = [
  { what: "headers that come byte by byte", start: `${beginning}X-A: `, drip: "a", rest: "\r\nContent-Length: 0" },
  { what: "headers that stop", start: beginning, rest: "Content-Length: 0" },
  {
    what: "a body that comes byte by byte",
    start: `${beginning}Transfer-Encoding: chunked\r\n\r\n`,
    drip: "1\r\na\r\n",
    rest: "0",
  },
  {
    what: "a body that stops, where its Mapping has an idle_timeout_ms",
    start: `${beginning.replace("/slow", "/stalled/")}Transfer-Encoding: chunked\r\n\r\n1\r\n`,
    rest: "a\r\n0",
  },
];

describe("slow clients", () => {
  // shows: Module.request_headers_timeout_ms Module.request_timeout_ms
  it.each(cases)(
    "with $what get 408 within the limit, and without one keep their connections",
    async ({ start, drip, rest }) => {
      const holdAll = ({ port }: Gateway) => Promise.all(Array.from({ length: clients }, () => hold(port, start)));
      const good = goodClient(limited.port);
      const [held, kept] = await Promise.all([holdAll(limited), holdAll(unlimited)]);
      const everyOne = (connections: readonly HeldConnection[], text: string) =>
        connections.forEach((each) => each.write(text));
      const dripping = setInterval(() => {
        if (drip !== undefined) everyOne([...held, ...kept], drip);
      }, 50);
      try {
        const answers = await Promise.all(held.map(({ closed }) => closed));
        expect(new Set(answers.map(endOf))).toEqual(new Set(["408"]));
        clearInterval(dripping);
        expect(kept.filter((each) => each.isOpen()).length).toBe(clients);
        // They were served for as long as they liked.
        const [first] = kept;
        first?.write(`${rest}\r\n\r\n`);
        expect(endOf((await first?.closed) ?? "")).toBe("200");
        await good.answered(10);
        expect((await good.stop()).failed).toEqual([]);
      } finally {
        await good.stop();
        clearInterval(dripping);
        [...held, ...kept].forEach((each) => each.destroy());
      }
    },
  );
});
