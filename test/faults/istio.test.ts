import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import https from "node:https";
import { Agent } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Gateway } from "../e2e/support/gateway.ts";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { ENVOY_BINARY, freePort } from "../support/envoy.ts";
import { listenerAndHost, mapping } from "../support/gateway.ts";
import { get } from "../support/http.ts";
import { tlsContextOf } from "../support/manifests.ts";

let gateway: Gateway;
let upstream: https.Server;
let port: number;
let authority: Certificate;
const directory = mkdtempSync(join(tmpdir(), "nistio-"));
const certs = join(directory, "certs");

const statusAndBody = async (agent?: Agent) => {
  const answer = await get(port, "/", agent === undefined ? {} : { agent }).catch(() => undefined);
  return answer === undefined ? undefined : [answer.status, answer.body];
};

/** As the agent does: the key first. */
function rotate({ keyPem, certificatePem }: Certificate): void {
  writeFileSync(join(certs, "key.pem"), keyPem);
  writeFileSync(join(certs, "cert-chain.pem"), certificatePem);
  writeFileSync(join(certs, "root-cert.pem"), authority.certificatePem);
}

describe("nuncio run with AMBASSADOR_ISTIO_SECRET_DIR", () => {
  beforeAll(async () => {
    authority = await selfSigned({ hosts: ["mesh"], isAuthority: true });
    const served = await signedBy(authority, { hosts: ["service.mesh"] });
    const tls = {
      cert: served.certificatePem,
      key: served.keyPem,
      ca: authority.certificatePem,
      requestCert: true,
      rejectUnauthorized: true,
    };
    // Says who called, and takes a new connection for each request.
    upstream = https.createServer(tls, (request, response) => {
      response.setHeader("connection", "close");
      response.end((request.socket as TLSSocket).getPeerCertificate().serialNumber);
    });
    await new Promise<void>((done) => upstream.listen(0, "127.0.0.1", done));
    port = await freePort();
    mkdirSync(join(directory, "conf"));
    const manifests =
      listenerAndHost(port) +
      tlsContextOf("mesh", { secret: "istio-certs", ca_secret: "istio-certs", sni: "service.mesh" }) +
      mapping("m", {
        prefix: "/",
        service: `https://127.0.0.1:${(upstream.address() as AddressInfo).port}`,
        tls: "mesh",
      });
    writeFileSync(join(directory, "conf", "gateway.yaml"), manifests);
    gateway = await Gateway.start({
      bundle: { program: resolve("cli/main.ts"), envoy: ENVOY_BINARY, remove: () => undefined },
      kubeconfig: "",
      args: ["--config", join(directory, "conf")],
      env: { AMBASSADOR_ISTIO_SECRET_DIR: certs },
    });
    await gateway.ready();
  }, 60_000);

  afterAll(async () => {
    await gateway?.stop();
    upstream?.close();
    upstream?.closeAllConnections();
    rmSync(directory, { recursive: true, force: true });
  }, 30_000);

  it("shows the mesh's services the certificate of the directory, and each new one, on connections that stay open", async () => {
    // The agent comes later than the gateway.
    await gateway.logged(/SecretNotFound/);
    mkdirSync(certs);
    const [first, second] = [
      await signedBy(authority, { hosts: ["gateway"] }),
      await signedBy(authority, { hosts: ["gateway"] }),
    ];
    rotate(first);
    await gateway.until("the first certificate", async () => {
      const answer = await statusAndBody();
      return answer?.[0] === 200 && answer[1] === first.serial;
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    let sockets = 0;
    const connect = agent.createConnection.bind(agent);
    agent.createConnection = (...args) => {
      sockets++;
      return connect(...args);
    };
    expect(await statusAndBody(agent)).toEqual([200, first.serial]);
    const listenersBefore = await gateway.envoyAdmin(
      "/stats?filter=listener_manager.listener_(modified|in_place_updated|added)$",
    );
    rotate(second);
    await gateway.until("the second certificate", async () => {
      const answer = await statusAndBody(agent);
      expect(answer?.[0]).toBe(200);
      return answer?.[1] === second.serial;
    });
    expect(sockets).toBe(1);
    expect(await gateway.envoyAdmin("/stats?filter=listener_manager.listener_(modified|in_place_updated|added)$")).toBe(
      listenersBefore,
    );
    agent.destroy();
  });
});
