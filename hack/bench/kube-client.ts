/** Writes to the API server over kept-alive connections, without what kubectl costs. */
import https from "node:https";
import type { Cluster } from "../../test/cluster/cluster.ts";
import type { Manifest } from "./objects.ts";
import type { Scope } from "./session.ts";

export interface KubeClient {
  /** Each resolves with the time (performance.now) at which the API server's answer was there. */
  create(object: Manifest): Promise<number>;
  patch(object: Manifest): Promise<number>;
  remove(object: Manifest): Promise<number>;
  /** Creates many, so many at a time, and resolves with the milliseconds it took. */
  createAll(objects: readonly Manifest[], parallel?: number): Promise<number>;
  version(): Promise<string>;
}

const plurals: Readonly<Record<string, string>> = {
  Mapping: "mappings",
  Host: "hosts",
  Listener: "listeners",
  Secret: "secrets",
};

/** A CRD that was applied a moment ago, and storage that starts, answer so at first. */
const passing = new Set([404, 429, 500, 503]);

function collectionPath({ apiVersion, kind, metadata }: Manifest): string {
  const base = apiVersion === "v1" ? "/api/v1" : `/apis/${apiVersion}`;
  return `${base}/namespaces/${metadata.namespace}/${plurals[kind] ?? kind}`;
}

function objectPath(object: Manifest): string {
  return `${collectionPath(object)}/${object.metadata.name}`;
}

interface Request {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
}

interface Answer {
  readonly status: number;
  readonly atMs: number;
  readonly body: string;
}

export function kubeClient(scope: Scope, { serverUrl, token, certificateAuthority }: Cluster): KubeClient {
  const agent = new https.Agent({ keepAlive: true, ca: certificateAuthority });
  scope.defer(() => agent.destroy());

  const send = ({ method, path, body }: Request): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
      const headers = { authorization: `Bearer ${token}`, ...(text === undefined ? {} : { "content-type": type }) };
      const request = https.request(serverUrl + path, { method, agent, headers, timeout: 60_000 }, (response) => {
        // The first byte of the answer says that it is done; the body is read for errors and to free the connection.
        const atMs = performance.now();
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, atMs, body: Buffer.concat(chunks).toString() }),
        );
      });
      request.on("error", reject);
      request.end(text);
    });

  const write = async (request: Request): Promise<number> => {
    for (let attempt = 1; ; attempt++) {
      const { status, atMs, body } = await send(request);
      if (status < 300) return atMs;
      if (attempt === 50 || !passing.has(status)) {
        throw new Error(`${request.method} ${request.path} answered ${status}: ${body.slice(0, 500)}`);
      }
      await new Promise((done) => setTimeout(done, 100));
    }
  };

  const create = (object: Manifest) => write({ method: "POST", path: collectionPath(object), body: object });
  return {
    create,
    patch: (object) => write({ method: "PATCH", path: objectPath(object), body: { spec: object.spec } }),
    remove: (object) => write({ method: "DELETE", path: objectPath(object) }),
    async createAll(objects, parallel = 16) {
      const startedMs = performance.now();
      let next = 0;
      const worker = async () => {
        for (let object = objects[next++]; object !== undefined; object = objects[next++]) await create(object);
      };
      await Promise.all(Array.from({ length: parallel }, worker));
      return performance.now() - startedMs;
    },
    async version() {
      const { body } = await send({ method: "GET", path: "/version" });
      return String((JSON.parse(body) as { readonly gitVersion?: string }).gitVersion);
    },
  };
}
