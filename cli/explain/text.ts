import type { Explanation } from "../../insight/explain.ts";
import type {
  Answer,
  FilterView,
  Lack,
  LastGood,
  Place,
  Rival,
  RouteView,
  Setting,
  TlsView,
} from "../../insight/explain/types.ts";
import { formatObject } from "../../ir/problem.ts";
import type { Paint } from "../output/colour.ts";

export interface TextOptions {
  readonly paint: Paint;
  readonly nowMs: number;
}

const LABEL_WIDTH = 11;
const DAY_MS = 86_400_000;

/** What is told of one thing: a label, and lines of which the later ones stand under the first. */
type Section = readonly [label: string, lines: readonly string[]];

/** An explanation for people. */
export function explanationText(explanation: Explanation, options: TextOptions): string {
  const { paint } = options;
  return sectionsOf(explanation, options)
    .filter(([, lines]) => lines.length > 0)
    .flatMap(([label, lines]) =>
      lines.map(
        (line, index) => `${index === 0 ? paint("bold", label.padEnd(LABEL_WIDTH)) : " ".repeat(LABEL_WIDTH)}${line}\n`,
      ),
    )
    .join("");
}

function sectionsOf(explanation: Explanation, { paint, nowMs }: TextOptions): readonly Section[] {
  const { request, normalizedPath, listener, tls, host, route, answer, shares, rivals, moreRivals, unused } =
    explanation;
  const others =
    listener === undefined || listener.others.length === 0
      ? ""
      : `, also ${listener.others.map(formatObject).join(", ")}`;
  const section = (label: string, ...lines: readonly (string | undefined)[]): Section => [
    label,
    lines.filter((line) => line !== undefined),
  ];
  return [
    section(
      "request",
      `${request.method} ${request.url}`,
      ...request.headers.map(([name, value]) => `${name}: ${value}`),
    ),
    section("path", normalizedPath === undefined ? undefined : `${normalizedPath} is what routes see`),
    section(
      "listener",
      listener === undefined ? undefined : `${formatObject(listener.object)} :${listener.port}${paint("dim", others)}`,
    ),
    section("tls", tls === undefined ? undefined : tlsText(tls, nowMs)),
    section(
      "host",
      host === undefined
        ? undefined
        : `${host.object === undefined ? "no Host: one stands in" : formatObject(host.object)}  ${host.domain} ${paint("dim", `(${hostKinds[host.match]})`)}`,
    ),
    section(
      "route",
      ...(route === undefined ? [] : [paint("green", formatObject(route.object)), ...rulesOf(route, paint)]),
    ),
    section("answer", ...answerLines(answer, route, paint)),
    section(
      "weights",
      ...(shares.length === 0 ? [] : [shares.map(({ route: name, percent }) => `${name} ${percent} %`).join(", ")]),
    ),
    section(
      "rivals",
      ...rivals.flatMap((rival) => rivalLines(rival, paint)),
      moreRivals === 0 ? undefined : paint("dim", `${moreRivals} more, with --all`),
    ),
    section(
      "unused",
      ...unused.flatMap(({ object, because }) => [formatObject(object), ...because.map((text) => `  ${text}`)]),
    ),
    section("last good", ...explanation.lastGood.flatMap((each) => lastGoodLines(each, paint))),
    section("filters", ...explanation.filters.map((filter) => filterText(filter, paint))),
    section("settings", ...settingLines(explanation.settings, route, paint)),
  ];
}

const hostKinds = {
  exact: "the whole name",
  suffix: "the longest wildcard that fits",
  prefix: "the longest wildcard that fits",
  any: "every other name",
} as const;

function tlsText({ serverName, certificate, expiresMs, clientCertificate }: TlsView, nowMs: number): string {
  const left = expiresMs === undefined ? "" : ` (${daysText(expiresMs - nowMs)})`;
  const client =
    clientCertificate === "none"
      ? ""
      : `; client certificate ${clientCertificate === "required" ? "required" : "verified if there is one"}`;
  const name = serverName === undefined || serverName === "" ? "no server name" : `server name ${serverName}`;
  return `${name} -> certificate ${certificate}${left}${client}`;
}

function daysText(leftMs: number): string {
  const days = Math.floor(Math.abs(leftMs) / DAY_MS);
  return leftMs < 0 ? `expired ${days} d ago` : `${days} d left`;
}

