import { duration, pack } from "../../features/proto.ts";
import type { OriginationTls, TerminationTls, TlsParameters as IrTlsParameters } from "../../ir/types.ts";
import type { TransportSocket } from "../generated/envoy/config/core/v3/base.ts";
import {
  TlsParameters_TlsProtocol as Protocol,
  type TlsParameters,
} from "../generated/envoy/extensions/transport_sockets/tls/v3/common.ts";
import type { SdsSecretConfig } from "../generated/envoy/extensions/transport_sockets/tls/v3/secret.ts";
import {
  type CommonTlsContext,
  DownstreamTlsContext,
  UpstreamTlsContext,
} from "../generated/envoy/extensions/transport_sockets/tls/v3/tls.ts";
import { ads } from "./sources.ts";

export const TLS_SOCKET = "envoy.transport_sockets.tls";

/** Of a filter chain with TLS. Envoy waits 15 s for a ClientHello, and after it without end. */
export const handshakeTimeout = { transportSocketConnectTimeout: duration(15_000) } as const;

function sds(name: string): SdsSecretConfig {
  return { name, sdsConfig: ads };
}

export function tlsParameters({ minVersion, maxVersion, cipherSuites, ecdhCurves }: IrTlsParameters): TlsParameters {
  return {
    ...(minVersion === undefined ? {} : { tlsMinimumProtocolVersion: Protocol[minVersion] }),
    ...(maxVersion === undefined ? {} : { tlsMaximumProtocolVersion: Protocol[maxVersion] }),
    cipherSuites: [...cipherSuites],
    ecdhCurves: [...ecdhCurves],
  };
}

function commonContext(tls: {
  readonly certificateSecret: string | undefined;
  readonly validationSecret: string | undefined;
  readonly parameters: IrTlsParameters;
}): CommonTlsContext {
  return {
    tlsParams: tlsParameters(tls.parameters),
    alpnProtocols: [...tls.parameters.alpnProtocols],
    ...(tls.certificateSecret === undefined ? {} : { tlsCertificateSdsSecretConfigs: [sds(tls.certificateSecret)] }),
    ...(tls.validationSecret === undefined
      ? {}
      : { validationContextType: { $case: "validationContextSdsSecretConfig", value: sds(tls.validationSecret) } }),
  };
}

export function downstreamContext(tls: TerminationTls): DownstreamTlsContext {
  return {
    commonTlsContext: commonContext(tls),
    // Without an authority nothing is asked for by TCP, and Envoy refuses the Listener by QUIC.
    ...(tls.requireClientCertificate && tls.validationSecret !== undefined ? { requireClientCertificate: true } : {}),
  };
}

export function downstreamTransportSocket(tls: TerminationTls): TransportSocket {
  return {
    name: TLS_SOCKET,
    configType: { $case: "typedConfig", value: pack(DownstreamTlsContext, downstreamContext(tls)) },
  };
}

export function upstreamTransportSocket(tls: OriginationTls): TransportSocket {
  const context: UpstreamTlsContext = {
    commonTlsContext: commonContext(tls),
    ...(tls.sni === undefined ? {} : { sni: tls.sni }),
  };
  return { name: TLS_SOCKET, configType: { $case: "typedConfig", value: pack(UpstreamTlsContext, context) } };
}
