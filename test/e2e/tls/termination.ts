import { describe, expect, it } from "@jest/globals";
import https from "node:https";
import { type Certificate, selfSigned, signedBy } from "../../support/certificates.ts";
import { alpnOf, send, sendHttp2 } from "../support/client.ts";
import { secret, tlsContext, tlsSecret } from "../support/manifests.ts";
import { refused, type TlsWorld, to, withSecret } from "./world.ts";

export function termination(tls: () => TlsWorld): void {
  describe("termination", () => {
    it("picks the certificate by SNI, wildcards included; other names and no name are refused", async () => {
      const { world, group, served } = tls();
      const { port, host: hostOf } = await group("sni", { protocol: "HTTPS" });
      const [a, b, wild] = await Promise.all([
        selfSigned({ hosts: ["a.test"] }),
        selfSigned({ hosts: ["b.test"] }),
        selfSigned({ hosts: ["*.wild.test"] }),
      ]);
      await world.apply(
        ...[tlsSecret("sni-a", a), tlsSecret("sni-b", b), tlsSecret("sni-wild", wild)],
        hostOf("sni-a", "a.test", withSecret("sni-a")),
        hostOf("sni-b", "b.test", withSecret("sni-b")),
        hostOf("sni-wild", "*.wild.test", withSecret("sni-wild")),
      );
      await served(port, to("x.wild.test"));
      expect((await send(port, "/", to("a.test"))).serial).toBe(a.serial);
      expect((await send(port, "/", to("b.test"))).serial).toBe(b.serial);
      expect((await send(port, "/", to("x.wild.test"))).serial).toBe(wild.serial);
      expect((await send(port, "/", to("A.TEST"))).serial).toBe(a.serial);
      await expect(send(port, "/", to("unknown.test"))).rejects.toThrow(refused);
      await expect(send(port, "/", to("a.b.test"))).rejects.toThrow(refused);
      await expect(send(port, "/", { tls: {} })).rejects.toThrow(refused);
      // A Host is served by its own chain alone: who comes by another's certificate is told to connect anew.
      expect((await send(port, "/", { host: "b.test", tls: { servername: "a.test" } })).status).toBe(421);
    });

    it("serves no SNI and unknown names by the Host *", async () => {
      const { world, group, served } = tls();
      const { port, host: hostOf } = await group("any", { protocol: "HTTPS" });
      const [any, known] = [await selfSigned({ hosts: ["any"] }), await selfSigned({ hosts: ["known.test"] })];
      await world.apply(
        ...[tlsSecret("any", any), tlsSecret("known", known)],
        hostOf("any", "*", withSecret("any")),
        hostOf("known", "known.test", withSecret("known")),
      );
      await served(port, to("unknown.test"), ({ serial }) => serial === any.serial);
      // Applied one after the other: until then the Host * has this name too.
      await served(port, to("known.test"), ({ serial }) => serial === known.serial);
      expect((await send(port, "/", { host: "x", tls: {} })).serial).toBe(any.serial);
    });

    it("rotates a certificate live: new connections get the new one, an open one goes on", async () => {
      const { world, gateway, group, served } = tls();
      const { port, host: hostOf } = await group("rotate", { protocol: "HTTPS" });
      const [before, after] = [await selfSigned({ hosts: ["r.test"] }), await selfSigned({ hosts: ["r.test"] })];
      await world.apply(tlsSecret("rotate", before), hostOf("rotate", "r.test", withSecret("rotate")));
      await served(port, to("r.test"));
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
      const held = await send(port, "/", { ...to("r.test"), agent });
      expect(held.serial).toBe(before.serial);
      const mark = gateway.mark();
      await world.apply(tlsSecret("rotate", after));
      await served(port, to("r.test"), ({ serial }) => serial === after.serial);
      const again = await send(port, "/", { ...to("r.test"), agent });
      expect(again).toMatchObject({ status: 200, serial: before.serial, localPort: held.localPort });
      expect(gateway.sent(mark)).toEqual([{ type: "secret", names: 1, removed: 0 }]);
      agent.destroy();
    });

    it("leaves the connections of other Hosts alone when a Host comes and goes", async () => {
      const { world, gateway, group, served } = tls();
      const { port, host: hostOf } = await group("stay", { protocol: "HTTPS" });
      const [stay, other] = [await selfSigned({ hosts: ["stay.test"] }), await selfSigned({ hosts: ["other.test"] })];
      await world.apply(
        tlsSecret("stay", stay),
        tlsSecret("other", other),
        hostOf("stay", "stay.test", withSecret("stay")),
      );
      await served(port, to("stay.test"));
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
      const held = await send(port, "/", { ...to("stay.test"), agent });
      const second = hostOf("other", "other.test", withSecret("other"));
      await world.apply(second);
      await served(port, to("other.test"));
      await world.remove(second);
      await gateway.until("the Host is gone", () =>
        send(port, "/", to("other.test")).then(
          () => false,
          () => true,
        ),
      );
      const still = await send(port, "/", { ...to("stay.test"), agent });
      expect(still).toMatchObject({ status: 200, localPort: held.localPort });
      expect(still.headers.connection).toBeUndefined();
      agent.destroy();
    });

    it("does not answer cleartext on a TLS Listener", async () => {
      const { world, plain, group, served } = tls();
      const { port, host: hostOf } = await group("no-cleartext", { protocol: "HTTPS" });
      await world.apply(
        tlsSecret("no-cleartext", await selfSigned({ hosts: ["c.test"] })),
        hostOf(
          "no-cleartext",
          "c.test",
          withSecret("no-cleartext", { requestPolicy: { insecure: { action: "Route" } } }),
        ),
      );
      await served(port, to("c.test"));
      plain.reset();
      await expect(send(port, "/", { host: "c.test" })).rejects.toThrow(refused);
      expect(plain.count()).toBe(0);
    });

    it("speaks HTTP/2 by ALPN, and HTTP/1.1 where a TLSContext says so", async () => {
      const { world, group, served } = tls();
      const { port, host: hostOf } = await group("alpn", { protocol: "HTTPS" });
      await world.apply(
        tlsSecret("alpn", await selfSigned({ hosts: ["h2.test"] })),
        tlsContext("only-http1", { alpn_protocols: "http/1.1" }),
        hostOf("h2", "h2.test", withSecret("alpn")),
        hostOf("h1", "h1.test", withSecret("alpn", { tlsContext: { name: "only-http1" } })),
      );
      await served(port, to("h1.test"));
      expect(await sendHttp2(port, "/", "h2.test")).toEqual({ status: 200, alpn: "h2" });
      expect(await alpnOf(port, "h2.test")).toBe("h2");
      expect(await alpnOf(port, "h1.test")).toBe("http/1.1");
    });

    it("refuses a client older than a TLSContext's min_tls_version", async () => {
      const { world, group, served } = tls();
      const { port, host: hostOf } = await group("version", { protocol: "HTTPS" });
      await world.apply(
        tlsSecret("version", await selfSigned({ hosts: ["new.test"] })),
        tlsContext("modern", { min_tls_version: "v1.3" }),
        hostOf("modern", "new.test", withSecret("version", { tlsContext: { name: "modern" } })),
        hostOf("lenient", "old.test", withSecret("version")),
      );
      expect((await served(port, to("new.test"))).tlsVersion).toBe("TLSv1.3");
      const old = { maxVersion: "TLSv1.2" } as const;
      await expect(send(port, "/", to("new.test", old))).rejects.toThrow(/version|EPROTO|alert/);
      expect((await send(port, "/", to("old.test", old))).tlsVersion).toBe("TLSv1.2");
    });

    it("asks for a client certificate where a TLSContext requires one, and verifies it", async () => {
      const { world, group, served } = tls();
      const { port, host: hostOf } = await group("mutual", { protocol: "HTTPS" });
      const authority = await selfSigned({ hosts: ["Test CA"], isAuthority: true });
      const [client, stranger] = [
        await signedBy(authority, { hosts: ["client"] }),
        await selfSigned({ hosts: ["client"] }),
      ];
      await world.apply(
        tlsSecret("mutual", await selfSigned({ hosts: ["m.test"] })),
        secret("mutual-ca", "Opaque", { "tls.crt": authority.certificatePem }),
        tlsContext("mutual", { ca_secret: "mutual-ca", cert_required: true }),
        hostOf("mutual", "m.test", withSecret("mutual", { tlsContext: { name: "mutual" } })),
      );
      const as = ({ certificatePem: cert, keyPem: key }: Certificate) => to("m.test", { cert, key });
      await served(port, as(client));
      await expect(send(port, "/", to("m.test"))).rejects.toThrow(refused);
      await expect(send(port, "/", as(stranger))).rejects.toThrow(refused);
    });
  });
}
