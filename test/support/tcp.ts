import net, { type AddressInfo } from "node:net";
import tls from "node:tls";
import type { Certificate } from "./certificates.ts";

/** A server that speaks first: a line with its name. What it gets it sends back. */
export interface TcpBackend {
  readonly name: string;
  /** `127.0.0.1:PORT`, for a TCPMapping's service. */
  readonly service: string;
  readonly address: string;
  readonly port: number;
  /** Connections that are open now, of which the last is the youngest. */
  readonly sockets: ReadonlySet<net.Socket>;
  close(): Promise<void>;
}

export interface TcpBackendOptions {
  readonly address?: string;
  readonly port?: number;
  /** It speaks TLS, with this certificate. */
  readonly certificate?: Certificate;
}

export async function tcpBackend(name: string, options: TcpBackendOptions = {}): Promise<TcpBackend> {
  const { address = "127.0.0.1", port = 0, certificate } = options;
  const sockets = new Set<net.Socket>();
  const serve = (socket: net.Socket): void => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket)).on("error", () => socket.destroy());
    socket.write(`${name}\n`);
    socket.pipe(socket);
  };
  const server =
    certificate === undefined
      ? net.createServer(serve)
      : tls.createServer({ cert: certificate.certificatePem, key: certificate.keyPem }, serve);
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((done, fail) => server.once("error", fail).listen({ port, host: address }, done));
  const bound = (server.address() as AddressInfo).port;
  return {
    name,
    service: `${address}:${bound}`,
    address,
    port: bound,
    sockets,
    close: () =>
      new Promise((done) => {
        server.close(() => done());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A connection on which a backend has said its name. */
export interface Session {
  readonly backend: string;
  readonly socket: net.Socket;
  /** Sends a line; resolves with the line that comes back, rejects if the connection ends instead. */
  ask(line: string): Promise<string>;
  /** When it is closed by the other side. */
  readonly closed: Promise<void>;
}

export interface ConnectOptions {
  readonly port: number;
  readonly address?: string;
  /** With TLS, and these settings. */
  readonly tls?: tls.ConnectionOptions;
  /** Sent before anything else, before TLS too. */
  readonly head?: string;
}

/** Rejects where the connection is refused, or ended before a backend says its name. */
export async function connect(options: ConnectOptions): Promise<Session> {
  const { port, address = "127.0.0.1" } = options;
  const raw = net.connect({ port, host: address });
  if (options.head !== undefined) raw.write(options.head);
  const socket = options.tls === undefined ? raw : tls.connect({ ...options.tls, socket: raw });
  const lines: string[] = [];
  const waiting: { readonly done: (line: string) => void; readonly fail: (error: Error) => void }[] = [];
  let text = "";
  let end: Error | undefined;
  const closed = new Promise<void>((done) => socket.once("close", () => done()));
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n")) {
      const line = text.slice(0, at);
      text = text.slice(at + 1);
      const next = waiting.shift();
      if (next === undefined) lines.push(line);
      else next.done(line);
    }
  });
  const fail = (error: Error): void => {
    end ??= error;
    for (const { fail } of waiting.splice(0)) fail(end);
    socket.destroy();
  };
  raw.on("error", fail);
  socket.on("error", fail);
  socket.once("close", () => fail(new Error("closed")));
  const read = (): Promise<string> =>
    new Promise((done, reject) => {
      const line = lines.shift();
      if (line !== undefined) done(line);
      else if (end === undefined) waiting.push({ done, fail: reject });
      else reject(end);
    });
  const backend = await read();
  return {
    backend,
    socket,
    closed,
    ask: (line) => {
      socket.write(`${line}\n`);
      return read();
    },
  };
}

/** The name of the backend that a new connection leads to, or why there is none. */
export async function reached(options: ConnectOptions): Promise<string> {
  try {
    const { backend, socket } = await connect(options);
    socket.destroy();
    return backend;
  } catch (error) {
    return `none: ${error instanceof Error ? error.message : String(error)}`;
  }
}
