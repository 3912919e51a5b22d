import { Agent, request } from "node:http";

export interface Tally {
  readonly answered: number;
  /** What came instead of 200. */
  readonly failed: readonly string[];
}

export interface GoodClient {
  /** Resolves when so many more requests have been answered. */
  answered(more: number): Promise<void>;
  stop(): Promise<Tally>;
}

/** A client that asks for `/good` again and again, one request after the other, each second one over a connection of its own. */
export function goodClient(port: number): GoodClient {
  const kept = new Agent({ keepAlive: true, maxSockets: 1 });
  const failed: string[] = [];
  let answered = 0;
  let stopping = false;
  const waiting: { readonly from: number; readonly done: () => void }[] = [];

  const ask = (agent: Agent | false) =>
    new Promise<string>((done) => {
      const headers = { host: "example.com" };
      const asked = request({ host: "127.0.0.1", port, path: "/good", agent, headers }, (response) => {
        response.resume();
        response.on("end", () => done(String(response.statusCode)));
        response.on("error", (error) => done(error.message));
      });
      asked.on("error", (error) => done(error.message));
      asked.end();
    });

  async function go(): Promise<void> {
    for (let count = 0; !stopping; count++) {
      const end = await ask(count % 2 === 0 ? kept : false);
      if (end === "200") answered++;
      else failed.push(end);
      for (const { from, done } of waiting) if (answered >= from || failed.length > 0) done();
    }
  }
  const gone = go();
  return {
    answered: (more) => new Promise((done) => waiting.push({ from: answered + more, done })),
    async stop() {
      stopping = true;
      await gone;
      kept.destroy();
      return { answered, failed };
    },
  };
}
