import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { listener, mapping } from "../cli/nuncio.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Backend, startBackend } from "../e2e/support/backend.ts";
import { type Bundle, installBundle } from "../e2e/support/bundle.ts";
import { send } from "../e2e/support/client.ts";
import { Gateway, isAlive } from "../e2e/support/gateway.ts";

const host =
  "apiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: { name: any }\nspec: { hostname: '*', requestPolicy: { insecure: { action: Route } } }\n";
const module = (script: string) =>
  `apiVersion: getambassador.io/v3alpha1\nkind: Module\nmetadata: { name: ambassador }\nspec: { config: { lua_scripts: "${script}" } }\n`;

describe("the Envoy that judges, in a gateway", () => {
  let bundle: Bundle;
  let backend: Backend;
  let directory: string;
  let port: number;
  let gateway: Gateway;
  const gateways: Gateway[] = [];

  const write = (script: string | undefined): void => {
    const route = mapping("m", "prefix: /", `service: http://${backend.address}:${backend.port}`);
    const parts = [listener.replace("8080", String(port)), host, route, script === undefined ? "" : module(script)];
    writeFileSync(join(directory, "manifests.yaml"), parts.join("---\n"));
  };
  const start = async (like?: Gateway) => {
    const args = ["--config", directory];
    gateway = await Gateway.start({
      bundle,
      kubeconfig: "",
      args,
      ...(like && { dir: like.dir, adminPort: like.adminPort }),
    });
    gateways.push(gateway);
    await gateway.ready();
  };
  const validator = () => gateway.until("the Envoy that judges", () => gateway.pidOf("validator"));
  const gone = (pid: number) => gateway.until(`the end of ${pid}`, () => !isAlive(pid));

  beforeAll(async () => {
    [bundle, backend, port] = await Promise.all([installBundle(), startBackend("one"), freePort()]);
    directory = mkdtempSync(join(tmpdir(), "nuncio-verdict-test-"));
    write(undefined);
    await start();
  }, 120_000);

  afterAll(async () => {
    for (const each of gateways) await each.stop();
    await backend?.close();
    bundle?.remove();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  it("is started by the first content that it has to judge", async () => {
    expect(gateway.pidOf("validator")).toBeUndefined();
    write("x =");
    await gateway.logged(/the script is refused by Envoy: script load error/);
    expect(isAlive(await validator())).toBe(true);
    expect((await send(port, "/")).status).toBe(200);
    expect(gateway.log).not.toMatch(/ xds: envoy refused /);
  });

  it("ends with its control plane, and the next one judges anew", async () => {
    const before = await validator();
    const mark = gateway.mark();
    process.kill(gateway.pidOf("control-plane") ?? 0, "SIGKILL");
    await gone(before);
    await gateway.logged(/the script is refused by Envoy/, mark);
    expect(await validator()).not.toBe(before);
    expect((await send(port, "/")).status).toBe(200);
  });

  it("ends with its supervisor", async () => {
    const before = await validator();
    await gateway.end("SIGKILL");
    await gone(before);
  });

  it("is ended at the next start where all its owners were killed", async () => {
    const [first] = gateways;
    await start(first);
    const before = await validator();
    const controlPlane = gateway.pidOf("control-plane") ?? 0;
    process.kill(controlPlane, "SIGSTOP");
    await gateway.end("SIGKILL");
    process.kill(controlPlane, "SIGKILL");
    await gone(controlPlane);
    expect(isAlive(before)).toBe(true);
    await start(first);
    expect(isAlive(before)).toBe(false);
    expect(gateway.log).toMatch(/ended what a killed gateway had left behind.*role=validator/);
  });
});
