import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createServer, type TLSSocket } from "node:tls";
import { describe, expect, it } from "@jest/globals";
import { type Certificate, selfSigned, signedBy } from "./certificates.ts";

/** What a client that trusts `ca` alone sees of a server with this certificate. */
async function served(certificate: Certificate, ca: Certificate): Promise<string> {
  const server = createServer({ cert: certificate.certificatePem, key: certificate.keyPem }, (socket) => socket.end());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  try {
    const socket: TLSSocket = connect({ host: "127.0.0.1", port, ca: ca.certificatePem, servername: "localhost" });
    await once(socket, "secureConnect");
    const { serialNumber } = socket.getPeerCertificate();
    socket.destroy();
    return serialNumber;
  } finally {
    server.close();
  }
}

describe("test certificates", () => {
  it.each(["P-256", "P-384", "RSA-2048"] as const)("are served and trusted, with a key of %s", async (key) => {
    const own = await selfSigned({ hosts: ["localhost", "127.0.0.1"], key });
    expect(await served(own, own)).toBe(own.serial);
    const authority = await selfSigned({ hosts: ["Test CA"], isAuthority: true, key });
    const leaf = await signedBy(authority, { hosts: ["localhost"] });
    expect(await served(leaf, authority)).toBe(leaf.serial);
  });

  it("have serials of their own and the dates that were asked for", async () => {
    const notBefore = new Date("2020-01-01T00:00:00Z");
    const notAfter = new Date("2020-02-01T00:00:00Z");
    const old = await selfSigned({ hosts: ["a.example", "::1"], notBefore, notAfter });
    const other = await selfSigned({ hosts: ["a.example"] });
    expect(old.serial).not.toBe(other.serial);
    const parsed = new X509Certificate(old.certificatePem);
    expect(parsed.subjectAltName).toBe("DNS:a.example, IP Address:0:0:0:0:0:0:0:1");
    expect([new Date(parsed.validFrom), new Date(parsed.validTo)]).toEqual([notBefore, notAfter]);
  });
});
