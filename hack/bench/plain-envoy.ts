/** Envoy without Nuncio: the configuration that `nuncio translate` prints, in a file. */
import { spawn } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { createCompiler } from "../../compile/compile.ts";
import { endpointDiscovery } from "../../discovery/endpoints.ts";
import { envoyRegistry } from "../../xds/static/registry.ts";
import { staticForm } from "../../xds/static/static-form.ts";
import { descriptorsFile, envoyPath } from "../paths.mjs";
import type { Form } from "./forms.ts";
import type { Manifest } from "./objects.ts";
import { compileSettings, storeOf } from "./resources.ts";
import type { Scope } from "./session.ts";

/** Starts it on the port that the manifests' Listener names. Its access log goes to standard output, and from there nowhere. @returns its PID */
export function startPlainEnvoy(
  scope: Scope,
  {
    manifests,
    form,
    directory,
  }: { readonly manifests: readonly Manifest[]; readonly form: Form; readonly directory: string },
): number {
  const resources = storeOf(manifests).resources();
  const compiled = createCompiler()(resources, compileSettings(form));
  const snapshot = { ...compiled.snapshot, endpoint: endpointDiscovery()(compiled.endpoints, resources) };
  const registry = envoyRegistry(fs.readFileSync(descriptorsFile));
  const file = path.join(directory, "plain.json");
  fs.writeFileSync(file, JSON.stringify(staticForm(snapshot, { registry, throwAway: undefined })));
  const flags = ["-c", file, "--concurrency", "1", "--disable-hot-restart", "-l", "error"];
  const child = spawn(envoyPath, flags, { stdio: "ignore", detached: true });
  scope.defer(() => child.kill("SIGKILL"));
  return child.pid ?? 0;
}
