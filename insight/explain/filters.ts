import { AUTH_UNUSABLE, type AuthSettings, EXT_AUTHZ } from "../../features/auth.ts";
import type { LabelsSettings } from "../../features/labels.ts";
import { cors } from "../../filters/cors.ts";
import { ipRules, type IpRulesSettings } from "../../filters/ip-rules.ts";
import { rateLimit } from "../../filters/rate-limit.ts";
import type { FeatureSettings, HttpFilter, Ir, Route, VirtualHost } from "../../ir/types.ts";
import { modulePlace, placeOf } from "./places.ts";
import type { FilterView, Place } from "./types.ts";

type State = Pick<FilterView, "state" | "note">;

const on = (note: string): State => ({ state: "on", note });
const off = (note: string): State => ({ state: "off", note });

/** What a filter does on a route, by its name; all others do what they do everywhere. */
const onRoute: Readonly<
  Record<string, (settings: FeatureSettings, filter: HttpFilter, action: Route["action"]) => State>
> = {
  [EXT_AUTHZ]: ({ auth }, _, action) =>
    bypasses(auth)
      ? off(action.kind === "redirect" ? "a redirect asks for no authorization" : "bypass_auth is true")
      : on("asks before anything is sent upstream"),
  [AUTH_UNUSABLE]: ({ auth }) =>
    bypasses(auth) ? off("this route asks for no authorization") : on("answers 500: there is no usable AuthService"),
  [rateLimit.name]: ({ labels }) => {
    const groups = (labels as LabelsSettings | undefined)?.groups ?? [];
    return groups.length === 0
      ? off("the route has no labels to count by")
      : on(`counts by ${groups.map(textOf).join("; ")}`);
  },
  [cors.name]: ({ cors: policy }) =>
    policy === undefined ? off("the route has no cors") : on("answers preflight requests"),
  [ipRules.name]: (_, { settings }) => {
    const { action, ranges } = settings as IpRulesSettings;
    const texts = ranges.map(({ of, range }) => `${of} ${range.address}/${range.prefixLength}`);
    return on(`${action === "allow" ? "403 for all but" : "403 for"} ${texts.join(", ")}`);
  },
};

function bypasses(auth: unknown): boolean {
  return (auth as AuthSettings | undefined)?.kind === "bypass";
}

function textOf(group: LabelsSettings["groups"][number]): string {
  const texts = group.map((label) => {
    if (label.kind === "header") return `${label.key}=header ${label.header}`;
    return label.kind === "fixed" ? `${label.key}=${label.value}` : label.kind;
  });
  return `(${texts.join(", ")})`;
}

/** The filters in the order in which the request passes them. */
export function filtersOn(ir: Ir, route: Route, virtualHost: VirtualHost | undefined): readonly FilterView[] {
  // What holds for a virtual host holds where its routes say nothing else.
  const settings = { ...virtualHost?.features, ...route.features };
  return ir.filters.map((filter) => {
    const state = onRoute[filter.name]?.(settings, filter, route.action) ?? on("");
    return { name: filter.name, ...state, from: askers(ir, filter) };
  });
}

function askers({ owner }: Ir, { keys = [], askedBy = [] }: HttpFilter): readonly Place[] {
  const ofModule = owner === undefined ? [] : keys.map((key) => modulePlace(owner, [key]));
  return [...ofModule, ...askedBy.map((object) => placeOf(object, []))];
}
