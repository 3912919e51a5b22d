import { describe, expect, it } from "@jest/globals";
import { freePort } from "../../cluster/loopback.ts";
import { selfSigned } from "../../support/certificates.ts";
import { send } from "../support/client.ts";
import { listener, secret, tlsSecret } from "../support/manifests.ts";
import { refused, type TlsWorld, to, withSecret } from "./world.ts";

export function secrets(tls: () => TlsWorld): void {
  describe("a Secret that is not there or not good", () => {
    it("is a problem of the Host, whose redirect to https goes on; TLS starts with the Secret", async () => {
      const { world, gateway, group, served } = tls();
      const secure = await group("late-tls", { protocol: "HTTPS" });
      const insecure = await freePort();
      const labels = { group: "late-tls" };
      const mark = gateway.mark();
      await world.apply(
        listener("late-http", insecure, {
          hostBinding: { namespace: { from: "ALL" }, selector: { matchLabels: labels } },
        }),
        secure.host("late", "late.test", withSecret("late-cert")),
      );
      await gateway.logged(/error .*Host default\/late.*spec\.tlsSecret.*there is no Secret default\/late-cert/, mark);
      const redirect = await served(insecure, { host: "late.test" }, ({ status }) => status === 301);
      expect(redirect.headers.location).toBe("https://late.test/");
      await expect(send(secure.port, "/", to("late.test"))).rejects.toThrow();
      const certificate = await selfSigned({ hosts: ["late.test"] });
      await world.apply(tlsSecret("late-cert", certificate));
      await gateway.until("TLS has started", () => send(secure.port, "/", to("late.test")).catch(() => undefined));
      expect((await send(secure.port, "/", to("late.test"))).serial).toBe(certificate.serial);
      expect((await send(insecure, "/", { host: "late.test" })).status).toBe(301);
    });

    it("is named with what is wrong with it, while other Hosts are served", async () => {
      const { world, gateway, group, served } = tls();
      const { port, host: hostOf } = await group("broken", { protocol: "HTTPS" });
      const [good, other] = [await selfSigned({ hosts: ["good.test"] }), await selfSigned({ hosts: ["x"] })];
      const mark = gateway.mark();
      await world.apply(
        tlsSecret("good", good),
        tlsSecret("mismatch", { ...good, keyPem: other.keyPem }),
        tlsSecret("garbage", { ...good, certificatePem: "no PEM at all" }),
        secret("empty", "Opaque", { note: "nothing of use" }),
        hostOf("good", "good.test", withSecret("good")),
        hostOf("mismatch", "mismatch.test", withSecret("mismatch")),
        hostOf("garbage", "garbage.test", withSecret("garbage")),
        hostOf("empty", "empty.test", withSecret("empty")),
      );
      await gateway.logged(
        /Host default\/mismatch.*the Secret default\/mismatch has a tls\.key that does not belong/,
        mark,
      );
      await gateway.logged(/Host default\/garbage.*the Secret default\/garbage has a tls\.crt that is not a PEM/, mark);
      await gateway.logged(/Host default\/empty.*the Secret default\/empty has no tls\.crt/, mark);
      await served(port, to("good.test"));
      await expect(send(port, "/", to("garbage.test"))).rejects.toThrow(refused);
      expect(gateway.log).not.toMatch(/PRIVATE KEY/);
    });
  });

  describe("a Secret that goes bad", () => {
    it("leaves its last good certificate in service, and is named", async () => {
      const { world, gateway, group, served } = tls();
      const { port, host: hostOf } = await group("spoilt", { protocol: "HTTPS" });
      const [good, next] = [await selfSigned({ hosts: ["spoilt.test"] }), await selfSigned({ hosts: ["spoilt.test"] })];
      await world.apply(tlsSecret("spoilt", good), hostOf("spoilt", "spoilt.test", withSecret("spoilt")));
      await served(port, to("spoilt.test"));
      const mark = gateway.mark();
      await world.apply(tlsSecret("spoilt", { ...good, certificatePem: "half a file" }));
      const line = await gateway.logged(/Host default\/spoilt.*has a tls\.crt that is not a PEM certificate/, mark);
      expect(line).toMatch(/its last good version keeps serving/);
      // What comes later is live, so this is too.
      await world.apply(hostOf("later", "later.test", withSecret("spoilt")));
      await served(port, to("later.test"));
      expect((await send(port, "/", to("spoilt.test"))).serial).toBe(good.serial);
      expect(gateway.since(mark)).not.toMatch(/nothing is served on port/);
      await world.apply(tlsSecret("spoilt", next));
      await served(port, to("spoilt.test"), ({ serial }) => serial === next.serial);
    });

    it("ends TLS when it is deleted, with a problem of its Host, until it comes again", async () => {
      const { world, gateway, group, served } = tls();
      const { port, host: hostOf } = await group("gone", { protocol: "HTTPS" });
      const [first, second] = [await selfSigned({ hosts: ["gone.test"] }), await selfSigned({ hosts: ["gone.test"] })];
      await world.apply(tlsSecret("gone", first), hostOf("gone", "gone.test", withSecret("gone")));
      await served(port, to("gone.test"));
      const mark = gateway.mark();
      await world.remove(tlsSecret("gone", first));
      await gateway.logged(/Host default\/gone.*there is no Secret default\/gone/, mark);
      await gateway.until("TLS has ended", () =>
        send(port, "/", to("gone.test")).then(
          () => false,
          () => true,
        ),
      );
      await world.apply(tlsSecret("gone", second));
      await gateway.until("TLS is back", () => send(port, "/", to("gone.test")).catch(() => undefined));
      expect((await send(port, "/", to("gone.test"))).serial).toBe(second.serial);
    });
  });
}
