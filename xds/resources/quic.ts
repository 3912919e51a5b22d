/** What makes a listener one of HTTP/3. */
import { pack } from "../../features/proto.ts";
import type { TerminationTls } from "../../ir/types.ts";
import { SocketAddress_Protocol as Protocol, type SocketAddress } from "../generated/envoy/config/core/v3/address.ts";
import type { TransportSocket } from "../generated/envoy/config/core/v3/base.ts";
import type { Listener } from "../generated/envoy/config/listener/v3/listener.ts";
import {
  HttpConnectionManager_CodecType as CodecType,
  type HttpConnectionManager,
} from "../generated/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.ts";
import { QuicDownstreamTransport } from "../generated/envoy/extensions/transport_sockets/quic/v3/quic_transport.ts";
import { downstreamContext } from "./transport-socket.ts";
import { windows } from "./windows.ts";

export const udp: Partial<SocketAddress> = { protocol: Protocol.UDP };

export const quicListener: Partial<Listener> = {
  udpListenerConfig: { quicOptions: {}, downstreamSocketConfig: { preferGro: true } },
};

export const http3Options: Partial<HttpConnectionManager> = {
  codecType: CodecType.HTTP3,
  http3ProtocolOptions: { quicProtocolOptions: windows },
};

/** Versions and ciphers are TLS 1.3's alone, and the protocol is the transport's: the settings for them are of TCP. */
export function quicTransportSocket(tls: TerminationTls): TransportSocket {
  const { ecdhCurves } = tls.parameters;
  const parameters = { minVersion: undefined, maxVersion: undefined, cipherSuites: [], ecdhCurves, alpnProtocols: [] };
  const value = pack(QuicDownstreamTransport, { downstreamTlsContext: downstreamContext({ ...tls, parameters }) });
  return { name: "envoy.transport_sockets.quic", configType: { $case: "typedConfig", value } };
}
