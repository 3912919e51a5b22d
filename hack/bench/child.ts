/** A process of our own that is called like a function, so that its work and its garbage are not in anybody's figures but its own. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Scope } from "./session.ts";

type Method = (argument: never) => unknown;
export type Methods = Readonly<Record<string, Method>>;

interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}
type Reply = { readonly id: number } & ({ readonly value: unknown } | { readonly error: string });

export interface Child<M extends Methods> {
  readonly pid: number;
  call<Name extends keyof M & string>(
    method: Name,
    argument: Parameters<M[Name]>[0],
  ): Promise<Awaited<ReturnType<M[Name]>>>;
  stop(): Promise<void>;
}

export interface ChildOptions {
  /** Runs it on this CPU alone. */
  readonly cpu?: number | undefined;
  readonly nodeFlags?: readonly string[];
}

/** Starts a script of this folder that calls `serve`. */
export function startChild<M extends Methods>(scope: Scope, script: string, options: ChildOptions = {}): Child<M> {
  const file = fileURLToPath(new URL(script, import.meta.url));
  const pinned = options.cpu === undefined ? [] : ["-c", String(options.cpu), process.execPath];
  const child = fork(file, {
    execPath: pinned.length === 0 ? process.execPath : "taskset",
    execArgv: [...pinned, ...(options.nodeFlags ?? []), "--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    // Out of the terminal's process group: Ctrl-C is the parent's to handle.
    detached: true,
    serialization: "json",
  });
  const waiting = new Map<number, (reply: Reply) => void>();
  let calls = 0;
  child.on("message", (message) => {
    const reply = message as Reply;
    waiting.get(reply.id)?.(reply);
    waiting.delete(reply.id);
  });
  const exited = new Promise<void>((done) => {
    child.once("error", () => done());
    child.once("exit", () => done());
  });
  void exited.then(() => {
    for (const [id, settle] of waiting) settle({ id, error: `${script} has ended` });
  });
  const stop = () => stopChild(child, exited);
  scope.defer(stop);
  return {
    pid: child.pid ?? 0,
    call: (method, argument) =>
      new Promise((resolve, reject) => {
        const id = ++calls;
        waiting.set(id, (reply) => {
          if ("error" in reply) reject(new Error(reply.error));
          else resolve(reply.value as never);
        });
        const call: Call = { id, method, argument };
        child.send(call, (error) => {
          if (error) reject(error);
        });
      }),
    stop,
  };
}

/** A child ends with its channel; one that does not is killed. */
async function stopChild(child: ChildProcess, exited: Promise<void>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  if (child.connected) child.disconnect();
  const late = setTimeout(() => child.kill("SIGKILL"), 5000);
  await exited;
  clearTimeout(late);
}

/** In the child: answers calls until the parent is gone, then tidies up and ends. */
export function serve(methods: Methods, onEnd: () => unknown = () => undefined): void {
  process.on("message", (message) => {
    const { id, method, argument } = message as Call;
    const run = async () => (methods[method] as (argument: unknown) => unknown)(argument);
    const reply = (answer: Reply) => {
      if (process.connected) process.send?.(answer, () => undefined);
    };
    run().then(
      (value) => reply({ id, value: value ?? null }),
      (error: unknown) => reply({ id, error: error instanceof Error ? (error.stack ?? "") : String(error) }),
    );
  });
  process.on("disconnect", () => {
    void Promise.resolve(onEnd()).finally(() => process.exit(0));
  });
}
