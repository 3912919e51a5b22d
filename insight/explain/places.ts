import type { Failure } from "../match/route.ts";
import { assertNever } from "../../ir/assert.ts";
import { formatPath, type ObjectRef, type PathStep, toldOf, writtenPath } from "../../ir/problem.ts";
import type { Route, RouteMatch, ValueMatch } from "../../ir/types.ts";
import { fieldOfHeader, fieldOfQuery } from "../../sources/getambassador/condition-field.ts";
import type { BuiltHost } from "../../sources/getambassador/host.ts";
import type { BuiltMapping } from "../../sources/getambassador/mapping.ts";
import type { Lack, Place, RouteView, Rule } from "./types.ts";

/** The place as its author knows it: in the object that holds the object, and under the names of its version. */
export function placeOf(object: ObjectRef, path: readonly PathStep[]): Place {
  const stub = { code: "InternalError", severity: "warning", object, path, message: "", advice: "" } as const;
  const told = toldOf(stub);
  return { object: refOf(told.object), path: formatPath(writtenPath(told)) };
}

/** Without what is not to be printed. */
export function refOf({ kind, namespace, name }: ObjectRef): ObjectRef {
  return { kind, namespace, name };
}

/** A Module's key, under its config. */
export function modulePlace(module: ObjectRef, path: readonly PathStep[]): Place {
  return placeOf(module, ["spec", "config", ...path]);
}

/** A route with what is known of where it is from. */
export interface Origin {
  readonly route: Route;
  readonly mapping: BuiltMapping | undefined;
  readonly host: BuiltHost | undefined;
}

function inMapping({ route: { source } }: Origin, path: readonly PathStep[]): Place {
  return placeOf(source.object, [...source.path, ...path]);
}

function headerPlace(origin: Origin, wants: ValueMatch): Place | undefined {
  const field = origin.mapping === undefined ? undefined : fieldOfHeader(origin.mapping.resource.spec, wants);
  if (field !== undefined) return inMapping(origin, field);
  const isHosts = wants.name === "x-forwarded-proto" && origin.host?.resource !== undefined;
  return isHosts ? placeOf(origin.host.resource, ["spec", "requestPolicy", "insecure", "action"]) : undefined;
}

function queryPlace(origin: Origin, wants: ValueMatch): Place | undefined {
  if (origin.mapping === undefined) return undefined;
  return inMapping(origin, fieldOfQuery(origin.mapping.resource.spec, wants));
}

function pathText({ path, caseSensitive }: Pick<RouteMatch, "path" | "caseSensitive">): string {
  const folded = caseSensitive || path.kind === "regex" ? "" : " (in any case)";
  switch (path.kind) {
    case "prefix":
      return `prefix ${path.prefix}${folded}`;
    case "exact":
      return `path ${path.path}${folded}`;
    case "regex":
      return `regex ${path.regex}`;
    default:
      return assertNever(path);
  }
}

function valueText(what: string, wants: ValueMatch): string {
  switch (wants.kind) {
    case "present":
      return `${what} ${wants.name}`;
    case "exact":
      return `${what} ${wants.name}: ${wants.value}`;
    case "regex":
      return `${what} ${wants.name} by the regex ${wants.regex}`;
    default:
      return assertNever(wants);
  }
}

function headerText(wants: ValueMatch): string {
  if (wants.name === ":method" && wants.kind === "exact") return `method ${wants.value}`;
  if (wants.name === ":method" && wants.kind === "regex") return `method by the regex ${wants.regex}`;
  if (wants.name === ":authority" && wants.kind === "regex") return `host by the regex ${wants.regex}`;
  return valueText("header", wants);
}

function weightText(belowPercent: number): string {
  return `one of the first ${belowPercent} of 100 requests`;
}

/** What the route asks for, in words, each with its field. */
export function viewOf(origin: Origin): RouteView {
  const { route } = origin;
  const { match, belowPercent } = route;
  const rules: Rule[] = [
    { text: pathText(match), from: inMapping(origin, ["prefix"]) },
    ...match.headers.map((wants) => ({ text: headerText(wants), from: headerPlace(origin, wants) })),
    ...match.queryParameters.map((wants) => ({ text: valueText("query", wants), from: queryPlace(origin, wants) })),
    ...(belowPercent === undefined ? [] : [{ text: weightText(belowPercent), from: inMapping(origin, ["weight"]) }]),
  ];
  return { name: route.name, object: placeOf(route.source.object, []).object, rules };
}

/** A failure in words, with its field. */
export function lackOf(origin: Origin, failure: Failure): Lack {
  switch (failure.kind) {
    case "path": {
      const wants = pathText({ path: failure.wants, caseSensitive: failure.caseSensitive });
      return { kind: "path", wants, has: failure.has, from: inMapping(origin, ["prefix"]) };
    }
    case "header": {
      const has = failure.has.length === 0 ? undefined : failure.has.join(", ");
      return { kind: "header", wants: headerText(failure.wants), has, from: headerPlace(origin, failure.wants) };
    }
    case "queryParameter": {
      const wants = valueText("query", failure.wants);
      return { kind: "queryParameter", wants, has: failure.has, from: queryPlace(origin, failure.wants) };
    }
    case "weight": {
      const wants = weightText(failure.belowPercent);
      return { kind: "weight", wants, has: `number ${failure.has}`, from: inMapping(origin, ["weight"]) };
    }
    default:
      return assertNever(failure);
  }
}
