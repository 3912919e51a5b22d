import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { Gateway, isAlive } from "../e2e/support/gateway.ts";
import { startConsul, type TestConsul } from "../support/consul.ts";
import { ENVOY_BINARY, freePort } from "../support/envoy.ts";
import { type EchoBackend, echoBackend, listenerAndHost, mapping } from "../support/gateway.ts";
import { get } from "../support/http.ts";
import { resolverOf } from "../support/manifests.ts";

let consul: TestConsul;
let backend: EchoBackend;
let gateway: Gateway;
let port: number;
const directory = mkdtempSync(join(tmpdir(), "nconsul-"));
const statusOf = async (path: string) => (await get(port, path).catch(() => undefined))?.status;

describe("nuncio run --config, with services in Consul", () => {
  beforeAll(async () => {
    consul = await startConsul();
    backend = await echoBackend("one");
    port = await freePort();
    consul.set("web", [{ address: "127.0.0.1", port: Number(new URL(backend.service).port) }]);
    const manifests =
      listenerAndHost(port) +
      resolverOf("ConsulResolver", "mine", { address: "${CONSUL_ADDRESS}", datacenter: "dc1" }) +
      mapping("web", { prefix: "/web/", service: "web", resolver: "mine" }) +
      mapping("plain", { prefix: "/plain/", service: backend.service });
    writeFileSync(join(directory, "gateway.yaml"), manifests);
    gateway = await Gateway.start({
      bundle: { program: resolve("cli/main.ts"), envoy: ENVOY_BINARY, remove: () => undefined },
      kubeconfig: "",
      args: ["--config", directory],
      env: { CONSUL_ADDRESS: consul.address },
    });
    await gateway.ready();
  }, 60_000);

  afterAll(async () => {
    await gateway?.stop();
    await consul?.stop();
    await backend?.close();
    rmSync(directory, { recursive: true, force: true });
  }, 30_000);

  it("serves on when the control plane is killed while Consul is away, and follows Consul when it is back", async () => {
    await gateway.until("the service answers", async () => (await statusOf("/web/")) === 200);
    await consul.stop();
    const [envoy, controlPlane] = [gateway.pidOf("envoy"), gateway.pidOf("control-plane") as number];
    const before = gateway.mark();
    process.kill(controlPlane, "SIGKILL");
    await gateway.until("it has ended", () => !isAlive(controlPlane));
    await gateway.logged(/info +nuncio: ready|info .*ready$/, before);
    // Envoy has what the new control plane knows by now; Consul has told it nothing.
    await gateway.acknowledged(before);
    expect([await statusOf("/web/"), await statusOf("/plain/")]).toEqual([200, 200]);
    await gateway.logged(
      /warn .*Mapping default\/web: spec\.service: Consul at \$\{CONSUL_ADDRESS\}.*ConsulUnavailable/,
      before,
    );
    expect([gateway.pidOf("envoy"), await statusOf("/web/")]).toEqual([envoy, 200]);
    consul.set("web", []);
    await consul.start();
    await gateway.until("the empty service is known", async () => (await statusOf("/web/")) === 503);
  });
});
