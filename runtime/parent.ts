import { parseSupervisorMessage } from "./ipc.ts";
import type { ControlPlaneMessage, SupervisorMessage } from "./ipc.ts";

/** The part of `process` that a child with an IPC channel has. */
export interface ParentChannel {
  readonly connected: boolean;
  readonly send?: ((message: unknown, callback: (error: Error | null) => void) => boolean) | undefined;
  on(event: "message", listener: (message: unknown) => void): unknown;
  on(event: "disconnect", listener: () => void): unknown;
}

export interface Parent {
  /** Resolves when the message has left this process, or cannot: a supervisor that is gone is told by `onGone`, not here. */
  send(message: ControlPlaneMessage): Promise<void>;
}

export interface ParentOptions {
  /** `process`, in the control plane. */
  readonly channel: ParentChannel;
  readonly onMessage: (message: SupervisorMessage) => void;
  /** The supervisor has ended, however it did: the control plane must exit, or it would outlive what owns it. Called once. */
  readonly onGone: () => void;
}

/** The control plane's end of the IPC channel; undefined when this process was not started by a supervisor. */
export function connectParent({ channel, onMessage, onGone }: ParentOptions): Parent | undefined {
  const send = channel.send?.bind(channel);
  if (send === undefined) return undefined;
  let gone = false;
  const leave = () => {
    if (gone) return;
    gone = true;
    onGone();
  };
  channel.on("message", (value) => {
    const message = parseSupervisorMessage(value);
    // After what else has arrived: what an Envoy acknowledged before its end is not to be taken for the next one's.
    if (message !== undefined) setImmediate(() => onMessage(message));
  });
  channel.on("disconnect", leave);
  // The supervisor may have died while this process was loading: then there is no event to come.
  if (!channel.connected) queueMicrotask(leave);
  return {
    send: (message) =>
      new Promise((resolve) => {
        if (!channel.connected) return resolve();
        send(message, () => resolve());
      }),
  };
}
