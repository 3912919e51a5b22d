import type { XdsResource } from "../snapshot.ts";

export interface Culprit {
  readonly resource: XdsResource;
  readonly message: string;
}

/** What a refused response of several resources tells: which were refused, which applied all the same, and which are
 *  unknown and have to be sent again, in these parts, to find out. */
export interface Verdict {
  readonly refused: readonly Culprit[];
  readonly accepted: readonly XdsResource[];
  readonly retry: readonly (readonly XdsResource[])[];
}

/** Envoy cuts long messages, and with them names: then nothing follows from a name not being there. */
const TRUNCATED = "...(truncated)";
/** Only in this form does Envoy apply the rest of the response; any other error refused it before the first resource, or
 *  after an unknown one. Source: cds_api_impl.cc, lds_api.cc onConfigUpdate. */
const NAMES_THE_BAD = /^Error adding\/updating (?:cluster|listener)\(s\) /;

export function judge(upserts: readonly XdsResource[], message: string): Verdict {
  const [only, ...more] = upserts;
  if (only === undefined) return { refused: [], accepted: [], retry: [] };
  if (more.length === 0) return { refused: [{ resource: only, message }], accepted: [], retry: [] };
  const refused = namedIn(upserts, message);
  const named = new Set(refused.map((culprit) => culprit.resource));
  const rest = upserts.filter((resource) => !named.has(resource));
  if (named.size > 0 && !message.endsWith(TRUNCATED)) return { refused, accepted: rest, retry: [] };
  return { refused, accepted: [], retry: halves(rest) };
}

function halves(resources: readonly XdsResource[]): XdsResource[][] {
  const middle = Math.ceil(resources.length / 2);
  return [resources.slice(0, middle), resources.slice(middle)].filter((half) => half.length > 0);
}

/** Envoy's text is "Error adding/updating cluster(s) NAME: REASON, NAME: REASON". It is not asked again, one by one: a cluster
 *  whose load balancer is refused stays behind as warming, and the same again passes for unchanged. */
function namedIn(upserts: readonly XdsResource[], message: string): Culprit[] {
  const prefix = NAMES_THE_BAD.exec(message);
  if (prefix === null) return [];
  const start = prefix[0].length;
  const found = upserts.flatMap((resource) => {
    const at = positionOf(resource.name, message, start);
    return at === undefined ? [] : [{ resource, at }];
  });
  found.sort((left, right) => left.at - right.at);
  return found.map(({ resource, at }, index) => {
    const end = found[index + 1]?.at ?? message.length;
    return { resource, message: message.slice(at, end).replace(/[,\s]+$/, "") };
  });
}

function positionOf(name: string, message: string, start: number): number | undefined {
  if (message.startsWith(`${name}: `, start)) return start;
  // Clusters are separated by commas, listeners by line feeds.
  for (const separator of [", ", "\n"]) {
    const at = message.indexOf(`${separator}${name}: `, start);
    if (at >= 0) return at + separator.length;
  }
  return undefined;
}

const MAX_MESSAGE_LENGTH = 1024;
/** Envoy prints the whole resource, private keys and all, behind this mark and up to the reason or the end. */
const RESOURCE_DUMP = /goo\.gle\/debug\w*[^\n]*\n[\s\S]*?(?:\n: |$)/g;

/** Envoy's message as it may be logged and shown: without the resource, and short. */
export function showable(message: string): string {
  const text = message.replace(RESOURCE_DUMP, "[resource] ").trim();
  return text.length <= MAX_MESSAGE_LENGTH ? text : `${text.slice(0, MAX_MESSAGE_LENGTH - 3)}...`;
}
