import { pack } from "../../features/proto.ts";
import type { AccessLog as IrAccessLog, AccessLogFormat } from "../../ir/types.ts";
import type { AccessLog } from "../generated/envoy/config/accesslog/v3/accesslog.ts";
import type { SubstitutionFormatString } from "../generated/envoy/config/core/v3/substitution_format_string.ts";
import { FileAccessLog } from "../generated/envoy/extensions/access_loggers/file/v3/file.ts";
import { StdoutAccessLog } from "../generated/envoy/extensions/access_loggers/stream/v3/stream.ts";

function formatString(format: AccessLogFormat): SubstitutionFormatString {
  if (format.kind === "json") return { format: { $case: "jsonFormat", value: format.fields } };
  return {
    format: {
      $case: "textFormatSource",
      value: { specifier: { $case: "inlineString", value: `${format.text}\n` } },
    },
  };
}

function fileLog({ path, format }: IrAccessLog): AccessLog {
  const accessLogFormat = { $case: "logFormat", value: formatString(format) } as const;
  // Not /dev/fd/1 as a file: where the standard output is a socket it cannot be opened by name.
  if (path === undefined) {
    return {
      name: "envoy.access_loggers.stdout",
      configType: { $case: "typedConfig", value: pack(StdoutAccessLog, { accessLogFormat }) },
    };
  }
  return {
    name: "envoy.access_loggers.file",
    configType: { $case: "typedConfig", value: pack(FileAccessLog, { path, accessLogFormat }) },
  };
}

/** One logger of Envoy's for each log of the IR. */
export function accessLogs(logs: readonly IrAccessLog[]): AccessLog[] {
  return logs.map(fileLog);
}
