import { describe, expect, it } from "@jest/globals";
import { selfSigned, signedBy } from "../../support/certificates.ts";
import { send } from "../support/client.ts";
import { endpointSlice, mapping, secret, service, tlsContext, tlsSecret } from "../support/manifests.ts";
import type { TlsWorld } from "./world.ts";

export function origination(tls: () => TlsWorld): void {
  describe("origination", () => {
    it("speaks TLS to a service with https://, and shows it the client certificate of a TLSContext", async () => {
      const { world, gateway, backend, group } = tls();
      const { port, host: hostOf } = await group("origin", { protocol: "HTTP" });
      const authority = await selfSigned({ hosts: ["Test CA"], isAuthority: true });
      const [server, client, stranger] = [
        await signedBy(authority, { hosts: ["origin.test"] }),
        await signedBy(authority, { hosts: ["gateway"] }),
        await selfSigned({ hosts: ["gateway"] }),
      ];
      const own = { cert: server.certificatePem, key: server.keyPem };
      const open = await backend("tls", own);
      const strict = await backend("mutual-tls", { ...own, clientAuthority: authority.certificatePem });
      const otherCa = await selfSigned({ hosts: ["Other CA"], isAuthority: true });
      await world.apply(
        hostOf("origin", "origin.test", { requestPolicy: { insecure: { action: "Route" } } }),
        ...[service("tls", 443, { headless: true }), endpointSlice("tls", open)],
        ...[service("strict", 443, { headless: true }), endpointSlice("strict", strict)],
        ...[tlsSecret("client", client), tlsSecret("stranger", stranger)],
        secret("origin-ca", "Opaque", { "tls.crt": authority.certificatePem }),
        secret("other-ca", "Opaque", { "tls.crt": otherCa.certificatePem }),
        tlsContext("as-client", { secret: "client", ca_secret: "origin-ca", sni: "origin.test" }),
        tlsContext("as-stranger", { secret: "stranger" }),
        tlsContext("distrustful", { secret: "client", ca_secret: "other-ca" }),
        mapping("o-open", { prefix: "/open/", service: "https://tls" }),
        mapping("o-strict", { prefix: "/strict/", service: "https://strict", tls: "as-client" }),
        mapping("o-none", { prefix: "/none/", service: "https://strict" }),
        mapping("o-stranger", { prefix: "/stranger/", service: "https://strict", tls: "as-stranger" }),
        mapping("o-distrustful", { prefix: "/distrustful/", service: "https://tls", tls: "distrustful" }),
      );
      const get = (path: string) => send(port, path, { host: "origin.test" });
      await gateway.until("the last route", async () => (await get("/distrustful/")).status === 503);
      expect((await get("/open/")).echo()).toMatchObject({ backend: "tls" });
      expect((await get("/strict/")).echo()).toMatchObject({ backend: "mutual-tls", client: "gateway" });
      for (const path of ["/none/", "/stranger/", "/distrustful/"]) expect((await get(path)).status).toBe(503);
    });
  });
}
