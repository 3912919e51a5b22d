import { afterEach, describe, expect, it } from "@jest/globals";
import { emptySnapshot, type Snapshot } from "../../xds/snapshot.ts";
import { freePort } from "../support/envoy.ts";
import { type Load, startBackend, startLoad } from "../support/http.ts";
import { Cleanup, type ControlPlaneOptions, startRig } from "./harness.ts";
import { edsCluster, endpoints, listener, prefixRoute, routes, snapshotOf, staticCluster } from "./resources.ts";

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

/** Each swap sends all requests to another cluster, by turns a static one and one by EDS, and the one before is dropped. */
async function swaps(count: number, options: ControlPlaneOptions): Promise<Load> {
  const backends = [
    cleanup.add(await startBackend("a"), (backend) => backend.close()),
    cleanup.add(await startBackend("b"), (backend) => backend.close()),
  ];
  const port = await freePort();
  const version = (index: number, previous: Snapshot = emptySnapshot) => {
    const name = `c${index}`;
    const backendPort = backends[index % 2]?.port ?? 0;
    const isEds = index % 4 < 2;
    return snapshotOf(
      {
        cluster: [isEds ? edsCluster(name) : staticCluster(name, backendPort)],
        endpoint: isEds ? [endpoints(name, backendPort)] : [],
        route: [routes("rc", [prefixRoute("/", name)])],
      },
      previous,
    );
  };
  const first = snapshotOf({ listener: [listener({ name: "http", port, routes: "rc" })] }, version(0));
  const { control } = await startRig(cleanup, first, options);
  const load = startLoad(port, "/", 8);
  for (let swapped = 1; swapped <= count; swapped++) {
    await control.install(version(swapped, first));
  }
  return load.stop();
}

describe("clusters swapped under load", () => {
  it("lose no request", async () => {
    const { sent, failures } = await swaps(400, { graceMs: 20 });
    expect([...failures]).toEqual([]);
    expect(sent).toBeGreaterThan(400);
  });

  it("lose requests in the naive order (negative control)", async () => {
    const { failures } = await swaps(400, { naiveOrder: true });
    expect(failures.get("503") ?? 0).toBeGreaterThan(0);
  });
});
