import type { ModuleResource, TLSContextResource } from "../../crds/resources.ts";
import type { TLSContextSpec } from "../../crds/tls-context.ts";
import { memoForever } from "../../ir/memo.ts";
import type { ObjectRef, PathStep } from "../../ir/problem.ts";
import { hasError } from "../../ir/resource.ts";

/** A TLSContext, and where what is said of it stands. */
export interface ContextSource {
  readonly resource: TLSContextResource;
  readonly object: ObjectRef;
  /** Path of a field; of the context as a whole without one. */
  readonly pathOf: (field?: string) => readonly PathStep[];
}

export function ownSource(resource: TLSContextResource): ContextSource {
  return { resource, object: resource, pathOf: (field) => (field === undefined ? ["spec"] : ["spec", field]) };
}

const SERVER = "server";
const CLIENT = "client";
const SERVER_SECRET = "ambassador-certs";
const CLIENT_SECRET = "ambassador-cacert";

export function isTlsModule({ name }: ModuleResource): boolean {
  return name === "tls";
}

/**
 * The contexts of the Module tls: `server` for every host, with what `client` says of client certificates, and one for TLS to
 * upstreams under each other key. Source: Emissary IRTLSContext. Its default secrets stand in only where none is named;
 * Emissary writes `ambassador-cacert` over a secret that client names.
 */
export const legacyContexts = memoForever((modules: readonly ModuleResource[]): readonly ContextSource[] =>
  modules.filter((module) => isTlsModule(module) && !hasError(module)).flatMap(contextsOf),
);

function contextsOf(module: ModuleResource): readonly ContextSource[] {
  const { server, client, ...others } = module.spec.tls ?? {};
  const found: ContextSource[] = [];
  const add = (name: string, spec: TLSContextSpec, pathOf: ContextSource["pathOf"]): void => {
    const resource = Object.freeze({ ...module, kind: "TLSContext" as const, name, spec });
    found.push({ resource, object: module, pathOf });
  };
  const at = (section: string, field?: string) => ["spec", "config", section, ...(field === undefined ? [] : [field])];
  if (server !== undefined && server.enabled !== false) {
    const { enabled: _, ...spec } = server;
    const hasCertificate = spec.secret !== undefined || spec.cert_chain_file !== undefined;
    const asked = client === undefined || client.enabled === false ? undefined : client;
    const ofClient: TLSContextSpec =
      asked === undefined
        ? {}
        : {
            ...(asked.secret === undefined && asked.cacert_chain_file !== undefined
              ? { cacert_chain_file: asked.cacert_chain_file }
              : { ca_secret: asked.secret ?? CLIENT_SECRET }),
            ...(asked.cert_required === undefined ? {} : { cert_required: asked.cert_required }),
          };
    const merged = { hosts: ["*"], ...(hasCertificate ? {} : { secret: SERVER_SECRET }), ...spec, ...ofClient };
    add(SERVER, merged, (field) => {
      if (field === "ca_secret" && asked?.secret !== undefined) return at(CLIENT, "secret");
      if (field !== undefined && Object.hasOwn(ofClient, field))
        return at(CLIENT, asked !== undefined && Object.hasOwn(asked, field) ? field : undefined);
      return at(SERVER, field !== undefined && Object.hasOwn(spec, field) ? field : undefined);
    });
  }
  for (const [name, section] of Object.entries(others)) {
    if (section.enabled === false) continue;
    const { enabled: _, ...spec } = section;
    add(name, spec, (field) => at(name, field));
  }
  return found;
}
