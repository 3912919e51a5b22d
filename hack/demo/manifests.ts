import fs from "node:fs";
import net from "node:net";
import path from "node:path";

/** A port that a manifest names and that something else has: another stands in the copy. */
export interface MovedPort {
  readonly file: string;
  readonly what: string;
  readonly from: number;
  readonly to: number;
}

export interface CopyOptions {
  readonly from: string;
  readonly to: string;
  /** The address that Listeners will bind. */
  readonly bindAddress: string;
  /** What the backends really are, by the port that the examples name: another port, or the name of a Service. */
  readonly backends: ReadonlyMap<number, number | string>;
}

export interface Copied {
  /** By the port in the examples. */
  readonly listeners: ReadonlyMap<number, number>;
  readonly moved: readonly MovedPort[];
}

/** Copies the example manifests, with the ports in them that can be had here. */
export async function copyManifests({ from, to, bindAddress, backends }: CopyOptions): Promise<Copied> {
  const listeners = new Map<number, number>();
  const moved: MovedPort[] = [];
  for (const file of fs.readdirSync(from).sort()) {
    if (!file.endsWith(".yaml")) continue;
    const note = (what: string, before: number, after: number) => {
      if (after !== before) moved.push({ file, what, from: before, to: after });
    };
    const documents = fs.readFileSync(path.join(from, file), "utf8").split(/^(?=---)/m);
    for (const [index, text] of documents.entries()) {
      const port = listenerPort(text);
      if (port === undefined) continue;
      const own = await freePort(port, bindAddress);
      listeners.set(port, own);
      note("the Listener's port", port, own);
      documents[index] = text.replace(/^(\s+port:\s*)\d+/m, `$1${own}`);
    }
    let text = documents.join("");
    for (const [before, after] of backends) {
      if (typeof after === "string") {
        text = text.replaceAll(`http://127.0.0.1:${before}`, after);
        continue;
      }
      if (text.includes(`127.0.0.1:${before}`)) note("a backend's port", before, after);
      text = text.replaceAll(`127.0.0.1:${before}`, `127.0.0.1:${after}`);
    }
    fs.writeFileSync(path.join(to, file), text);
  }
  return { listeners, moved };
}

function listenerPort(document: string): number | undefined {
  if (!/^kind: Listener$/m.test(document)) return undefined;
  const port = /^\s+port:\s*(\d+)/m.exec(document)?.[1];
  return port === undefined ? undefined : Number(port);
}

/** The port, or any other when something listens on it. Also asks for all addresses: Envoy shares a port, and half of the requests would go astray. */
export async function freePort(preferred: number, address: string): Promise<number> {
  for (const host of new Set([address, "0.0.0.0"])) {
    if ((await tryPort(preferred, host)) === undefined) return (await tryPort(0, address)) ?? preferred;
  }
  return preferred;
}

function tryPort(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once("error", () => resolve(undefined));
    server.listen({ port, host }, () => {
      const { port: bound } = server.address() as net.AddressInfo;
      server.close(() => resolve(bound));
    });
  });
}