/** @param here the object that is talked about anyway */
function placeText(place: Place | undefined, here?: RouteView): string {
  if (place === undefined) return "";
  const object = formatObject(place.object);
  if (place.path === "") return object;
  return here !== undefined && object === formatObject(here.object) ? place.path : `${object} ${place.path}`;
}

function rulesOf(route: RouteView, paint: Paint): readonly string[] {
  const { rules } = route;
  const width = Math.max(0, ...rules.map(({ text }) => text.length));
  return rules.map(({ text, from }) => `  ${text.padEnd(width)}  ${paint("dim", placeText(from, route))}`.trimEnd());
}

function answerLines(answer: Answer, route: RouteView | undefined, paint: Paint): readonly string[] {
  switch (answer.kind) {
    case "forward": {
      const { upstream, path, host } = answer;
      const endpoints = upstream.endpoints.map(
        ({ address, port, draining }) => `${address}:${port}${draining ? " (draining)" : ""}`,
      );
      const known = endpoints.length === 0 ? paint("red", "no endpoints") : endpoints.join(", ");
      return [
        `forwarded to ${upstream.service}  ${paint("dim", placeText(upstream.from, route))}`,
        `  as        ${path}  host ${host}`,
        `  cluster   ${upstream.cluster}${upstream.tls ? " with TLS" : ""}`,
        `  endpoints ${known}${upstream.note === undefined ? "" : paint("dim", `  ${upstream.note}`)}`,
      ];
    }
    case "redirect":
      return [`${answer.status} to ${answer.location}${answer.because === undefined ? "" : `: ${answer.because}`}`];
    case "connection":
      return [
        `the connection is handed on to ${answer.clusters.join(", ")}`,
        ...answer.from.map((place) => `  ${placeText(place)}`),
      ];
    case "refused":
      return [paint("red", `${answer.status}: ${answer.because}`)];
    case "closed":
      return [paint("red", `no connection: ${answer.because}`)];
  }
}

function rivalLines(rival: Rival, paint: Paint): readonly string[] {
  const rules = rival.rules.map(({ text }) => text).join(", ");
  return [
    `${formatObject(rival.object)}  ${paint("dim", rules)}`,
    `  ${rival.kind === "later" ? laterText(rival.by) : lackText(rival.lack)}`,
  ];
}

function laterText(by: Extract<Rival, { kind: "later" }>["by"]): string {
  if (by === "weight") return "has the same match: weights share the requests";
  if (by === "name") return "matches too, and comes later: all else is equal, and so names decide";
  return `matches too, and comes later: decided by the ${by}`;
}

function lackText({ kind, wants, has, from }: Lack): string {
  const field = from === undefined ? "" : ` (${from.path})`;
  if (has === undefined) return `does not match: it wants ${wants}${field}, which the request has not`;
  const what = { path: "the path is", header: "the request has", queryParameter: "the request has", weight: "it is" }[
    kind
  ];
  return `does not match: it wants ${wants}${field}, and ${what} ${has}`;
}

function lastGoodLines({ object, generation, because }: LastGood, paint: Paint): readonly string[] {
  const which = generation === undefined ? "" : `, that of generation ${generation}`;
  return [
    `${formatObject(object)} ${paint("yellow", `serves in its last good version${which}`)}; as it is now it has an error:`,
    ...because.map((text) => `  ${text}`),
  ];
}

function filterText({ name, state, note, from }: FilterView, paint: Paint): string {
  const text = `${state.padEnd(3)} ${name.replace(/^envoy\.filters\.http\./, "")}${note === "" ? "" : `: ${note}`}`;
  const by = from.map((place) => placeText(place)).join(", ");
  const line = by === "" ? text : `${text}  ${paint("dim", by)}`;
  return state === "off" ? paint("dim", line) : line;
}

function settingLines(settings: readonly Setting[], route: RouteView | undefined, paint: Paint): readonly string[] {
  const rows = settings.map(({ name, value, from }) => ({
    name,
    value: JSON.stringify(value),
    from: from === undefined ? "default" : placeText(from, route),
  }));
  const width = (key: "name" | "value") => Math.min(48, Math.max(0, ...rows.map((row) => row[key].length)));
  return rows.map(
    ({ name, value, from }) => `${name.padEnd(width("name"))}  ${value.padEnd(width("value"))}  ${paint("dim", from)}`,
  );
}
