import type net from "node:net";
import { connect, type Reply, ReplyReader, requestText, type Target } from "./http.ts";
import { createPacer, type Pacer } from "./pacer.ts";

/** Asks Envoy again and again over one kept-alive connection, a request per beat, and notes when the answer first is the awaited one. */
export interface Probe {
  /** The time (performance.now) at which an accepted answer had arrived. Rejects after `timeoutMs`. */
  until(path: string, accept: (reply: Reply) => boolean, timeoutMs?: number): Promise<number>;
  close(): void;
}

let pacer: Pacer | undefined;

export function createProbe(target: Target): Probe {
  pacer ??= createPacer();
  const beat = pacer;
  let socket: net.Socket | undefined;
  let onReply: (reply: Reply) => void = () => undefined;
  let isWaiting = false;

  const open = (): net.Socket => {
    const opened = connect(target);
    const reader = new ReplyReader();
    opened.setEncoding("latin1");
    opened.on("error", () => opened.destroy());
    opened.on("close", () => {
      if (socket !== opened) return;
      socket = undefined;
      isWaiting = false;
    });
    opened.on("data", (chunk: string) => {
      for (const reply of reader.push(chunk)) {
        isWaiting = false;
        onReply(reply);
      }
    });
    return opened;
  };

  return {
    until(path, accept, timeoutMs = 60_000) {
      const text = requestText(path, target.authority);
      return new Promise((resolve, reject) => {
        let last: Reply | undefined;
        const giveUp = setTimeout(() => {
          beat.stop();
          reject(
            new Error(
              `${path} on ${target.authority}: not as awaited within ${timeoutMs} ms, last ${JSON.stringify(last)}`,
            ),
          );
        }, timeoutMs);
        onReply = (reply) => {
          last = reply;
          if (!accept(reply)) return;
          const nowMs = performance.now();
          clearTimeout(giveUp);
          beat.stop();
          onReply = () => undefined;
          resolve(nowMs);
        };
        const ask = () => {
          if (isWaiting) return;
          socket ??= open();
          isWaiting = true;
          socket.write(text);
        };
        beat.start(ask);
        ask();
      });
    },
    close: () => socket?.destroy(),
  };
}
