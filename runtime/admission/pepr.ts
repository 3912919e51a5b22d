/** The only door to Pepr: everything else learns of it by types alone, and the gateway never loads it. */
import { FAILED, type Hooks } from "../../capabilities/hooks.ts";
import type { AdmissionRequest, Answer } from "./review.ts";

/** Undefined: no verdict, for the reason that was passed to `onFailure`. */
export type Validate = (request: AdmissionRequest) => Promise<Answer | undefined>;

/**
 * Loads Pepr and the capabilities, and runs their validate callbacks.
 * @param env where Pepr looks at import: the process's environment
 */
export async function loadCapabilities(
  hooks: Pick<Hooks, "judge">,
  env: NodeJS.ProcessEnv,
  onFailure: (reason: string) => void,
): Promise<Validate> {
  prepare(env);
  const { capabilities, PeprValidateRequest } = await import("../../capabilities/index.ts");
  // Objects are followed by our own informers.
  const unfollowed = { put: () => undefined, remove: () => undefined };
  const bindings = capabilities({ ...hooks, ...unfollowed }).flatMap((capability) => capability.bindings);

  return async (request) => {
    // Rules name no subresource; a status has nothing to judge.
    if (request.subResource !== undefined && request.subResource !== "") return { allowed: true };
    const { group, version, kind } = request.kind;
    const warnings: string[] = [];
    for (const { validateCallback, event, kind: of } of bindings) {
      if (validateCallback === undefined || of.kind !== kind || of.group !== group || of.version !== version) continue;
      if (!concerns(event, request.operation)) continue;
      const response = await validateCallback(new PeprValidateRequest(request));
      if (response.statusCode === FAILED) {
        onFailure(response.statusMessage ?? "for a reason unknown");
        return undefined;
      }
      if (!response.allowed) return { ...response, code: response.statusCode, message: response.statusMessage };
      warnings.push(...(response.warnings ?? []));
    }
    return { allowed: true, warnings };
  };
}

/** Undefined: an object that no capability rewrites. */
export type Mutate = (request: AdmissionRequest) => Promise<Readonly<Record<string, unknown>> | undefined>;

/** Loads Pepr and the capabilities, and runs their mutate callbacks: what comes back is the object as it is to be stored. */
export async function loadMutations(env: NodeJS.ProcessEnv): Promise<Mutate> {
  prepare(env);
  const { capabilities, PeprMutateRequest } = await import("../../capabilities/index.ts");
  const hooks = { judge: () => Promise.reject(new Error("not asked")), put: () => undefined, remove: () => undefined };
  const bindings = capabilities({ ...hooks, rewrites: true }).flatMap((capability) => capability.bindings);

  return async (request) => {
    const { group, version, kind } = request.kind;
    const isStatus = request.subResource !== undefined && request.subResource !== "";
    const concerned = bindings.filter(
      ({ mutateCallback, event, kind: of }) =>
        mutateCallback !== undefined &&
        of.kind === kind &&
        of.group === group &&
        of.version === version &&
        concerns(event, request.operation),
    );
    if (isStatus || concerned.length === 0) return undefined;
    const change = new PeprMutateRequest(request);
    for (const { mutateCallback } of concerned) await mutateCallback?.(change);
    return change.Raw as Readonly<Record<string, unknown>>;
  };
}

/** Pepr reads these once, when it is imported. */
function prepare(env: NodeJS.ProcessEnv): void {
  delete env["PEPR_MODE"]; // neither build nor dev: admission bindings alone are kept
  env["PEPR_WATCH_MODE"] = "false";
  env["LOG_LEVEL"] = "silent"; // its own log, JSON on standard output
  env["PEPR_PRETTY_LOGS"] = "false"; // a worker thread, whose file is not in the bundle
  env["PEPR_NODE_WARNINGS"] = "true"; // or it removes whoever listens to Node's warnings
}

/** Pepr's event, against the API server's operation. */
function concerns(event: string, operation: string): boolean {
  if (event === "CREATEORUPDATE") return operation === "CREATE" || operation === "UPDATE";
  return event === "*" || event === operation;
}
