import { type Feature, type FieldProblem, ignored, nothing } from "./feature.ts";
import { DURATION_ADVICE, durationMs } from "./duration.ts";
import { text } from "./fields.ts";
import { duration } from "./proto.ts";

export const outlierDetectionFields = {
  // A text, because the CRD of Emissary, which never read it, has one: both CRDs take the same manifests.
  outlier_detection: text(
    "Leaves Pods out that fail requests: on, or settings such as `consecutive_5xx: 5, interval: 10s, base_ejection_time: 30s, max_ejection_percent: 50`. Needs a resolver that yields endpoints. Default: off.",
  ),
};

const counts = ["consecutive_5xx", "consecutive_gateway_failure", "consecutive_local_origin_failure"] as const;
const durations = ["interval", "base_ejection_time", "max_ejection_time"] as const;
const percents = ["max_ejection_percent"] as const;
const names: readonly string[] = [...counts, ...durations, ...percents];

/** By name: numbers and percents as they are, durations in ms. */
export type OutlierDetectionSettings = Readonly<
  Partial<Record<(typeof counts)[number] | (typeof durations)[number] | (typeof percents)[number], number>>
>;

const at = ["outlier_detection"] as const;

/** Default values are Envoy's: 5 errors with status 5xx in a row, counted every 10 s, 30 s left out. */
const words: ReadonlyMap<string, "on" | "off"> = new Map([
  ["on", "on"],
  ["true", "on"],
  ["default", "on"],
  ["off", "off"],
  ["false", "off"],
  ["", "off"],
]);

function valueOf(name: string, written: string): number | FieldProblem {
  const shown = JSON.stringify(written);
  if (durations.some((each) => each === name)) {
    const ms = durationMs(written);
    if (ms !== undefined && ms >= 1) return ms;
    return ignored(at, `${name}: ${shown} is not a duration of a millisecond or more`, DURATION_ADVICE);
  }
  const highest = percents.some((each) => each === name) ? 100 : 4_294_967_295;
  const number = /^\d{1,10}$/.test(written) ? Number(written) : -1;
  if (number >= 1 && number <= highest) return number;
  return ignored(at, `${name}: ${shown} is not a number from 1 to ${highest}`, `write ${name}: 5, for example`);
}

function settingsOf(written: string): { value: OutlierDetectionSettings; problems: FieldProblem[] } {
  const value: Record<string, number> = {};
  const problems: FieldProblem[] = [];
  // YAML's flow form with and without braces, and its block form.
  const inner = written.trim().replace(/^\{([\s\S]*)\}$/, "$1");
  for (const pair of inner.split(/[,\n]/).map((each) => each.trim())) {
    if (pair === "") continue;
    const [, name = "", amount = ""] = /^"?(\w+)"?\s*[:=]\s*"?([^"]*?)"?$/.exec(pair) ?? [];
    if (!names.includes(name)) {
      problems.push(
        ignored(at, `${JSON.stringify(pair)} is no setting of it`, `write name: value, with ${names.join(", ")}`),
      );
      continue;
    }
    const read = valueOf(name, amount);
    if (typeof read === "number") value[name] = read;
    else problems.push(read);
  }
  return { value, problems };
}

/** Passive health checks, which Emissary's field was meant for and never did. */
export const outlierDetection: Feature<typeof outlierDetectionFields, OutlierDetectionSettings> = {
  name: "outlier-detection",
  fields: outlierDetectionFields,

  fromMapping({ outlier_detection: written }, { upstream }) {
    if (written === undefined || upstream === undefined) return nothing;
    const word = words.get(written.trim().toLowerCase());
    if (word === "off") return nothing;
    const { value, problems } = word === "on" ? { value: {}, problems: [] } : settingsOf(written);
    if (upstream.endpoints === "service" || upstream.endpoints === "address") {
      const message = "the target is one address and not the Pods of a Service, so that none can be left out";
      return {
        value: undefined,
        problems: [...problems, ignored(at, message, "add resolver: endpoint, or remove it")],
      };
    }
    // A warning and no error: Emissary routes such a Mapping all the same.
    return { value: problems.length === 0 ? value : undefined, problems };
  },

  cluster(settings, cluster) {
    const { consecutive_gateway_failure: gateway, consecutive_local_origin_failure: local } = settings;
    const ms = (name: (typeof durations)[number]) => {
      const value = settings[name];
      return value === undefined ? undefined : duration(value);
    };
    return {
      ...cluster,
      outlierDetection: {
        consecutive5xx: settings.consecutive_5xx,
        interval: ms("interval"),
        baseEjectionTime: ms("base_ejection_time"),
        maxEjectionTime: ms("max_ejection_time"),
        maxEjectionPercent: settings.max_ejection_percent,
        // Ten percent of fewer than ten Pods would be none.
        ...(settings.max_ejection_percent === undefined ? { alwaysEjectOneHost: true } : {}),
        // Envoy counts both and acts on neither unless told to.
        ...(gateway === undefined
          ? {}
          : { consecutiveGatewayFailure: gateway, enforcingConsecutiveGatewayFailure: 100 }),
        ...(local === undefined ? {} : { consecutiveLocalOriginFailure: local, splitExternalLocalOriginErrors: true }),
      },
    };
  },
};
