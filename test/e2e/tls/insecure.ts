import { describe, expect, it } from "@jest/globals";
import { selfSigned } from "../../support/certificates.ts";
import { send } from "../support/client.ts";
import { tlsSecret } from "../support/manifests.ts";
import { type TlsWorld, to, withSecret } from "./world.ts";

export function insecure(tls: () => TlsWorld): void {
  describe("insecure requests", () => {
    it("are redirected, routed or rejected as the Host says", async () => {
      const { world, group, served } = tls();
      const { port, host: hostOf } = await group("insecure", { protocol: "HTTP" });
      const certificate = await selfSigned({ hosts: ["*.test"] });
      const policy = (action: string) => withSecret("insecure", { requestPolicy: { insecure: { action } } });
      await world.apply(
        tlsSecret("insecure", certificate),
        hostOf("i-redirect", "redirect.test", policy("Redirect")),
        hostOf("i-default", "default.test", withSecret("insecure")),
        hostOf("i-route", "route.test", policy("Route")),
        hostOf("i-reject", "reject.test", policy("Reject")),
      );
      await served(port, { host: "route.test" });
      const redirected = await send(port, "/a/b?c=d", { host: "redirect.test" });
      expect(redirected).toMatchObject({ status: 301, headers: { location: "https://redirect.test/a/b?c=d" } });
      expect((await send(port, "/", { host: "default.test" })).status).toBe(301);
      expect((await send(port, "/", { host: "reject.test" })).status).toBe(404);
      // Route order and conditions are the same, whatever the method.
      expect((await send(port, "/", { host: "redirect.test", method: "POST" })).status).toBe(301);
    });

    it("are told by the wire, not by what a client says, where no proxy is trusted", async () => {
      const { world, plain, group, served } = tls();
      const { port, host: hostOf } = await group("forged", { protocol: "HTTP" });
      await world.apply(
        hostOf("f-redirect", "redirect.forged", { requestPolicy: { insecure: { action: "Redirect" } } }),
        hostOf("f-route", "route.forged", { requestPolicy: { insecure: { action: "Route" } } }),
      );
      await served(port, { host: "route.forged" });
      const forged = {
        "x-forwarded-proto": "https",
        "x-forwarded-for": "203.0.113.7",
        "x-envoy-external-address": "203.0.113.7",
      };
      plain.reset();
      expect((await send(port, "/", { host: "redirect.forged", headers: forged })).status).toBe(301);
      expect(plain.count()).toBe(0);
      const { headers } = (await send(port, "/", { host: "route.forged", headers: forged })).echo();
      expect(headers["x-forwarded-proto"]).toBe("http");
      expect(headers["x-envoy-external-address"]).toBe("127.0.0.1");
      // What a client claims is a claim: Envoy's own entry comes last.
      expect(headers["x-forwarded-for"]).toMatch(/^203\.0\.113\.7, ?[\d.]+$/);
    });

    it("are told by the proxy in front, where l7Depth says that there is one", async () => {
      const { world, group, served } = tls();
      const { port, host: hostOf } = await group("behind", { protocol: "HTTP", l7Depth: 1 });
      await world.apply(hostOf("behind", "behind.test", { requestPolicy: { insecure: { action: "Redirect" } } }));
      const by = (proto: string) => ({
        host: "behind.test",
        headers: { "x-forwarded-proto": proto, "x-forwarded-for": "203.0.113.7" },
      });
      await served(port, by("https"));
      const { headers } = (await send(port, "/", by("https"))).echo();
      expect(headers["x-forwarded-proto"]).toBe("https");
      expect(headers["x-envoy-external-address"]).toBe("203.0.113.7");
      expect((await send(port, "/", by("http"))).status).toBe(301);
    });

    it("are none on a Listener with securityModel SECURE, and all on one with INSECURE", async () => {
      const { world, group, served } = tls();
      const secure = await group("model-secure", { protocol: "HTTP", securityModel: "SECURE" });
      const insecure = await group("model-insecure", { protocol: "HTTPS", securityModel: "INSECURE" });
      await world.apply(
        tlsSecret("model", await selfSigned({ hosts: ["*.test"] })),
        secure.host("model-secure", "secure.test", { requestPolicy: { insecure: { action: "Reject" } } }),
        insecure.host("model-insecure", "insecure.test", withSecret("model")),
      );
      await served(secure.port, { host: "secure.test" });
      const redirect = await served(insecure.port, to("insecure.test"), ({ status }) => status === 301);
      expect(redirect.headers.location).toMatch(/^https:\/\/insecure\.test/);
    });
  });
}
