import net from "node:net";
import { framesOf, goAwayCode } from "./frames.ts";

/** What came back over a connection until it ended. */
export interface End {
  /** Closed by the gateway, and not by us. */
  readonly closed: boolean;
  readonly bytes: Buffer;
  readonly text: string;
}

export interface AttackOptions {
  /** When we have seen enough, and close. Without it we wait until the gateway closes. */
  readonly until?: (bytes: Buffer) => boolean;
}

/** Sends bytes as they are. */
export function attack(port: number, bytes: Buffer, { until = () => false }: AttackOptions = {}): Promise<End> {
  return new Promise((done) => {
    const chunks: Buffer[] = [];
    const socket = net.connect({ host: "127.0.0.1", port }, () => socket.write(bytes));
    const end = (closed: boolean) => {
      socket.destroy();
      const all = Buffer.concat(chunks);
      done({ closed, bytes: all, text: all.toString("latin1") });
    };
    socket.on("data", (chunk) => {
      chunks.push(chunk);
      if (until(Buffer.concat(chunks))) end(false);
    });
    // A gateway that closes before it has read all is a reset to us.
    socket.once("end", () => end(true)).once("error", () => end(true));
  });
}

/** A connection that says a little and then nothing, or only now and then; `closed` when the gateway had enough of it. */
export interface HeldConnection {
  readonly closed: Promise<string>;
  isOpen(): boolean;
  write(text: string): void;
  destroy(): void;
}

export function hold(port: number, text: string): Promise<HeldConnection> {
  return new Promise((done) => {
    let received = "";
    let open = true;
    const socket = net.connect({ host: "127.0.0.1", port });
    const closed = new Promise<string>((ended) => {
      const end = () => {
        open = false;
        socket.destroy();
        ended(received);
      };
      socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
      socket.once("end", end).once("error", end).once("close", end);
    });
    socket.once("connect", () => {
      if (text !== "") socket.write(text);
      done({
        closed,
        isOpen: () => open,
        write: (more) => void (open && socket.write(more)),
        destroy: () => socket.destroy(),
      });
    });
  });
}

/** The status of the one answer there is, or what became of the connection instead. */
export function httpEnd({ text, closed }: Pick<End, "text" | "closed">): string {
  const answers = [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status);
  return answers.length === 0 ? (closed ? "closed" : "nothing") : answers.join(" ");
}

/** `closed`, with the code of GOAWAY if one came before; of a connection that stays, what was said of the stream. */
export function http2End({ bytes, closed }: End): string {
  const code = goAwayCode(bytes);
  if (closed) return code === undefined || code === 0 ? "closed" : `closed, GOAWAY ${code}`;
  return framesOf(bytes).some(({ type }) => type === 3) ? "stream reset" : "answered";
}
