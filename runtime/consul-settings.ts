import { Redacted } from "../ir/redacted.ts";
import type { Environment } from "./settings.ts";

/** What Consul's own client reads from its environment, under the same names. Source: Consul, api.DefaultConfig. */
export interface ConsulSettings {
  /** Where a resolver without address asks. */
  readonly address: string | undefined;
  /** TLS where the address does not say. */
  readonly tls: boolean;
  readonly verify: boolean;
  readonly serverName: string | undefined;
  readonly caFile: string | undefined;
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly token: Redacted | undefined;
  /** Wins over the token; read for every query, so that it may be rotated. */
  readonly tokenFile: string | undefined;
  /** `user:password` */
  readonly basicAuth: Redacted | undefined;
  readonly namespace: string | undefined;
  readonly partition: string | undefined;
}

/** @param boolean reads a variable that is true or false, with its default */
export function consulSettings(
  env: Environment,
  boolean: (name: string, fallback: boolean) => boolean,
): ConsulSettings {
  const text = (name: string): string | undefined => {
    const value = env[name]?.trim();
    return value === "" ? undefined : value;
  };
  const secret = (name: string): Redacted | undefined => {
    const value = text(name);
    return value === undefined ? undefined : new Redacted(Buffer.from(value));
  };
  return {
    address: text("CONSUL_HTTP_ADDR"),
    tls: boolean("CONSUL_HTTP_SSL", false),
    verify: boolean("CONSUL_HTTP_SSL_VERIFY", true),
    serverName: text("CONSUL_TLS_SERVER_NAME"),
    caFile: text("CONSUL_CACERT"),
    certificateFile: text("CONSUL_CLIENT_CERT"),
    keyFile: text("CONSUL_CLIENT_KEY"),
    token: secret("CONSUL_HTTP_TOKEN"),
    tokenFile: text("CONSUL_HTTP_TOKEN_FILE"),
    basicAuth: secret("CONSUL_HTTP_AUTH"),
    namespace: text("CONSUL_NAMESPACE"),
    partition: text("CONSUL_PARTITION"),
  };
}
