import { features } from "../../features/index.ts";
import type { AnyFeature } from "../../features/feature.ts";
import type { ShadowSettings } from "../../features/shadow.ts";
import type { ObjectRef } from "../../ir/problem.ts";
import { compareText } from "../../ir/problem.ts";
import type { BuiltMapping } from "../../sources/getambassador/mapping.ts";
import { together } from "../../sources/getambassador/group-features.ts";
import { nameOf } from "../../sources/getambassador/mapping.ts";
import { modulePlace, type Origin as RouteOrigin, placeOf } from "./places.ts";
import { type Fields, type Origin, originsOf, partsOf } from "./provenance.ts";
import type { Place, Setting } from "./types.ts";

/** A route, its Mapping, and the Mappings with the same match: some fields hold for all of them. */
export interface Grouped extends RouteOrigin {
  readonly mapping: BuiltMapping;
  readonly group: readonly BuiltMapping[];
  readonly module: ObjectRef | undefined;
}

/** Every setting of a route in force, each with where it comes from; see provenance.ts. */
export function settingsOf(grouped: Grouped): readonly Setting[] {
  return features.flatMap((feature) => ofFeature(feature, grouped));
}

function ofFeature(feature: AnyFeature, grouped: Grouped): readonly Setting[] {
  const inForce = partsOf(grouped.route.features[feature.name]);
  if (inForce.size === 0) return [];
  const { mapping } = grouped;
  const own = originsOf(feature, mapping.resource.spec as Fields, mapping.context);
  const isOwn = sameParts(own.parts, inForce);
  const members = [...grouped.group].sort((a, b) => compareText(nameOf(a), nameOf(b)));
  const { parts, origins } = isOwn ? own : originsOf(feature, together(feature, members), mapping.context);
  return [...inForce].map(([part, value]): Setting => {
    const name = part === "" ? feature.name : `${feature.name}.${part}`;
    const origin = JSON.stringify(parts.get(part)) === JSON.stringify(value) ? origins.get(part) : undefined;
    const from =
      origin === undefined ? givenPlace(feature, grouped) : placeOfOrigin(origin, grouped, isOwn ? [mapping] : members);
    return { name, value, from };
  });
}

function sameParts(a: ReadonlyMap<string, unknown>, b: ReadonlyMap<string, unknown>): boolean {
  return JSON.stringify([...a]) === JSON.stringify([...b]);
}

function placeOfOrigin(
  origin: Origin,
  { module, mapping }: Grouped,
  members: readonly BuiltMapping[],
): Place | undefined {
  if (origin.kind === "default") return undefined;
  if (origin.kind === "module") return module === undefined ? undefined : modulePlace(module, origin.path);
  const [field = ""] = origin.path;
  // Of several that say it, the last one counts.
  const says = (each: BuiltMapping) => (each.resource.spec as Fields)[field] !== undefined;
  const { source } = members.filter(says).at(-1) ?? mapping;
  return placeOf(source.object, [...source.path, ...origin.path]);
}

/** What a route has that no Mapping with its match asks for: its Host, or the shadow of its requests, has given it. */
function givenPlace({ name }: AnyFeature, { group, host, route }: Grouped): Place | undefined {
  if (name === "shadow") {
    const { cluster } = route.features["shadow"] as ShadowSettings;
    const shadow = group.find((each) => each.cluster?.name === cluster && each.resource.spec.shadow === true);
    return shadow === undefined ? undefined : placeOf(shadow.source.object, [...shadow.source.path, "shadow"]);
  }
  if (host?.resource === undefined) return undefined;
  return placeOf(host.resource, ["spec", "requestPolicy", "insecure", "action"]);
}
