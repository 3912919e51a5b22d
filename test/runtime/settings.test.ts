import { describe, expect, it } from "@jest/globals";
import { formatSettingProblem, ownServiceOf, readSettings } from "../../runtime/settings.ts";
import type { Environment, RunFlags } from "../../runtime/settings.ts";

function problemsOf(flags: RunFlags, env: Environment): readonly string[] {
  return readSettings(flags, env).problems.map(formatSettingProblem);
}

describe("settings", () => {
  it("have Emissary's defaults in a cluster", () => {
    const { settings, problems } = readSettings({}, { HOSTNAME: "pod-1" });
    expect(problems).toEqual([]);
    expect(settings).toEqual({
      mode: { kind: "cluster" },
      ambassadorId: "default",
      namespace: "default",
      singleNamespace: false,
      nodeId: "pod-1",
      envoyPath: undefined,
      envoyConcurrency: undefined,
      maxHeapMiB: undefined,
      maxConnections: undefined,
      envoyLogLevel: "warning",
      envoyBindAddress: "0.0.0.0",
      stats: "default",
      routeMatching: "auto",
      secretsSingleNamespace: false,
      service: undefined,
      looseLabelSelectors: false,
      statsd: undefined,
      labelSelector: undefined,
      fieldSelector: undefined,
      drainTimeMs: 600_000,
      drainDelayMs: 5000,
      knative: false,
      updateStatus: true,
      consul: {
        address: undefined,
        tls: false,
        verify: true,
        serverName: undefined,
        caFile: undefined,
        certificateFile: undefined,
        keyFile: undefined,
        token: undefined,
        tokenFile: undefined,
        basicAuth: undefined,
        namespace: undefined,
        partition: undefined,
      },
      istioSecretDir: undefined,
      adminAddress: "0.0.0.0",
      adminPort: 8877,
      runDirBase: undefined,
      logLevel: "info",
      jsonLogging: false,
    });
  });

  it("keep to this machine, and stop at once, when standalone", () => {
    const { settings } = readSettings({ config: "conf" }, {});
    expect(settings).toMatchObject({
      mode: { kind: "standalone", configPath: "conf" },
      adminAddress: "127.0.0.1",
      drainDelayMs: 0,
    });
  });

  it("take the namespace from the variable, then from the service account, then the default", () => {
    expect(readSettings({}, { AMBASSADOR_NAMESPACE: "a" }, "b\n").settings.namespace).toBe("a");
    expect(readSettings({}, {}, "b\n").settings.namespace).toBe("b");
    expect(readSettings({}, { AMBASSADOR_NAMESPACE: "" }, "\n").settings.namespace).toBe("default");
  });

  it("read a boolean as one: false is off, although Emissary takes any text for on", () => {
    const of = (value: string) => readSettings({}, { AMBASSADOR_SINGLE_NAMESPACE: value }).settings.singleNamespace;
    expect(["true", "True", "1", "yes"].map(of)).toEqual([true, true, true, true]);
    expect(["false", "0", "no", ""].map(of)).toEqual([false, false, false, false]);
  });

  it("let a flag win over its variable", () => {
    const env = { AES_LOG_LEVEL: "debug", AMBASSADOR_HEALTHCHECK_BIND_PORT: "1" };
    const { settings } = readSettings({ logLevel: "warning", adminPort: "9000", drainDelay: "2.5", stats: "all" }, env);
    expect(settings).toMatchObject({ logLevel: "warn", adminPort: 9000, drainDelayMs: 2500, stats: "all" });
  });

  it("take what is set", () => {
    const env = {
      ENVOY_CONCURRENCY: "2",
      AMBASSADOR_DRAIN_TIME: "30",
      AMBASSADOR_ENVOY_BIND_ADDRESS: "::",
      AMBASSADOR_DEBUG: "diagd,envoy",
    };
    expect(readSettings({}, env).settings).toMatchObject({
      envoyConcurrency: 2,
      drainTimeMs: 30_000,
      envoyBindAddress: "::",
      envoyLogLevel: "trace",
    });
  });

  it("name the gateway's Service, in its own namespace unless another is written", () => {
    const of = (NUNCIO_SERVICE: string) =>
      readSettings({}, { NUNCIO_SERVICE, AMBASSADOR_NAMESPACE: "edge" }).settings.service;
    expect(["", "front", "web/front"].map(of)).toEqual([undefined, "edge/front", "web/front"]);
  });

  it("send statistics to statsd where that is enabled, with Emissary's defaults", () => {
    const of = (env: Environment) => readSettings({}, env).settings.statsd;
    expect(of({ STATSD_HOST: "here" })).toBeUndefined();
    const usual = { host: "statsd-sink", flushSeconds: 1, dogstatsd: false, entityId: undefined };
    expect(of({ STATSD_ENABLED: "true" })).toEqual(usual);
    const all = { STATSD_HOST: "10.0.0.1", STATSD_FLUSH_INTERVAL: "5", DOGSTATSD: "true", DD_ENTITY_ID: "uid" };
    expect(of({ STATSD_ENABLED: "true", ...all })).toEqual({
      ...{ host: "10.0.0.1", flushSeconds: 5, dogstatsd: true, entityId: "uid" },
    });
  });

  it("name a bad value, where it is and what to write, and go on with the default", () => {
    const env = {
      AMBASSADOR_SINGLE_NAMESPACE: "maybe",
      ENVOY_CONCURRENCY: "many",
      AMBASSADOR_DRAIN_TIME: "10m",
      AMBASSADOR_ENVOY_BIND_ADDRESS: "eth0",
      AES_LOG_LEVEL: "loud",
      AMBASSADOR_ID: "a b",
    };
    expect(problemsOf({ adminPort: "0", stats: "some", drainDelay: "-1" }, env)).toEqual([
      'AMBASSADOR_ID="a b": write a name without spaces',
      'AMBASSADOR_SINGLE_NAMESPACE="maybe": write true or false',
      'ENVOY_CONCURRENCY="many": write a whole number from 1 to 1024',
      'AMBASSADOR_ENVOY_BIND_ADDRESS="eth0": write an IP address of this machine, or "0.0.0.0" for all of them',
      '--stats="some": write one of default, all',
      'AMBASSADOR_DRAIN_TIME="10m": write a whole number of seconds from 0 to 86400',
      '--drain-delay="-1": write a number of seconds from 0 to 3600',
      '--admin-port="0": write a whole number from 1 to 65535',
      'AES_LOG_LEVEL="loud": write one of error, warn, info, debug',
    ]);
    expect(readSettings({ adminPort: "0" }, env).settings).toMatchObject({
      adminPort: 8877,
      drainTimeMs: 600_000,
      logLevel: "info",
    });
  });

  it.each([
    ["0.0.0.0", "127.0.0.1:8877"],
    ["10.0.0.7", "10.0.0.7:8877"],
    ["::", "[::1]:8877"],
    ["fd00::7", "[fd00::7]:8877"],
  ])("let Envoy reach an admin port on %s as %s", (adminAddress, expected) => {
    expect(ownServiceOf({ adminAddress, adminPort: 8877 })).toBe(expected);
  });
});
