import { eventually } from "./eventually.ts";
import type { Gateway } from "./gateway.ts";
import type { ReportedSpan, SpanServer } from "./span-servers.ts";

export interface Traced {
  /** What the service got. */
  readonly headers: Readonly<Record<string, string>>;
  /** Of what the gateway was asked. */
  readonly asked: ReportedSpan;
  /** Of what it asked the service. */
  readonly called: ReportedSpan;
}

let paths = 0;

/** A path that no other request has: spans are found by it. */
export const nextPath = () => `/traced-${paths++}`;

export function spansOf(path: string, server: SpanServer): readonly ReportedSpan[] {
  const asked = server.spans.filter(({ tags }) => tags["http.url"] === `http://example.com${path}`);
  return [...asked, ...server.spans.filter(({ parentId }) => asked.some(({ id }) => id === parentId))];
}

/** One request, its headers at the service, and its two spans. */
export async function traced(
  gateway: Gateway,
  server: SpanServer,
  headers: Readonly<Record<string, string>> = {},
): Promise<Traced> {
  const path = nextPath();
  const answer = await gateway.request(path, { headers });
  // Envoy sends spans when there are five, or after five seconds.
  for (let request = 0; request < 4; request++) await gateway.request("/other", { headers });
  const [asked, called] = await eventually(`the spans of ${path}`, () => {
    const [first, second] = spansOf(path, server);
    return first !== undefined && second !== undefined && ([first, second] as const);
  });
  return { headers: answer.echo().headers, asked, called };
}
