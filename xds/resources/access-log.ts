import { pack } from "../../features/proto.ts";
import type { AccessLog } from "../generated/envoy/config/accesslog/v3/accesslog.ts";
import { StdoutAccessLog } from "../generated/envoy/extensions/access_loggers/stream/v3/stream.ts";

/** Emissary's text format, which its users' log pipelines parse. */
const FORMAT =
  'ACCESS [%START_TIME%] "%REQ(:METHOD)% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %PROTOCOL%" %RESPONSE_CODE% %RESPONSE_FLAGS% ' +
  '%BYTES_RECEIVED% %BYTES_SENT% %DURATION% %RESP(X-ENVOY-UPSTREAM-SERVICE-TIME)% "%REQ(X-FORWARDED-FOR)%" ' +
  '"%REQ(USER-AGENT)%" "%REQ(X-REQUEST-ID)%" "%REQ(:AUTHORITY)%" "%UPSTREAM_HOST%"\n';

export const accessLog: AccessLog = {
  name: "envoy.access_loggers.stdout",
  configType: {
    $case: "typedConfig",
    value: pack(StdoutAccessLog, {
      accessLogFormat: {
        $case: "logFormat",
        value: {
          format: { $case: "textFormatSource", value: { specifier: { $case: "inlineString", value: FORMAT } } },
        },
      },
    }),
  },
};
