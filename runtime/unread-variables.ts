import type { Log } from "./log.ts";
import type { Environment } from "./settings.ts";

/** Variables of Emissary's that ask for something which does not happen, with what to do instead. Those that merely tune it are not named. */
const unread: Readonly<Record<string, string>> = {
  AMBASSADOR_CONFIG_DIR: "apply the manifests to the cluster, or serve a directory with --config",
  AMBASSADOR_DISABLE_ENDPOINTS: "leave endpoint resolvers out of the Mappings",
  AMBASSADOR_HEALTHCHECK_IP_FAMILY:
    "set AMBASSADOR_HEALTHCHECK_BIND_ADDRESS to an address of that family, for example ::",
  AMBASSADOR_READY_PORT: "ask /readyz on the admin port",
};

/** Says at start what somebody has set in vain. */
export function sayUnread(env: Environment, log: Log): void {
  for (const [name, advice] of Object.entries(unread)) {
    const value = env[name]?.trim() ?? "";
    if (value !== "" && !/^(false|0|no|off|any)$/i.test(value)) log.warn(`${name} is not read: ${advice}`);
  }
}
