import type { ModuleConfig } from "../../crds/module-config.ts";
import { memoByKey, memoForever } from "../../ir/memo.ts";
import type { GrpcAccessLog, Telemetry } from "../../ir/telemetry.ts";
import type { ConnectionManager } from "../../ir/types.ts";
import { accessLogsOf, datadogFields } from "./access-log.ts";
import { connectionManagerOf } from "./connection-manager.ts";

/**
 * The connection manager that the Module asks for, with what is told to others. The same object for the same Module and
 * telemetry. A tcp log stands in it too, as in Emissary: an entry for each request, with what its connection has to say.
 */
export const observed = memoByKey((module: ModuleConfig, [given]: readonly unknown[]): ConnectionManager => {
  const { logs, tracing } = given as Telemetry;
  const plain = connectionManagerOf(module);
  if (logs.length === 0 && tracing === undefined) return plain;
  const isDatadog = tracing?.provider.kind === "datadog";
  const files = isDatadog ? accessLogsOf(module, datadogFields) : plain.accessLogs;
  return { ...plain, accessLogs: [...logs, ...files], ...(tracing === undefined ? {} : { tracing }) };
});

/** Of connections only tcp logs have something to say. */
export const connectionLogsOf = memoForever(({ logs }: Telemetry): readonly GrpcAccessLog[] =>
  logs.filter(({ entries }) => entries === "tcp"),
);
