/** What the harness loses on purpose: the proof that its verdict can fail. */
import net from "node:net";
import { listener, mapping } from "../../test/e2e/support/manifests.ts";
import { freePort } from "../../test/cluster/loopback.ts";
import type { Leak } from "./options.ts";
import { at, type World } from "./world.ts";

export interface Leaking {
  after(cycle: number): Promise<void>;
  close(): void;
}

const connectionsPerCycle = 15;

export function leaking(leak: ReadonlySet<Leak>, world: World): Leaking {
  const sockets: net.Socket[] = [];
  return {
    async after(cycle) {
      if (leak.has("objects")) {
        const spec = { prefix: `/lost-${cycle}/`, service: at(world, "one"), connect_timeout_ms: 5000 + cycle };
        await world.place.put(
          `lost-${cycle}`,
          listener(`lost-${cycle}`, await freePort()),
          mapping(`lost-${cycle}`, spec),
        );
      }
      if (leak.has("connections"))
        for (let count = 0; count < connectionsPerCycle; count++)
          sockets.push(net.connect({ host: "127.0.0.1", port: world.ports.http }).on("error", () => undefined));
      if (leak.has("requests")) {
        const target = { name: "nowhere", port: world.ports.http, authority: "any.test", paths: ["/nowhere/"] };
        await world.traffic.call("start", { ...target, protocol: "http/1.1", anew: true, pauseMs: 0 });
        await world.traffic.call("stop", "nowhere");
      }
    },
    close: () => sockets.forEach((socket) => socket.destroy()),
  };
}
