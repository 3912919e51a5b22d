import net from "node:net";
import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { freePort } from "../support/envoy.ts";
import { type EchoBackend, echoBackend, type Gateway, mapping, startGateway } from "../support/gateway.ts";
import { hostOf, listenerOf, secretOf } from "../support/manifests.ts";

let gateway: Gateway;
let backend: EchoBackend;

beforeAll(async () => {
  [gateway, backend] = await Promise.all([startGateway(), echoBackend("one")]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), backend.close()]);
});

const PORTS = 20;

it("a Listener whose certificates Envoy has yet to ask for listens by the time it is acknowledged", async () => {
  const authority = await selfSigned({ hosts: ["authority"], isAuthority: true });
  const served = await signedBy(authority, { hosts: ["a.example.com"] });
  const answers: string[] = [];
  for (let round = 0; round < PORTS; round++) {
    const port = await freePort();
    await gateway.apply(tlsOn(port, `-${round}`, served, authority));
    answers.push(await connects(port));
  }
  expect(answers).toEqual(answers.map(() => "connected"));
});

/** Secrets by new names, since Envoy keeps those that it has. */
function tlsOn(port: number, suffix: string, served: Certificate, authority: Certificate): string {
  return [
    mapping("m", { prefix: "/", service: backend.service }),
    listenerOf("tls", {
      port,
      protocol: "HTTPS",
      securityModel: "XFP",
      hostBinding: { namespace: { from: "ALL" } },
    }),
    secretOf(`served${suffix}`, { "tls.crt": served.certificatePem, "tls.key": served.keyPem }),
    secretOf(`authority${suffix}`, { "tls.crt": authority.certificatePem }),
    hostOf("a", {
      hostname: "a.example.com",
      tlsSecret: { name: `served${suffix}` },
      tls: { ca_secret: `authority${suffix}`, cert_required: true },
    }),
  ].join("");
}

function connects(port: number): Promise<string> {
  return new Promise((done) => {
    const socket = net.connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      done("connected");
    });
    socket.once("error", (error: NodeJS.ErrnoException) => done(error.code ?? error.message));
  });
}
