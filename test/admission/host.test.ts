import { connect } from "node:net";
import { Agent, request as httpsRequest } from "node:https";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Host, startHost } from "../../runtime/admission/host.ts";
import type { AdmissionRequest, Answer } from "../../runtime/admission/review.ts";
import { memoryLog } from "../runtime/memory-log.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { eventually } from "../support/eventually.ts";
import { post, peerCertificate } from "./process.ts";
import { mapping, responseOf, review } from "./reviews.ts";

const first = await selfSigned({ hosts: ["127.0.0.1"] });
const second = await selfSigned({ hosts: ["127.0.0.1"] });
const pairOf = ({ certificatePem, keyPem }: Certificate) => ({ cert: certificatePem, key: keyPem });

describe("the HTTPS host", () => {
  const log = memoryLog();
  let host: Host;
  let url: string;
  let validate: (request: AdmissionRequest) => Promise<Answer | undefined>;
  const limits = { maxBodyBytes: 100_000, maxHeldBytes: 250_000 };

  beforeAll(async () => {
    host = await startHost({ port: 0, pair: pairOf(first), validate: (request) => validate(request), log, ...limits });
    url = `https://127.0.0.1:${host.port}`;
  });
  afterAll(() => host.close());

  const send = (candidate = mapping("quote")) => post(url, JSON.stringify(review(candidate)));

  it("answers an AdmissionReview v1 with the request's uid", async () => {
    validate = () => Promise.resolve({ allowed: true, warnings: ["one\ntwo\u0007"] });
    const { status, body } = await send();
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      apiVersion: "admission.k8s.io/v1",
      kind: "AdmissionReview",
      response: { uid: "review-quote", allowed: true, warnings: ["one two"] },
    });
    validate = () => Promise.resolve({ allowed: false, message: "no:\nbecause", code: 422 });
    expect(responseOf((await send()).body)).toEqual({
      uid: "review-quote",
      allowed: false,
      status: { code: 422, reason: "Invalid", message: "no:\nbecause" },
    });
  });

  it("passes the request on, named by its generateName when it has no name yet", async () => {
    let seen: unknown;
    validate = (request) => {
      seen = request.object;
      return Promise.resolve({ allowed: true });
    };
    const nameless = { ...mapping("x"), metadata: { generateName: "quote-" } };
    await post(url, JSON.stringify(review(nameless, undefined, { name: "", namespace: "shop", uid: "u" })));
    expect(seen).toMatchObject({ metadata: { name: "quote-", namespace: "shop" } });
  });

  it.each([
    ["nothing", "", "the body is not JSON"],
    ["half a review", JSON.stringify(review(mapping("m"))).slice(0, 200), "the body is not JSON"],
    ["no object", "3", "the body is not a JSON object"],
    ["a list", "[]", "the body is not a JSON object"],
    ["null", "null", "the body is not a JSON object"],
    [
      "an old version",
      JSON.stringify({ ...review(mapping("m")), apiVersion: "admission.k8s.io/v1beta1" }),
      "not an AdmissionReview of",
    ],
    ["no request", JSON.stringify({ ...review(mapping("m")), request: undefined }), "request is missing"],
    ["no uid", JSON.stringify(review(mapping("m"), undefined, { uid: undefined })), "request.uid is missing"],
    ["no operation", JSON.stringify(review(mapping("m"), undefined, { operation: 3 })), "request.operation is missing"],
    ["no kind", JSON.stringify(review(mapping("m"), undefined, { kind: "Mapping" })), "request.kind is not"],
    [
      "no candidate",
      JSON.stringify(review(mapping("m"), undefined, { object: null })),
      "request.object is not an object",
    ],
    ["bytes that are no text", Buffer.from([0xff, 0xfe, 0x00, 0x80]), "the body is not JSON"],
  ])("answers 400 to %s", async (_, sent, text) => {
    validate = () => Promise.reject(new Error("not to be called"));
    const { status, body } = await post(url, sent);
    expect(body).toContain(text);
    expect(status).toBe(400);
  });

  it("answers 413 to a body that is too large, whether its length is told or not", async () => {
    validate = () => Promise.resolve({ allowed: true });
    const large = JSON.stringify(review(mapping("m", { docs: "x".repeat(limits.maxBodyBytes) })));
    expect((await post(url, large)).status).toBe(413);
    expect((await post(url, large, { headers: { "transfer-encoding": "chunked" } })).status).toBe(413);
    const right = JSON.stringify(review(mapping("m", { docs: "x".repeat(limits.maxBodyBytes / 2) })));
    expect((await post(url, right)).status).toBe(200);
  });

  it("outlives 20 MiB of what nobody asked for", async () => {
    // The connection is closed on what was not read, so the client may hear of that first.
    const status = await post(url, Buffer.alloc(20 * 1024 * 1024, "x")).then(
      (answer) => answer.status,
      () => "closed",
    );
    expect([413, "closed"]).toContain(status);
    expect((await post(url, "", { path: "/healthz", method: "GET" })).status).toBe(200);
  });

  it("answers 503 when it holds too many bytes, and is free again afterwards", async () => {
    const waiting: (() => void)[] = [];
    validate = () => new Promise((resolve) => waiting.push(() => resolve({ allowed: true })));
    const half = JSON.stringify(review(mapping("m", { docs: "x".repeat(90_000) })));
    const held = [post(url, half), post(url, half)];
    await eventually("two are being judged", () => waiting.length === 2);
    expect((await post(url, half)).status).toBe(503);
    for (const done of waiting) done();
    expect((await Promise.all(held)).map(({ status }) => status)).toEqual([200, 200]);
    validate = () => Promise.resolve({ allowed: true });
    expect((await post(url, half)).status).toBe(200);
  });

  it("forgets what a client sent that went away", async () => {
    validate = () => Promise.resolve({ allowed: true });
    for (let i = 0; i < 5; i++) {
      await new Promise<void>((resolve) => {
        const headers = { "content-length": "90000" };
        const sent = httpsRequest(`${url}/validate`, {
          method: "POST",
          agent: false,
          rejectUnauthorized: false,
          headers,
        });
        sent.on("error", () => resolve());
        sent.write("x".repeat(80_000), () => setTimeout(() => sent.destroy(), 20));
      });
    }
    const right = JSON.stringify(review(mapping("m", { docs: "x".repeat(90_000) })));
    expect((await Promise.all([post(url, right), post(url, right)])).map(({ status }) => status)).toEqual([200, 200]);
  });

  it("answers 500 without a verdict, so that the failurePolicy decides, and goes on", async () => {
    validate = () => Promise.resolve(undefined);
    expect((await send()).status).toBe(500);
    validate = () => Promise.reject(new Error("a bug"));
    expect((await send()).status).toBe(500);
    expect(log.lines.join("\n")).toContain("a bug");
    validate = () => Promise.resolve({ allowed: true });
    expect((await send()).status).toBe(200);
  });

  it("knows two paths and their methods", async () => {
    const get = (path: string, method: string) => post(url, "", { path, method });
    expect(await get("/healthz", "GET")).toMatchObject({ status: 200, body: "ok\n" });
    expect((await get("/healthz", "POST")).status).toBe(405);
    expect((await get("/validate", "GET")).status).toBe(405);
    expect((await get("/", "GET")).status).toBe(404);
    expect((await get("/validate/../etc/passwd", "POST")).status).toBe(404);
    // As the API server asks.
    expect((await get("/validate?timeout=5s", "POST")).status).toBe(400);
  });

  it("is not disturbed by a client without TLS", async () => {
    const socket = connect({ host: "127.0.0.1", port: host.port });
    socket.on("error", () => undefined);
    socket.write("GET / HTTP/1.1\r\n\r\n");
    await new Promise((resolve) => socket.once("close", resolve));
    expect((await post(url, "", { path: "/healthz", method: "GET" })).status).toBe(200);
  });

  it("serves a new certificate to new connections and leaves the old ones open", async () => {
    validate = () => Promise.resolve({ allowed: true });
    const agent = new Agent({ keepAlive: true, maxSockets: 1, rejectUnauthorized: false });
    const overAgent = () =>
      new Promise<{ serial: string; from: number | undefined }>((resolve, reject) => {
        httpsRequest(`${url}/healthz`, { agent }, (response) => {
          const socket = response.socket as TLSSocket;
          const serial = socket.getPeerCertificate().serialNumber;
          response.on("end", () => setImmediate(() => resolve({ serial, from: socket.localPort })));
          response.resume();
        })
          .on("error", reject)
          .end();
      });
    const before = await overAgent();
    expect(before.serial).toBe(first.serial);
    host.setKeyPair(pairOf(second));
    expect((await peerCertificate(host.port)).serialNumber).toBe(second.serial);
    expect((await overAgent()).from).toBe(before.from);
    agent.destroy();
  });

  it("ends when the reviews under way are answered", async () => {
    let answer = (): void => undefined;
    validate = () => new Promise((resolve) => (answer = () => resolve({ allowed: true })));
    const other = await startHost({ port: 0, pair: pairOf(first), validate: (request) => validate(request), log });
    const agent = new Agent({ keepAlive: true, rejectUnauthorized: false });
    const reply = new Promise<number>((resolve, reject) => {
      const sent = httpsRequest(`https://127.0.0.1:${other.port}/validate`, { method: "POST", agent }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode ?? 0));
      });
      sent.on("error", reject);
      sent.end(JSON.stringify(review(mapping("m"))));
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const closed = other.close();
    answer();
    expect(await reply).toBe(200);
    await closed;
    agent.destroy();
  });

  it("says who holds its port", async () => {
    const options = { port: host.port, pair: pairOf(first), validate: () => Promise.resolve(undefined), log };
    await expect(startHost(options)).rejects.toThrow(/the admission port \d+ is held by another process; .*--port/);
  });
});
