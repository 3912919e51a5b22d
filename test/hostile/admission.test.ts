import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import tls from "node:tls";
import { Worker } from "node:worker_threads";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type AdmissionProcess, post, startAdmission } from "../admission/process.ts";
import { mapping, responseOf, review } from "../admission/reviews.ts";
import { writeKubeconfig } from "../cluster/kubeconfig.ts";
import { freePort } from "../cluster/loopback.ts";
import { selfSigned } from "../support/certificates.ts";
import { hold } from "./attack.ts";
import type { BodyEnd, BodyFlood } from "./body-flood.ts";

const MiB = 1024 * 1024;
const directory = mkdtempSync(join(tmpdir(), "nuncio-hostile-"));
let admission: AdmissionProcess;
/** Clients that began to ask when the tests did. */
let slow: readonly Promise<string>[];

beforeAll(async () => {
  const kubeconfig = writeKubeconfig(join(directory, "kubeconfig"), {
    serverUrl: `https://127.0.0.1:${await freePort()}`,
    certificateAuthority: (await selfSigned({ hosts: ["127.0.0.1"] })).certificatePem,
    token: "none",
    user: "nobody",
    namespace: "default",
  });
  admission = await startAdmission({ kubeconfig });
  slow = slowClients();
}, 90_000);

afterAll(async () => {
  await admission.stop();
  rmSync(directory, { recursive: true, force: true });
});

const portOf = (url: string) => Number(new URL(url).port);
const candidate = JSON.stringify(review(mapping("m", { resolver: "nope" })));

async function ask(what: string, send: () => Promise<number | string>): Promise<string> {
  try {
    return `${what}: ${await send()}`;
  } catch (error) {
    return `${what}: ${String(error)}`;
  }
}

/** However long it takes: on a busy machine that says nothing of the process. */
function probeOf(port: number): Promise<number> {
  return new Promise((done, fail) => {
    const sent = httpRequest({ host: "127.0.0.1", port, path: "/healthz", agent: false }, (response) => {
      response.resume();
      response.on("end", () => done(response.statusCode ?? 0));
    });
    sent.on("error", fail);
    sent.end();
  });
}

/** What a kubelet and an API server ask meanwhile, each over a new connection; what came instead of an answer. */
async function healthy(times: number): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (let count = 0; count < times; count++) {
    const probe = ask("probe", () => probeOf(admission.adminPort));
    const verdict = ask("review", async () => {
      const { status, body } = await post(admission.url, candidate);
      return status === 200 && responseOf(body).allowed === true ? 200 : `${status} ${body}`;
    });
    wrong.push(...(await Promise.all([probe, verdict])).filter((each) => !each.endsWith(": 200")));
  }
  return wrong;
}

function residentBytes(): number {
  const text = readFileSync(`/proc/${admission.pid}/status`, "utf8");
  return 1024 * Number(/VmRSS:\s+(\d+)/.exec(text)?.[1]);
}

function slowClients(): readonly Promise<string>[] {
  const port = portOf(admission.url);
  const overTls = (text: string) =>
    new Promise<string>((done) => {
      let received = "";
      const socket = tls.connect({ host: "127.0.0.1", port, rejectUnauthorized: false }, () => socket.write(text));
      socket.on("data", (chunk) => (received += chunk.toString()));
      socket.once("error", () => undefined).once("close", () => done(received));
    });
  const head = "POST /validate HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n";
  return [
    ...Array.from({ length: 20 }, () => overTls(head)),
    ...Array.from({ length: 20 }, () => overTls(`${head}\r\n{`)),
    ...Array.from({ length: 20 }, async () => (await hold(port, "")).closed),
    ...Array.from({ length: 20 }, async () => (await hold(admission.adminPort, "GET /metrics HTTP/1.1\r\n")).closed),
  ];
}

