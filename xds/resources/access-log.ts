import { duration, pack } from "../../features/proto.ts";
import { assertNever } from "../../ir/assert.ts";
import type { GrpcAccessLog } from "../../ir/telemetry.ts";
import type { AccessLog as IrAccessLog, AccessLogFormat, FileAccessLog as IrFileAccessLog } from "../../ir/types.ts";
import type { AccessLog } from "../generated/envoy/config/accesslog/v3/accesslog.ts";
import { ApiVersion } from "../generated/envoy/config/core/v3/config_source.ts";
import type { SubstitutionFormatString } from "../generated/envoy/config/core/v3/substitution_format_string.ts";
import { FileAccessLog } from "../generated/envoy/extensions/access_loggers/file/v3/file.ts";
import {
  type CommonGrpcAccessLogConfig,
  HttpGrpcAccessLogConfig,
  TcpGrpcAccessLogConfig,
} from "../generated/envoy/extensions/access_loggers/grpc/v3/als.ts";
import { StdoutAccessLog } from "../generated/envoy/extensions/access_loggers/stream/v3/stream.ts";
import { grpcService } from "./grpc-service.ts";

function formatString(format: AccessLogFormat): SubstitutionFormatString {
  if (format.kind === "json") return { format: { $case: "jsonFormat", value: format.fields } };
  return {
    format: {
      $case: "textFormatSource",
      value: { specifier: { $case: "inlineString", value: `${format.text}\n` } },
    },
  };
}

function fileLog({ path, format }: IrFileAccessLog): AccessLog {
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

function grpcLog(log: GrpcAccessLog): AccessLog {
  const commonConfig: CommonGrpcAccessLogConfig = {
    logName: log.logName,
    grpcService: grpcService(log),
    transportApiVersion: ApiVersion.V3,
    bufferFlushInterval: duration(log.flushIntervalMs),
    bufferSizeBytes: log.flushBytes,
  };
  if (log.entries === "tcp") {
    return {
      name: "envoy.access_loggers.tcp_grpc",
      configType: { $case: "typedConfig", value: pack(TcpGrpcAccessLogConfig, { commonConfig }) },
    };
  }
  const http: HttpGrpcAccessLogConfig = {
    commonConfig,
    additionalRequestHeadersToLog: [...log.requestHeaders],
    additionalResponseHeadersToLog: [...log.responseHeaders],
    additionalResponseTrailersToLog: [...log.responseTrailers],
  };
  return {
    name: "envoy.access_loggers.http_grpc",
    configType: { $case: "typedConfig", value: pack(HttpGrpcAccessLogConfig, http) },
  };
}

function accessLog(log: IrAccessLog): AccessLog {
  switch (log.kind) {
    case "file":
      return fileLog(log);
    case "grpc":
      return grpcLog(log);
    default:
      return assertNever(log);
  }
}

/** One logger of Envoy's for each log of the IR. */
export function accessLogs(logs: readonly IrAccessLog[]): AccessLog[] {
  return logs.map(accessLog);
}
