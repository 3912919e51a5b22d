/** A real Envoy that serves what the compiler makes, and tells with each answer which route it took. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { type Compiled, createCompiler } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { silentLog } from "../../runtime/log.ts";
import { RouteConfiguration } from "../../xds/generated/envoy/config/route/v3/route.ts";
import { xdsResource } from "../../xds/resources/frame.ts";
import { createAdsServer } from "../../xds/server/server.ts";
import { emptySnapshot, type Snapshot, type XdsResource } from "../../xds/snapshot.ts";
import { spawnEnvoy } from "../support/envoy.ts";
import type { Manifest } from "./random-worlds.ts";

/** Holds the name of the route that was taken. */
export const ROUTE_HEADER = "x-route-taken";

export interface ObservedEnvoy {
  /** Compiles and serves; resolves when Envoy has acknowledged all of it. */
  serve(manifests: readonly Manifest[], settings?: Partial<CompileSettings>): Promise<Compiled>;
  stop(): Promise<void>;
}

const naming = RouteConfiguration.encode({
  responseHeadersToAdd: [{ header: { key: ROUTE_HEADER, value: "%ROUTE_NAME%" }, appendAction: 2 }],
}).finish();

/** Bytes put behind a message's are fields of it. */
function named({ name, body }: XdsResource): [string, XdsResource] {
  return [name, xdsResource("route", name, [body, naming])];
}

export async function startObservedEnvoy(): Promise<ObservedEnvoy> {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "nuncio-"));
  const socketPath = path.join(directory, "xds.sock");
  let onAcknowledged: (snapshot: Snapshot) => void = () => undefined;
  let onRefused: (error: Error) => void = () => undefined;
  const ads = await createAdsServer({
    socketPath,
    log: silentLog,
    graceMs: 0,
    onEvent: (event) => {
      if (event.kind === "acknowledged") onAcknowledged(event.snapshot);
      if (event.kind === "nack") onRefused(new Error(event.message));
    },
  });
  const envoy = spawnEnvoy({ adsSocket: socketPath, logLevel: "warning" });
  const compile = createCompiler();
  return {
    async serve(manifests, settings = {}) {
      const content = manifests.map((manifest) => JSON.stringify(manifest)).join("\n---\n");
      const { resources } = manifestReader()(new Map([["world.yaml", { kind: "text", text: content }]]));
      const compiled = compile(resources, {
        ambassadorId: "default",
        ownNamespace: "default",
        bindAddress: "127.0.0.1",
        inCluster: false,
        ...settings,
      });
      const route = new Map([...compiled.snapshot.route.values()].map(named));
      const snapshot: Snapshot = { ...emptySnapshot, ...compiled.snapshot, route };
      await new Promise<void>((done, fail) => {
        onAcknowledged = (seen) => {
          if (seen === snapshot) done();
        };
        onRefused = fail;
        ads.setSnapshot(snapshot);
      });
      return compiled;
    },
    async stop() {
      await envoy.stop();
      await ads.close();
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}
