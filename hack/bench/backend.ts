/** Services behind Envoy: each answers `NAME PATH` on a port of its own. A process of its own. */
import net from "node:net";
import { serve } from "./child.ts";

const servers: net.Server[] = [];

function answer(name: string, request: string): string {
  const path = request.slice(4, request.indexOf(" ", 4));
  const body = `${name} ${path}`;
  return `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}

const listen = (name: string) => listenOn({ name, address: "127.0.0.1" });

function listenOn({ name, address }: { readonly name: string; readonly address: string }): Promise<number> {
  const server = net.createServer((socket) => {
    let text = "";
    socket.setNoDelay(true);
    socket.setEncoding("latin1");
    socket.on("error", () => socket.destroy());
    socket.on("data", (chunk: string) => {
      text += chunk;
      let answers = "";
      for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
        answers += answer(name, text);
        text = text.slice(end + 4);
      }
      if (answers !== "") socket.write(answers);
    });
  });
  servers.push(server);
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, address, () => resolve((server.address() as net.AddressInfo).port));
  });
}

const methods = { listen, listenOn };
export type BackendMethods = typeof methods;
serve(methods);
