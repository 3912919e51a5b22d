/**
 * Sort key of routes: a text whose descending order is the order in which routes are tried.
 * Higher precedence, longer prefix, longer header conditions, longer query conditions, then the prefix, the method and the
 * conditions themselves. Source: Emissary `irhttpmapping.py` _route_weight, compared element by element.
 */
export interface OrderInput {
  readonly precedence: number;
  /** The prefix is the whole path: where all else is equal it is tried before what only starts so. */
  readonly exact: boolean;
  /** The prefix, path or regex as written. */
  readonly prefix: string;
  readonly method: string | undefined;
  /** In the order in which they are written: headers, then regex_headers, then host and method. */
  readonly headers: readonly Condition[];
  readonly queryParameters: readonly Condition[];
}

export interface Condition {
  readonly name: string;
  /** undefined: any value. */
  readonly value: string | undefined;
  readonly regex: boolean;
}

// Below any character of the values, so that a text compares like the list of its parts.
const SEPARATOR = "\u0000";
const INT32 = 2 ** 31;

function digits(value: number): string {
  return Math.max(0, value).toString().padStart(11, "0");
}

function lengthOf(conditions: readonly Condition[]): number {
  return conditions.reduce(
    (sum, { name, value, regex }) => sum + name.length + (value ?? "*").length + (regex ? 1 : 0),
    0,
  );
}

function keyOfCondition({ name, value }: Condition): string {
  return `${name}-${value ?? "*"}`;
}

/** What decides between two routes, in the order in which it is asked. Each is a part of the key, the last ones several. */
export const orderCriteria = [
  "precedence",
  "length of the prefix",
  "length of the header conditions",
  "length of the query conditions",
  "text of the prefix",
  "method",
  "text of the conditions",
] as const;
export type OrderCriterion = (typeof orderCriteria)[number];

/** The keys' parts, one for each criterion but the last. */
function leadingParts(input: OrderInput): readonly string[] {
  return [
    digits(input.precedence + INT32),
    digits(input.prefix.length),
    digits(lengthOf(input.headers)),
    digits(lengthOf(input.queryParameters)),
    input.prefix,
    input.method ?? "GET",
  ];
}

export function routeOrderKey(input: OrderInput): string {
  return [
    ...leadingParts(input),
    ...input.headers.map(keyOfCondition),
    ...input.queryParameters.map(keyOfCondition),
    ...(input.exact ? [""] : []),
  ].join(SEPARATOR);
}

/** By what one of two keys goes before the other; undefined: they are equal, and names decide. */
export function decidingCriterion(a: string, b: string): OrderCriterion | undefined {
  if (a === b) return undefined;
  const others = b.split(SEPARATOR);
  const at = a.split(SEPARATOR).findIndex((part, index) => part !== others[index]);
  return orderCriteria[at] ?? "text of the conditions";
}