describe("nuncio admission", () => {
  it.each([
    ["admin", 700],
    ["HTTPS", 1500],
  ])("answers reviews and probes while its %s port has %i silent connections", async (which, count) => {
    const port = which === "admin" ? admission.adminPort : portOf(admission.url);
    const held = await Promise.all(Array.from({ length: count }, () => hold(port, "")));
    try {
      expect(await healthy(10)).toEqual([]);
      expect(held.filter((each) => each.isOpen()).length).toBeLessThan(count);
    } finally {
      held.forEach((each) => each.destroy());
    }
  });

  it("refuses bodies of 10 MB, many at once, told or not, with bounded memory, and judges others meanwhile", async () => {
    const before = residentBytes();
    let most = before;
    const watching = setInterval(() => (most = Math.max(most, residentBytes())), 20);
    const flood: BodyFlood = {
      reviewUrl: `${admission.url}/validate`,
      adminUrl: `http://127.0.0.1:${admission.adminPort}/metrics`,
      count: 24,
      bytes: 10_000_000,
    };
    const worker = new Worker(new URL("./body-flood.ts", import.meta.url), { workerData: flood });
    const sent = once(worker, "message") as Promise<[readonly BodyEnd[]]>;
    try {
      expect(await healthy(5)).toEqual([]);
      const [ends] = await sent;
      expect(ends.length).toBe(flood.count);
      expect(ends.filter((end) => ![405, 413, 503, "closed"].includes(end))).toEqual([]);
    } finally {
      clearInterval(watching);
    }
    // 24 bodies are 240 MB; how much of them is held at most is in test/admission/host.test.ts.
    expect((most - before) / MiB).toBeLessThan(200);
  });

  const change = review(mapping("m"));
  const withRequest = (fields: object) =>
    JSON.stringify({ ...change, request: { ...(change["request"] as object), ...fields } });
  const withObject = (object: unknown) => withRequest({ object });
  const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
  const deep = (text: string) => candidate.replace('"nope"', text);

  it.each<readonly [string, string | Buffer]>([
    ["nothing", ""],
    ["null", "null"],
    ["a list", "[]"],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00, 0xc0, 0xaf])],
    ["an unfinished object", candidate.slice(0, -1)],
    ["another kind", JSON.stringify({ ...change, kind: "SubjectAccessReview" })],
    ["no request", JSON.stringify({ ...change, request: null })],
    ["a request that is a text", JSON.stringify({ ...change, request: "x" })],
    ["a uid that is a number", withRequest({ uid: 5 })],
    ["an object that is a list", withObject([])],
    ["100,000 lists in each other", nested(100_000)],
  ])("answers 400 to what is no review: %s", async (_, body) => {
    expect(await post(admission.url, body)).toMatchObject({ status: 400 });
  });

  it.each<readonly [string, string]>([
    ["400 lists in each other as a field", deep(nested(400))],
    ["an object without anything", withObject({})],
    ["metadata that is a number", withObject({ ...mapping("m"), metadata: 5 })],
    ["a name that is an object", withObject({ ...mapping("m"), metadata: { name: {} } })],
    ["a spec that is a text", withObject({ ...mapping("m"), spec: "x" })],
    ["annotations that are a list", withObject(mapping("m", {}, { annotations: [1] }))],
    ["fields of every object", deep('{"__proto__":{"a":1},"constructor":1,"toString":2}')],
    ["a field of 5 MB", deep(JSON.stringify("a".repeat(5_000_000)))],
  ])("has a verdict of an odd object: %s", async (_, body) => {
    const answer = await post(admission.url, body);
    expect(answer.status).toBe(200);
    expect(typeof responseOf(answer.body).allowed).toBe("boolean");
  });

  it("denies an object that is nested without end, which nothing could copy", async () => {
    const { allowed, status } = responseOf((await post(admission.url, deep(nested(5000)))).body);
    expect(allowed).toBe(false);
    expect(status?.message).toMatch(/over 500 levels/);
  });

  it("closes the connections of clients that do not go on, and is there still", async () => {
    const ends = await Promise.all(slow);
    expect(ends.filter((text) => text !== "" && !/^HTTP\/1\.1 408/.test(text))).toEqual([]);
    expect(await healthy(1)).toEqual([]);
  });
});
