import { Server, ServerCredentials, status } from "@grpc/grpc-js";
import type { Snapshot } from "../snapshot.ts";
import type { AdsEvent, Log } from "./events.ts";
import { makeWay, MAX_SOCKET_PATH_BYTES, restrict } from "./socket.ts";
import { type AdsCall, AdsStream, type StreamInfo } from "./stream.ts";
import { adsService } from "./wire.ts";

export interface AdsServerOptions {
  readonly socketPath: string;
  readonly log: Log;
  readonly onEvent?: (event: AdsEvent) => void;
  /** How long a cluster outlives the last route that named it: requests of a moment ago may still need it. */
  readonly graceMs?: number;
  /** How long routes wait for new clusters to warm (health checks, DNS). One that never does holds nobody up for longer. */
  readonly barrierMs?: number;
  /** Where a new cluster is refused, routes wait for the answer to a `halted` event: see StreamState. */
  readonly halts?: boolean;
  readonly maxSocketPathBytes?: number;
  /** Test-only, see StreamState. */
  readonly naiveOrder?: boolean;
}

export interface AdsServer {
  /** A complete snapshot. Streams wait for the first; each takes the newest when it is done with the one before. */
  setSnapshot(snapshot: Snapshot): void;
  /** The answer to `halted`, where there is no better snapshot. */
  goOn(): void;
  streams(): readonly StreamInfo[];
  /** Ends every stream and removes the socket. */
  close(): Promise<void>;
}

const defaults = { graceMs: 1000, barrierMs: 3000 };

/** Serves delta ADS on a Unix socket that only this user may connect to. Rejects if the path cannot be used. */
export async function createAdsServer(options: AdsServerOptions): Promise<AdsServer> {
  const { socketPath, maxSocketPathBytes = MAX_SOCKET_PATH_BYTES } = options;
  await makeWay(socketPath, maxSocketPathBytes);
  const streams = new Map<number, AdsStream>();
  const calls = new Set<AdsCall>();
  let snapshot: Snapshot | undefined;
  let opened = 0;

  const accept = (call: AdsCall) => {
    const id = ++opened;
    const stream = new AdsStream(call, streamOptions(options, id));
    streams.set(id, stream);
    calls.add(call);
    options.log.info("envoy connected", { stream: id });
    options.onEvent?.({ kind: "streamOpened", stream: id });
    const close = () => {
      if (!streams.delete(id)) return;
      calls.delete(call);
      stream.close();
      options.log.info("envoy disconnected", { stream: id });
      options.onEvent?.({ kind: "streamClosed", stream: id });
    };
    call.on("cancelled", close);
    call.on("error", close);
    call.on("end", () => {
      close();
      call.end();
    });
    if (snapshot !== undefined) stream.setSnapshot(snapshot);
  };

  const server = await listen(socketPath, accept);
  await restrict(socketPath);

  return {
    setSnapshot(next) {
      snapshot = next;
      for (const stream of streams.values()) stream.setSnapshot(next);
    },
    goOn() {
      for (const stream of streams.values()) stream.goOn();
    },
    streams: () => [...streams.values()].map((stream) => stream.info()),
    close: () =>
      new Promise((done) => {
        for (const call of calls) call.emit("error", { code: status.UNAVAILABLE, details: "closing" });
        // The first only to be told when all is closed, the socket file included: another server may be next to bind it.
        server.tryShutdown(() => done());
        server.forceShutdown();
      }),
  };
}

function streamOptions(options: AdsServerOptions, id: number) {
  const {
    log,
    graceMs = defaults.graceMs,
    barrierMs = defaults.barrierMs,
    naiveOrder = false,
    halts = false,
  } = options;
  return {
    id,
    log,
    naiveOrder,
    halts,
    timersMs: { grace: graceMs, barrier: barrierMs },
    onEvent: options.onEvent ?? (() => {}),
  };
}

function listen(socketPath: string, accept: (call: AdsCall) => void): Promise<Server> {
  // Subscriptions and reported versions are 26 to 43 bytes a name: 4 MB, the default limit, end at some 50,000.
  const server = new Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
  server.addService(adsService, { deltaAggregatedResources: accept });
  return new Promise((resolve, reject) => {
    server.bindAsync(`unix:${socketPath}`, ServerCredentials.createInsecure(), (error) => {
      if (error) reject(error);
      else resolve(server);
    });
  });
}
