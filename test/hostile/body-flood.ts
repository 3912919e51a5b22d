/** A thread that sends large bodies, many at once, and says what became of each: whoever measures beside it is not held up by it. */
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { parentPort, workerData } from "node:worker_threads";

export interface BodyFlood {
  readonly reviewUrl: string;
  readonly adminUrl: string;
  readonly count: number;
  readonly bytes: number;
}

/** A status, or that there was none. */
export type BodyEnd = number | "closed";

function send(url: string, body: Buffer, chunked: boolean): Promise<BodyEnd> {
  return new Promise((done) => {
    const headers = chunked ? { "transfer-encoding": "chunked" } : { "content-length": body.length };
    const options = { method: "POST", agent: false, rejectUnauthorized: false, headers } as const;
    const sent = url.startsWith("https:") ? httpsRequest(url, options) : httpRequest(url, options);
    sent.on("response", (response) => {
      response.resume();
      done(response.statusCode ?? 0);
    });
    // A server that has had enough closes while we still write.
    sent.on("error", () => done("closed"));
    sent.end(body);
  });
}

const { reviewUrl, adminUrl, count, bytes } = workerData as BodyFlood;
const body = Buffer.alloc(bytes, " ");
const ends = Array.from({ length: count }, (_, index) =>
  send(index % 3 === 0 ? adminUrl : reviewUrl, body, index % 2 === 0),
);
parentPort?.postMessage(await Promise.all(ends));
