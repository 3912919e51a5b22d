import type { Readiness } from "./admin-server.ts";

/** Whether requests may be sent here, and if not, why. */
export interface ReadinessState {
  now(): Readiness;
  /** What the first complete configuration waits for. */
  waitingFor(reason: string): void;
  envoyStarted(): void;
  envoyEnded(how: string): void;
  /** From now on, for good. */
  drain(): void;
  /** Envoy has acknowledged all of a configuration. @returns whether that makes it ready */
  acknowledged(): boolean;
}

/** @param serves false: a shadow, to which a Service must send no request */
export function createReadiness(serves: boolean): ReadinessState {
  let isDraining = false;
  let isReady = false;
  let reason = "the configuration has not been read yet";
  /** Of an Envoy that served before. */
  let envoyReason: string | undefined;
  return {
    now() {
      if (isDraining) return { ready: false, reason: "the gateway is about to stop" };
      if (!serves) return { ready: false, reason: "this is a shadow, which serves nothing" };
      return isReady ? { ready: true } : { ready: false, reason: envoyReason ?? reason };
    },
    waitingFor: (why) => (reason = why),
    envoyStarted() {
      if (envoyReason !== undefined)
        envoyReason = "Envoy has started again and has not acknowledged its configuration yet";
    },
    envoyEnded(how) {
      isReady = false;
      envoyReason = `Envoy ${how} and is being started again`;
    },
    drain: () => (isDraining = true),
    acknowledged() {
      const isNews = !isReady;
      isReady = true;
      envoyReason = undefined;
      return isNews;
    },
  };
}
