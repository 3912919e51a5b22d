import { errorText } from "../fatal.ts";
import { type Api, type ApiRequest, readText } from "../informers/api.ts";
import { shorten } from "../informers/failure.ts";
import { parseJson, readStatus } from "../informers/raw.ts";

/** What the API server said. */
export interface Reply {
  /** HTTP's status; 0: there was no answer. */
  readonly code: number;
  /** The object, or undefined where there is none. */
  readonly object: unknown;
  /** Why not, in the API server's words. */
  readonly message: string;
  /** How long an overloaded server wants to be left alone. */
  readonly retryAfterMs: number;
}

export interface Requester {
  get(path: string): Promise<Reply>;
  send(request: ApiRequest): Promise<Reply>;
}

/** A single request is let wait as long as that: less than a Lease lasts. */
const ANSWER_MS = 5000;

/** The API without exceptions: whatever happens is a reply. */
export function requester(api: Pick<Api, "get" | "send">, signal: AbortSignal): Requester {
  const options = { signal, answerWithinMs: ANSWER_MS };
  const reply = async (asked: ReturnType<Api["get"]>): Promise<Reply> => {
    try {
      const response = await asked;
      const object = parseJson(await readText(response));
      const code = response.statusCode ?? 0;
      if (code < 300) return { code, object, message: "", retryAfterMs: 0 };
      const said = shorten(readStatus(object).message);
      const seconds = Number.parseInt(response.headers["retry-after"] ?? "", 10);
      const message = said === "" ? `the API server answered ${code}` : said;
      return { code, object, message, retryAfterMs: Number.isNaN(seconds) ? 0 : seconds * 1000 };
    } catch (error) {
      return { code: 0, object: undefined, message: shorten(errorText(error)), retryAfterMs: 0 };
    }
  };
  return { get: (path) => reply(api.get(path, options)), send: (request) => reply(api.send(request, options)) };
}
