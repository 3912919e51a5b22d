import { describe, expect, it } from "@jest/globals";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { selfSigned } from "../../support/certificates.ts";
import { send } from "../support/client.ts";
import { tlsSecret } from "../support/manifests.ts";
import { type TlsWorld, to, withSecret } from "./world.ts";

export function files(tls: () => TlsWorld): void {
  describe("certificates and the world outside of the cluster", () => {
    it("are read from files as soon as these are there, and again when they change", async () => {
      const { world, gateway, group, served } = tls();
      const { port, host: hostOf } = await group("files", { protocol: "HTTPS" });
      const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-certificates-"));
      try {
        const [chain, key] = [path.join(directory, "tls.crt"), path.join(directory, "tls.key")];
        const write = ({ certificatePem, keyPem }: { certificatePem: string; keyPem: string }) => {
          fs.writeFileSync(key, keyPem);
          fs.writeFileSync(chain, certificatePem);
        };
        const [first, second] = [await selfSigned({ hosts: ["f.test"] }), await selfSigned({ hosts: ["f.test"] })];
        const mark = gateway.mark();
        await world.apply(hostOf("files", "f.test", { tls: { cert_chain_file: chain, private_key_file: key } }));
        await gateway.logged(/Host default\/files: spec\.tls\.cert_chain_file: .* there is no such file/, mark);
        write(first);
        await gateway.until("TLS has started", () => send(port, "/", to("f.test")).catch(() => undefined));
        expect((await send(port, "/", to("f.test"))).serial).toBe(first.serial);
        write(second);
        await served(port, to("f.test"), ({ serial }) => serial === second.serial);
      } finally {
        fs.rmSync(directory, { recursive: true });
      }
    });

    it("are told when they are over, and served", async () => {
      const { world, gateway, group, served } = tls();
      const { port, host: hostOf } = await group("over", { protocol: "HTTPS" });
      const notAfter = new Date(Date.now() - 60_000);
      const over = await selfSigned({ hosts: ["over.test"], notAfter });
      const mark = gateway.mark();
      await world.apply(tlsSecret("over", over), hostOf("over", "over.test", withSecret("over")));
      await served(port, to("over.test"));
      const date = notAfter.toISOString().slice(0, 10);
      await gateway.logged(
        new RegExp(`warn .*Host default/over: spec\\.tlsSecret: the certificate of .* expired on ${date}`),
        mark,
      );
      const renewed = await selfSigned({ hosts: ["over.test"] });
      await world.apply(tlsSecret("over", renewed));
      await served(port, to("over.test"), ({ serial }) => serial === renewed.serial);
    });
  });
}
