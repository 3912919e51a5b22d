import { parseResource } from "../../crds/parse.ts";
import type { HostResource, MappingResource } from "../../crds/resources.ts";
import { hasError } from "../../ir/resource.ts";
import { takesMapping } from "../../sources/getambassador/host.ts";
import { mappingMatch } from "../../sources/getambassador/mapping-match.ts";
import type { Paint } from "../output/colour.ts";
import { type Found, type ObjectStatus, reasonOf } from "./objects.ts";
import { summaryOf } from "./words.ts";

interface Parsed<R> {
  readonly resource: R;
  readonly status: ObjectStatus;
}

/** Hosts, each with the Mappings that it takes, and at the end those that none takes. */
export function hostTree(found: readonly Found[], paint: Paint): string {
  const hosts: Parsed<HostResource>[] = [];
  const mappings: Parsed<MappingResource>[] = [];
  for (const { raw, status } of found) {
    const { resource } = parseResource(raw);
    if (resource?.kind === "Host") hosts.push({ resource, status });
    if (resource?.kind === "Mapping") mappings.push({ resource, status });
  }
  const taken = new Set<ObjectStatus>();
  const lines: string[] = [];
  for (const { resource, status } of hosts) {
    const { spec } = resource;
    lines.push(line(status, hasError(resource) ? "" : (spec.hostname ?? "*"), paint));
    if (hasError(resource)) continue;
    const taker = { hostname: (spec.hostname ?? "*").toLowerCase(), selector: spec.mappingSelector ?? spec.selector };
    for (const mapping of mappings) {
      if (hasError(mapping.resource)) continue;
      const { hostname, hostRegex } = mappingMatch(mapping.resource.spec);
      if (!takesMapping(taker, { hostname, hostRegex, resource: mapping.resource })) continue;
      taken.add(mapping.status);
      lines.push(`  ${line(mapping.status, mapping.resource.spec.prefix, paint)}`);
    }
  }
  const rest = mappings.filter(({ status }) => !taken.has(status));
  if (rest.length > 0) lines.push("taken by no Host");
  for (const { resource, status } of rest)
    lines.push(`  ${line(status, hasError(resource) ? "" : resource.spec.prefix, paint)}`);
  return lines.map((each) => `${each}\n`).join("");
}

function line(status: ObjectStatus, what: string, paint: Paint): string {
  const { kind, namespace, name } = status;
  const mark = reasonOf(status) === undefined ? paint("green", "ok") : paint("red", "not ok");
  return `${kind} ${namespace}/${name} ${what === "" ? "" : `${what} `}${mark} ${summaryOf(status)}`.trimEnd();
}
