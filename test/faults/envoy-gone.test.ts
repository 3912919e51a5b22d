import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { listener } from "../cli/nuncio.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Bundle, installBundle } from "../e2e/support/bundle.ts";
import { Gateway } from "../e2e/support/gateway.ts";

describe("a gateway whose Envoy has gone", () => {
  let directory: string;
  let bundle: Bundle;
  let gateway: Gateway;
  beforeAll(async () => {
    bundle = await installBundle();
    directory = mkdtempSync(join(tmpdir(), "nuncio-gone-"));
  }, 120_000);
  afterAll(async () => {
    await gateway?.stop();
    bundle?.remove();
    rmSync(directory, { recursive: true, force: true });
  });

  it("says at /readyz that it is not ready, and why, until the next one has its configuration", async () => {
    const host =
      "\n---\napiVersion: getambassador.io/v3alpha1\nkind: Host\nmetadata: { name: any }\nspec: { hostname: '*' }\n";
    const port = await freePort();
    const manifests = join(directory, "manifests.yaml");
    writeFileSync(manifests, listener.replace("8080", String(port)) + host);
    // An Envoy that starts when it is let.
    const held = join(directory, "held");
    const envoy = join(directory, "envoy");
    writeFileSync(envoy, `#!/bin/sh\nwhile [ -e ${held} ]; do sleep 0.02; done\nexec ${bundle.envoy} "$@"\n`);
    chmodSync(envoy, 0o755);
    gateway = await Gateway.start({ bundle, kubeconfig: "", args: ["--config", manifests, "--envoy", envoy] });
    await gateway.ready();

    writeFileSync(held, "");
    process.kill(gateway.pidOf("envoy") as number, "SIGKILL");
    const gone = await gateway.until("/readyz says 503", async () => {
      const answer = await gateway.readyz();
      return answer?.status === 503 ? answer : undefined;
    });
    expect(gone.body).toMatch(/^not ready: Envoy (was killed by SIGKILL and is being started again|has started again)/);
    await gateway.until("why", async () => (await gateway.readyz())?.body.includes("has not acknowledged"));
    // A control plane that starts meanwhile does not know better.
    const mark = gateway.mark();
    process.kill(gateway.pidOf("control-plane") as number, "SIGKILL");
    await gateway.logged(/control plane started/, mark);
    await gateway.until("the admin port", async () => (await gateway.readyz()) !== undefined);
    expect(await gateway.readyz()).toMatchObject({ status: 503 });

    rmSync(held);
    await gateway.ready();
    expect(await gateway.metric("nuncio_envoy_restarts")).toBe(1);
  });
});
