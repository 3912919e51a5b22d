import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client, type ClientDuplexStream, credentials } from "@grpc/grpc-js";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import {
  type DeltaDiscoveryRequest,
  DeltaDiscoveryResponse,
} from "../../xds/generated/envoy/service/discovery/v3/discovery.ts";
import type { AdsEvent } from "../../xds/server/events.ts";
import { createAdsServer } from "../../xds/server/server.ts";
import { adsService } from "../../xds/server/wire.ts";
import { emptySnapshot, typeUrls } from "../../xds/snapshot.ts";
import { Cleanup, quiet, until, within } from "./harness.ts";
import { snapshot } from "./recorder.ts";

const cleanup = new Cleanup();
let dir = "";
beforeEach(() => {
  dir = cleanup.add(mkdtempSync(join(tmpdir(), "ads-")), (path) => rmSync(path, { recursive: true, force: true }));
});
afterEach(() => cleanup.run());

async function serve(socketPath: string, onEvent: (event: AdsEvent) => void = () => {}) {
  return cleanup.add(await createAdsServer({ socketPath, log: quiet, onEvent }), (server) => server.close());
}

type Call = ClientDuplexStream<DeltaDiscoveryRequest, DeltaDiscoveryResponse>;

function connect(socketPath: string): Call {
  const client = cleanup.add(new Client(`unix:${socketPath}`, credentials.createInsecure()), (opened) =>
    opened.close(),
  );
  const { path, requestSerialize } = adsService.deltaAggregatedResources;
  const call = client.makeBidiStreamRequest(path, requestSerialize, (bytes) => DeltaDiscoveryResponse.decode(bytes));
  call.on("error", () => {});
  return call;
}

function nextResponse(call: Call): Promise<DeltaDiscoveryResponse> {
  return within(5_000, "a response", new Promise((done) => call.once("data", done)));
}

describe("the socket", () => {
  it("can be used by its owner only", async () => {
    const socketPath = join(dir, "ads.sock");
    await serve(socketPath);
    expect(statSync(socketPath).mode & 0o777).toBe(0o600);
  });

  it("replaces one that a killed process left behind", async () => {
    const socketPath = join(dir, "ads.sock");
    // Another server keeps the path; killing it would leave the same file.
    const left = cleanup.add(createServer().listen(socketPath), (server) => server.close());
    await until("the path is taken", () => left.listening);
    await serve(socketPath);
    const call = connect(socketPath);
    call.write({ typeUrl: "type.googleapis.com/no.Such", resourceNamesSubscribe: ["x"] });
    expect((await nextResponse(call)).removedResources).toEqual(["x"]);
  });

  it("does not replace a file that is no socket", async () => {
    const path = join(dir, "precious");
    writeFileSync(path, "data");
    await expect(serve(path)).rejects.toThrow("there is a file that is no socket; remove it or use another path");
  });

  it("says so if its path is longer than the kernel allows", async () => {
    const path = join(dir, "x".repeat(108 - dir.length));
    await expect(serve(path)).rejects.toThrow(
      `109 bytes are more than a Unix socket can have (107); use a shorter directory`,
    );
    await serve(join(dir, "x".repeat(106 - dir.length)));
  });

  it("is gone after close, so that the next server can have the path", async () => {
    const socketPath = join(dir, "ads.sock");
    const first = await createAdsServer({ socketPath, log: quiet });
    const call = connect(socketPath);
    const ended = new Promise((done) => call.once("status", done));
    call.write({ typeUrl: typeUrls.cluster });
    await until("the stream is open", () => first.streams().length === 1);
    await within(5_000, "the server is closed", first.close());
    await within(5_000, "the stream has ended", ended);
    await serve(socketPath);
    expect(statSync(socketPath).isSocket()).toBe(true);
  });
});

describe("a stream", () => {
  it("answers a type that is not served, so that Envoy does not wait for it", async () => {
    const socketPath = join(dir, "ads.sock");
    await serve(socketPath);
    const call = connect(socketPath);
    call.write({ typeUrl: "type.googleapis.com/no.Such" });
    expect((await nextResponse(call)).typeUrl).toBe("type.googleapis.com/no.Such");
    call.write({ typeUrl: "type.googleapis.com/no.Such", responseNonce: "none" });
    call.write({ typeUrl: "type.googleapis.com/no.Such", resourceNamesSubscribe: ["x", "y"] });
    expect((await nextResponse(call)).removedResources).toEqual(["x", "y"]);
  });

  it("tells its state and what happened on it", async () => {
    const socketPath = join(dir, "ads.sock");
    const events: AdsEvent[] = [];
    const server = await serve(socketPath, (event) => events.push(event));
    server.setSnapshot(snapshot({ cluster: ["a@1", "b@1"] }, emptySnapshot));
    const call = connect(socketPath);
    call.write({ typeUrl: typeUrls.cluster, node: { id: "the-node" } });
    const response = await nextResponse(call);
    expect(response.resources?.map(({ name }) => name)).toEqual(["a", "b"]);
    expect(server.streams()).toMatchObject([
      {
        id: 1,
        node: "the-node",
        phase: "clusters",
        acknowledged: false,
        types: { cluster: { wildcard: true, resources: 2, inFlight: 1 } },
      },
    ]);
    call.end();
    await until("the stream is closed", () => server.streams().length === 0);
    expect(events.map(({ kind }) => kind)).toEqual(["streamOpened", "sent", "streamClosed"]);
    expect(events[1]).toMatchObject({ type: "cluster", names: 2, removed: 0 });
  });
});
