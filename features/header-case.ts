import { pack } from "./proto.ts";
import type { HeaderCase } from "../ir/types.ts";
import type { Http1ProtocolOptions_HeaderKeyFormat as Format } from "../xds/generated/envoy/config/core/v3/protocol.ts";
import { PreserveCaseFormatterConfig } from "../xds/generated/envoy/extensions/http/header_formatters/preserve_case/v3/preserve_case.ts";
import { type Feature, nothing, settings } from "./feature.ts";

/** Envoy's formatter capitalises what follows anything but a letter or a digit: proper_case_words of http1/header_formatter.cc. */
function isProperCase(name: string): boolean {
  return (
    name ===
    name
      .toLowerCase()
      .replace(/(^|[^a-z0-9])([a-z])/g, (_, before: string, letter: string) => `${before}${letter.toUpperCase()}`)
  );
}

/**
 * How the names of header_case_overrides come out as they are written. Emissary's Envoy has a list of names for that, no
 * other has: names that are all Proper-Case are had by writing every name so, others by keeping what the sender wrote.
 */
export function headerCaseOf(names: readonly string[] | undefined): HeaderCase | undefined {
  if (names === undefined || names.length === 0) return undefined;
  return names.every(isProperCase) ? "proper" : "preserve";
}

export function headerKeyFormat(headerCase: HeaderCase): Format {
  if (headerCase === "proper") return { headerFormat: { $case: "properCaseWords", value: {} } };
  const typedConfig = pack(PreserveCaseFormatterConfig, {});
  return { headerFormat: { $case: "statefulFormatter", value: { name: "preserve_case", typedConfig } } };
}

/** The upstream's half of the Module's header_case_overrides; the clients' is the connection manager's. */
export const headerCase: Feature<Record<never, never>, HeaderCase> = {
  name: "headerCase",
  fields: {},

  fromMapping(_, { defaults }) {
    const wanted = defaults.proper_case === true ? undefined : headerCaseOf(defaults.header_case_overrides);
    return wanted === undefined ? nothing : settings(wanted);
  },

  protocol(value, options) {
    const { upstreamProtocolOptions: chosen } = options;
    if (chosen?.$case !== "explicitHttpConfig") return options;
    const { protocolConfig } = chosen.value;
    if (protocolConfig?.$case !== "httpProtocolOptions") return options;
    const http1 = { ...protocolConfig.value, headerKeyFormat: headerKeyFormat(value) };
    return {
      ...options,
      upstreamProtocolOptions: {
        $case: "explicitHttpConfig",
        value: { protocolConfig: { $case: "httpProtocolOptions", value: http1 } },
      },
    };
  },
};
