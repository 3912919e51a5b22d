import type { ControlPlaneMessage } from "./ipc.ts";

export type Readiness = { readonly ready: true } | { readonly ready: false; readonly reason: string };

/** Whether requests may be sent here, and if not, why. The supervisor has one for probes, and each control plane one for what it
 *  reports: while a control plane starts anew the first stays ready, since Envoy has its configuration. */
export interface ReadinessState {
  now(): Readiness;
  /** What the first complete configuration waits for. */
  waitingFor(reason: string): void;
  envoyStarted(pid: number): void;
  envoyEnded(how: string): void;
  /** From now on, for good. */
  drain(): void;
  /** Envoy has acknowledged all of a configuration. @returns whether that makes it ready */
  acknowledged(): boolean;
}

export interface ReadinessOptions {
  /** false: a shadow, to which a Service must send no request. */
  readonly serves: boolean;
  /** Passes on what the supervisor has to know. */
  readonly tell?: (message: ControlPlaneMessage) => void;
}

export function createReadiness({ serves, tell }: ReadinessOptions): ReadinessState {
  let isDraining = false;
  let isReady = false;
  let reason = "the configuration has not been read yet";
  /** Of an Envoy that served before. */
  let envoyReason: string | undefined;
  let envoyPid: number | undefined;
  let toldPid: number | undefined;
  return {
    now() {
      if (isDraining) return { ready: false, reason: "the gateway is about to stop" };
      if (!serves) return { ready: false, reason: "this is a shadow, which serves nothing" };
      return isReady ? { ready: true } : { ready: false, reason: envoyReason ?? reason };
    },
    waitingFor(why) {
      if (why !== reason) tell?.({ type: "waiting", reason: why });
      reason = why;
    },
    envoyStarted(pid) {
      envoyPid = pid;
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
      // By PID, not as news: what an Envoy said at its end may arrive after it was told to have ended.
      if (envoyPid !== undefined && envoyPid !== toldPid) tell?.({ type: "ready", envoyPid });
      toldPid = envoyPid;
      return isNews;
    },
  };
}
