import { spawn } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { get } from "node:http";
import type { Certificate } from "./certificates.ts";
import { ENVOY_BINARY, freePort, type Reply } from "./envoy.ts";
import { eventually } from "./eventually.ts";

export interface Http3Request {
  /** SNI. */
  readonly servername: string;
  /** Default: the server name. */
  readonly host?: string;
}

export interface Http3Client {
  /** One request by HTTP/3, on one connection per server name. 503 where there is no connection to be had. */
  request(request: Http3Request): Promise<Reply>;
  stop(): Promise<void>;
}

export interface Http3ClientOptions {
  /** The gateway's UDP port. */
  readonly port: number;
  /** PEM: who must have signed the gateway's certificates. */
  readonly authority: string;
  readonly certificate?: Certificate;
}

const type = (name: string) => ({ "@type": `type.googleapis.com/envoy.${name}` });
const pem = (text: string) => ({ inline_string: text });

/** A client for HTTP/3: an Envoy whose only upstream is the gateway. Nothing else of the registries speaks it with real certificates. */
export async function startHttp3Client({ port, authority, certificate }: Http3ClientOptions): Promise<Http3Client> {
  const listenPort = await freePort();
  const address = (portValue: number, protocol: "TCP" | "UDP") => ({
    socket_address: { protocol, address: "127.0.0.1", port_value: portValue },
  });
  const own = certificate && [
    { certificate_chain: pem(certificate.certificatePem), private_key: pem(certificate.keyPem) },
  ];
  const bootstrap = {
    static_resources: {
      listeners: [
        {
          address: address(listenPort, "TCP"),
          filter_chains: [
            {
              filters: [
                {
                  name: "http",
                  typed_config: {
                    ...type("extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"),
                    stat_prefix: "client",
                    route_config: {
                      virtual_hosts: [
                        {
                          name: "all",
                          domains: ["*"],
                          routes: [{ match: { prefix: "/" }, route: { cluster: "gateway" } }],
                        },
                      ],
                    },
                    http_filters: [{ name: "router", typed_config: type("extensions.filters.http.router.v3.Router") }],
                  },
                },
              ],
            },
          ],
        },
      ],
      clusters: [
        {
          name: "gateway",
          type: "STATIC",
          connect_timeout: "5s",
          load_assignment: {
            cluster_name: "gateway",
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port, "UDP") } }] }],
          },
          typed_extension_protocol_options: {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
              ...type("extensions.upstreams.http.v3.HttpProtocolOptions"),
              explicit_http_config: { http3_protocol_options: {} },
              upstream_http_protocol_options: { auto_sni: true, override_auto_sni_header: "x-sni" },
            },
          },
          transport_socket: {
            name: "envoy.transport_sockets.quic",
            typed_config: {
              ...type("extensions.transport_sockets.quic.v3.QuicUpstreamTransport"),
              upstream_tls_context: {
                common_tls_context: {
                  validation_context: { trusted_ca: pem(authority) },
                  ...(own === undefined ? {} : { tls_certificates: own }),
                },
              },
            },
          },
        },
      ],
    },
  };
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), "http3-client-"));
  const file = path.join(directory, "bootstrap.json");
  fs.writeFileSync(file, JSON.stringify(bootstrap));
  const child = spawn(ENVOY_BINARY, ["-c", file, "--disable-hot-restart", "--concurrency", "1", "-l", "off"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const end = () => child.kill("SIGKILL");
  process.once("exit", end);
  const exited = new Promise<void>((done) => child.once("exit", () => done()));

  const send = ({ servername, host = servername }: Http3Request): Promise<Reply> =>
    new Promise((done, fail) => {
      const headers = { host, "x-sni": servername };
      get({ host: "127.0.0.1", port: listenPort, path: "/", headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", fail);
        response.on("end", () => {
          const { statusCode: status = 0, headers: got } = response;
          done({ status, headers: got, body: Buffer.concat(chunks).toString() });
        });
      }).on("error", fail);
    });

  await eventually("the HTTP/3 client listens", () =>
    send({ servername: "x" }).then(
      () => true,
      () => false,
    ),
  );
  return {
    request: send,
    async stop() {
      end();
      await exited;
      process.off("exit", end);
      fs.rmSync(directory, { recursive: true, force: true });
    },
  };
}
