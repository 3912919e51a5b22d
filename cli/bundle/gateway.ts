import { errorText } from "../../runtime/fatal.ts";
import type { SavedAnswer } from "./bundle.ts";

/** What the admin port tells of a gateway that runs. None of it is secret: it is served to whoever asks. */
const pages = ["/healthz", "/readyz", "/proxies", "/metrics", "/ambassador/v0/diag/?json=true"];

const ANSWER_MS = 10_000;

/** Asks a gateway's admin port; what does not answer is saved as not answering. @param url `http://10.0.0.9:8877` */
export function askGateway(url: string): Promise<readonly SavedAnswer[]> {
  return Promise.all(
    pages.map(async (path): Promise<SavedAnswer> => {
      try {
        const response = await fetch(new URL(path, url), { signal: AbortSignal.timeout(ANSWER_MS) });
        return { path, status: response.status, text: await response.text() };
      } catch (error) {
        const cause = error instanceof Error && error.cause !== undefined ? `: ${errorText(error.cause)}` : "";
        return { path, status: undefined, text: `${errorText(error)}${cause}` };
      }
    }),
  );
}
