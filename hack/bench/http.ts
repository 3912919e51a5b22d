/** The least of HTTP/1.1 that a prober and a load generator need: GET over sockets of our own, so that its cost is small and known. */
import net from "node:net";
import tls from "node:tls";

export interface Target {
  readonly port: number;
  /** The `host` header. */
  readonly authority: string;
  /** With TLS, to this server name; no certificate is checked. */
  readonly serverName?: string | undefined;
}

export interface Reply {
  readonly status: number;
  readonly body: string;
}

export function requestText(path: string, authority: string): string {
  return `GET ${path} HTTP/1.1\r\nhost: ${authority}\r\n\r\n`;
}

export function connect({ port, serverName }: Target): net.Socket {
  const socket =
    serverName === undefined
      ? net.connect({ host: "127.0.0.1", port })
      : tls.connect({ host: "127.0.0.1", port, servername: serverName, rejectUnauthorized: false });
  socket.setNoDelay(true);
  return socket;
}

/** Cuts answers with a content-length out of a stream. */
export class ReplyReader {
  #text = "";

  push(chunk: string): Reply[] {
    this.#text += chunk;
    const replies: Reply[] = [];
    for (;;) {
      const head = this.#text.indexOf("\r\n\r\n");
      if (head === -1) return replies;
      const headers = this.#text.slice(0, head);
      const length = /\r\ncontent-length: *(\d+)/i.exec(headers);
      if (length === null) throw new Error(`an answer without content-length: ${headers}`);
      const end = head + 4 + Number(length[1]);
      if (this.#text.length < end) return replies;
      replies.push({ status: Number(headers.slice(9, 12)), body: this.#text.slice(head + 4, end) });
      this.#text = this.#text.slice(end);
    }
  }
}
