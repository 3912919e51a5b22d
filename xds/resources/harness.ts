/**
 * The smallest resource that makes Envoy read a free content as it would read it where it is served: for a validator, which
 * opens no port and sends no request.
 */
import { hash } from "node:crypto";
import { headerValueOption } from "../../features/headers.ts";
import { pack } from "../../features/proto.ts";
import { assertNever } from "../../ir/assert.ts";
import type { FreeContent } from "../../ir/free-content.ts";
import type { FileAccessLog } from "../../ir/types.ts";
import { Cluster, Cluster_DiscoveryType as DiscoveryType } from "../generated/envoy/config/cluster/v3/cluster.ts";
import { TransportSocket } from "../generated/envoy/config/core/v3/base.ts";
import { Listener } from "../generated/envoy/config/listener/v3/listener.ts";
import { FilterChain } from "../generated/envoy/config/listener/v3/listener_components.ts";
import type { VirtualHost } from "../generated/envoy/config/route/v3/route_components.ts";
import { Router } from "../generated/envoy/extensions/filters/http/router/v3/router.ts";
import {
  HttpConnectionManager,
  type HttpFilter,
} from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import {
  type CommonTlsContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from "../generated/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import type { Any } from "../generated/google/protobuf/any.ts";
import type { XdsResource } from "../snapshot.ts";
import { accessLogs } from "./access-log.ts";
import { xdsResource } from "./frame.ts";
import { typeOfSecret } from "./secret.ts";
import { TLS_SOCKET, tlsParameters } from "./transport-socket.ts";

export interface Harness {
  readonly type: "listener" | "cluster";
  /** Named by a hash of the content: equal contents are one. */
  readonly resource: XdsResource;
}

/** What of the resource is the content, without its name. */
type Around =
  | { readonly type: "listener"; readonly chain: FilterChain }
  | { readonly type: "cluster"; readonly transportSocket: TransportSocket };

const router: HttpFilter = {
  name: "envoy.filters.http.router",
  configType: { $case: "typedConfig", value: pack(Router, {}) },
};

function http(more: Partial<HttpConnectionManager>, host: VirtualHost = {}): Around {
  const manager: HttpConnectionManager = {
    statPrefix: "judged",
    routeSpecifier: {
      $case: "routeConfig",
      value: { name: "judged", virtualHosts: [{ name: "judged", domains: ["*"], ...host }] },
    },
    httpFilters: [router],
    ...more,
  };
  const value = pack(HttpConnectionManager, manager);
  const filters = [{ name: "http", configType: { $case: "typedConfig", value } as const }];
  return { type: "listener", chain: { filters } };
}

function log(text: string, path: string | undefined): Around {
  const file: FileAccessLog = { kind: "file", path, format: { kind: "text", text } };
  return http({ accessLog: accessLogs([file]) });
}

/** A server's context: it is stricter with certificates than a client's, and has to have one. */
function server(commonTlsContext: CommonTlsContext): Around {
  const transportSocket = socket(pack(DownstreamTlsContext, { commonTlsContext }));
  return { type: "listener", chain: { filters: [], transportSocket } };
}

function client(commonTlsContext: CommonTlsContext): Around {
  return { type: "cluster", transportSocket: socket(pack(UpstreamTlsContext, { commonTlsContext })) };
}

function socket(value: Any): TransportSocket {
  return { name: TLS_SOCKET, configType: { $case: "typedConfig", value } };
}

function around(content: FreeContent): Around {
  switch (content.kind) {
    case "filter": {
      const typedConfig = { typeUrl: content.typeUrl, value: Buffer.from(content.message) };
      const filter: HttpFilter = { name: content.name, configType: { $case: "typedConfig", value: typedConfig } };
      return http({ httpFilters: [filter, router] });
    }
    case "format": {
      if (content.in === "text") return log(content.text, undefined);
      const header = headerValueOption({ name: "x-judged", value: content.text, append: false });
      return http({}, { requestHeadersToAdd: [header] });
    }
    case "logFile":
      return log("", content.path);
    case "tlsParameters":
      return client({ tlsParams: tlsParameters(content.parameters) });
    case "certificate":
    case "validation": {
      const type = typeOfSecret(content);
      if (type.$case === "tlsCertificate") return server({ tlsCertificates: [type.value] });
      if (type.$case === "validationContext") return client({ validationContextType: type });
      throw new Error(`a TLS context has no ${type.$case}`);
    }
    default:
      return assertNever(content);
  }
}

const NAME_LENGTH = 32;

/** Made anew each time: it holds the content, which nobody should keep twice. */
export function harnessOf(content: FreeContent): Harness {
  const parts = around(content);
  if (parts.type === "listener") {
    const name = nameOf(FilterChain.encode(parts.chain).finish());
    const listener: Listener = {
      name,
      filterChains: [parts.chain],
      address: { address: { $case: "pipe", value: { path: `@${name}` } } },
      bindToPort: false,
    };
    return { type: "listener", resource: xdsResource("listener", name, [Listener.encode(listener).finish()]) };
  }
  const { transportSocket } = parts;
  const name = nameOf(TransportSocket.encode(transportSocket).finish());
  const cluster: Cluster = {
    name,
    transportSocket,
    clusterDiscoveryType: { $case: "type", value: DiscoveryType.STATIC },
    loadAssignment: { clusterName: name },
  };
  return { type: "cluster", resource: xdsResource("cluster", name, [Cluster.encode(cluster).finish()]) };
}

function nameOf(content: Uint8Array): string {
  return hash("sha256", content, "hex").slice(0, NAME_LENGTH);
}
