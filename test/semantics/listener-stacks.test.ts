import net from "node:net";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { eventually } from "../support/eventually.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, secretOf } from "../support/manifests.ts";

// Typed in by hand from the specification (sections 1.4 and 4.4 to 4.7). Never generated. Each row is asked of a real Envoy.
// Deliberate differences: no cleartext on a TLS Listener, and the PROXY header before TLS (docs/compatibility.md).

type Way = "cleartext" | "tls" | "proxy+cleartext" | "proxy+tls";
const ways: readonly Way[] = ["cleartext", "tls", "proxy+cleartext", "proxy+tls"];

interface Row {
  readonly spec: Readonly<Record<string, unknown>>;
  /** What a Host with `insecure.action: Redirect` answers; what is not named gets no answer. */
  readonly answers: Partial<Record<Way, number>>;
}

const rows: readonly Row[] = [
  { spec: { protocol: "HTTP", securityModel: "XFP" }, answers: { cleartext: 301 } },
  { spec: { protocol: "HTTP", securityModel: "SECURE" }, answers: { cleartext: 200 } },
  { spec: { protocol: "HTTP", securityModel: "INSECURE" }, answers: { cleartext: 301 } },
  { spec: { protocolStack: ["HTTP", "TCP"], securityModel: "SECURE" }, answers: { cleartext: 200 } },
  { spec: { protocol: "HTTPS", securityModel: "XFP" }, answers: { tls: 200 } },
  { spec: { protocol: "HTTPS", securityModel: "SECURE" }, answers: { tls: 200 } },
  { spec: { protocol: "HTTPS", securityModel: "INSECURE" }, answers: { tls: 301 } },
  { spec: { protocolStack: ["TLS", "HTTP", "TCP"], securityModel: "XFP" }, answers: { tls: 200 } },
  { spec: { protocol: "HTTPPROXY", securityModel: "SECURE" }, answers: { "proxy+cleartext": 200 } },
  { spec: { protocolStack: ["PROXY", "HTTP", "TCP"], securityModel: "SECURE" }, answers: { "proxy+cleartext": 200 } },
  { spec: { protocol: "HTTPSPROXY", securityModel: "XFP" }, answers: { "proxy+tls": 200 } },
  { spec: { protocolStack: ["PROXY", "TLS", "HTTP", "TCP"], securityModel: "XFP" }, answers: { "proxy+tls": 200 } },
  { spec: { protocol: "HTTP", protocolStack: ["TLS", "HTTP", "TCP"], securityModel: "XFP" }, answers: { tls: 200 } },
];

let gateway: Gateway;
let backend: EchoBackend;
let certificate: Certificate;

beforeAll(async () => {
  [gateway, backend, certificate] = await Promise.all([
    startGateway(),
    echoBackend("one"),
    selfSigned({ hosts: ["a.test"] }),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

/** The status of the answer; undefined where the connection ends without one. */
function ask(port: number, way: Way): Promise<number | undefined> {
  return new Promise((done) => {
    const socket = net.connect(port, "127.0.0.1");
    const finish = (status?: number) => {
      socket.destroy();
      done(status);
    };
    const talk = (to: net.Socket) => {
      let text = "";
      to.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        const [, status] = /^HTTP\/1\.1 (\d+)/.exec(text) ?? [];
        if (status !== undefined) finish(Number(status) === 400 ? undefined : Number(status));
      });
      to.once("error", () => finish()).once("close", () => finish());
      to.write("GET / HTTP/1.1\r\nhost: a.test\r\nconnection: close\r\n\r\n");
    };
    socket.once("error", () => finish()).once("close", () => finish());
    socket.once("connect", () => {
      if (way.startsWith("proxy+")) socket.write("PROXY TCP4 198.51.100.9 10.0.0.1 1234 80\r\n");
      if (!way.endsWith("tls")) return talk(socket);
      const secure = tls.connect({ socket, servername: "a.test", rejectUnauthorized: false });
      secure.once("error", () => finish());
      secure.once("secureConnect", () => talk(secure));
    });
  });
}

async function open(spec: Row["spec"]): Promise<{ readonly port: number; readonly problems: readonly string[] }> {
  const port = await freePort();
  const problems = await gateway.apply(
    listenerOf("tested", { port, hostBinding: { namespace: { from: "ALL" } }, ...spec }) +
      secretOf("pair", { "tls.crt": certificate.certificatePem, "tls.key": certificate.keyPem }) +
      hostOf("a", { hostname: "a.test", tlsSecret: { name: "pair" } }) +
      mapping("m", { hostname: "a.test", prefix: "/", service: backend.service }),
  );
  return { port, problems: problems.filter(({ object }) => object.name === "tested").map(({ code }) => code) };
}

describe("a Listener's stack", () => {
  it.each(rows.map((row) => [JSON.stringify(row.spec), row] as const))("%s", async (_, { spec, answers }) => {
    const { port } = await open(spec);
    const [[first, status] = []] = Object.entries(answers);
    // Envoy opens the port a moment after it has acknowledged it.
    await eventually("an answer", async () => (await ask(port, first as Way)) === status);
    const seen = await Promise.all(ways.map(async (way) => [way, await ask(port, way)] as const));
    expect(Object.fromEntries(seen.filter(([, answer]) => answer !== undefined))).toEqual(answers);
  });

  it.each([
    [{ securityModel: "XFP" }, "InvalidField"],
    [{ securityModel: "XFP", protocolStack: ["TLS", "HTTP"] }, "InvalidField"],
    [{ securityModel: "XFP", protocol: "HTTP", hostBinding: {} }, "InvalidField"],
  ])("that cannot be opened is told: %j", async (spec, code) => {
    const { port, problems } = await open(spec);
    expect(problems).toContain(code);
    expect(await ask(port, "cleartext")).toBeUndefined();
  });
});
