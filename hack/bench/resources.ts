/** Resources and snapshots without a cluster. */
import { createStore, type Store } from "../../compile/store.ts";
import { parseResource } from "../../crds/parse.ts";
import type { AnyResource } from "../../crds/resources.ts";
import type { CompileSettings } from "../../ir/settings.ts";
import { type Form, routeMatching } from "./forms.ts";
import type { Manifest } from "./objects.ts";
import { groupBy } from "../../ir/group-by.ts";

export function compileSettings(form: Form): CompileSettings {
  return {
    ambassadorId: "default",
    ownNamespace: "default",
    bindAddress: "127.0.0.1",
    inCluster: true,
    routeMatching: routeMatching(form),
  };
}

export function parse(manifest: unknown): AnyResource {
  const { resource, problems } = parseResource(manifest);
  if (resource === undefined) throw new Error(JSON.stringify(problems));
  return resource;
}

export function storeOf(manifests: readonly Manifest[]): Store {
  const store = createStore(() => undefined);
  const byKind = groupBy(manifests.map(parse), ({ kind }) => kind);
  for (const [kind, resources] of byKind) store.replace(kind, resources);
  return store;
}
