/** What the supervisor and the control plane tell each other over the IPC channel. */

export type SupervisorMessage =
  /** Envoy runs under this PID; sent again to every control plane that starts. `restarts` counts since the supervisor started. */
  | { readonly type: "envoyStarted"; readonly pid: number; readonly restarts: number }
  /** Envoy has ended by itself, and how: it serves nobody until it runs again. Sent to a control plane that starts meanwhile, too. */
  | { readonly type: "envoyEnded"; readonly how: string }
  /** How often the control plane itself was restarted. */
  | { readonly type: "controlPlaneStarted"; readonly restarts: number }
  /** The gateway is about to stop: /readyz answers 503 from now on. */
  | { readonly type: "draining" };

export type ControlPlaneMessage =
  /** The Envoy with this PID has acknowledged all of a configuration, for the first time or again. */
  | { readonly type: "ready"; readonly envoyPid: number }
  /** What the first configuration waits for. */
  | { readonly type: "waiting"; readonly reason: string }
  /** Nothing that a restart could cure, such as a port held by another process: the supervisor stops everything with this code. */
  | { readonly type: "fatal"; readonly message: string; readonly exitCode: number };

/** Undefined for anything that is not one of our messages. */
export function parseSupervisorMessage(value: unknown): SupervisorMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { type, pid, restarts, how } = value;
  if (type === "draining") return { type };
  if (type === "envoyEnded" && typeof how === "string") return { type, how };
  if (type === "controlPlaneStarted" && typeof restarts === "number") return { type, restarts };
  if (type === "envoyStarted" && typeof pid === "number" && typeof restarts === "number")
    return { type, pid, restarts };
  return undefined;
}

/** Undefined for anything that is not one of our messages. */
export function parseControlPlaneMessage(value: unknown): ControlPlaneMessage | undefined {
  if (!isRecord(value)) return undefined;
  const { type, message, exitCode, envoyPid, reason } = value;
  if (type === "ready" && typeof envoyPid === "number") return { type, envoyPid };
  if (type === "waiting" && typeof reason === "string") return { type, reason };
  if (type === "fatal" && typeof message === "string" && typeof exitCode === "number")
    return { type, message, exitCode };
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
