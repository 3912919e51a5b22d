import fs from "node:fs";
import { runAdmission } from "../runtime/admission.ts";
import { type AdmissionFlags, type CertificateSettings, readAdmissionSettings } from "../runtime/admission/settings.ts";
import { systemClock } from "../runtime/clock.ts";
import { FatalError } from "../runtime/fatal.ts";
import { loadKubeConfig } from "../runtime/kubernetes.ts";
import { createLog } from "../runtime/log.ts";
import { formatSettingProblem } from "../runtime/settings.ts";
import { userPath, version } from "./assets.ts";
import { validatorIfThere } from "./verdict.ts";

const NAMESPACE_FILE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/** `nuncio admission`: the process that the API server asks before it stores an object. Resolves after SIGTERM or SIGINT. */
export async function admission(flags: AdmissionFlags): Promise<void> {
  const { env } = process;
  const namespace = fs.existsSync(NAMESPACE_FILE) ? fs.readFileSync(NAMESPACE_FILE, "utf8") : undefined;
  const { settings, problems } = readAdmissionSettings(flags, env, namespace);
  if (problems.length > 0) throw new FatalError(problems.map(formatSettingProblem).join("\n"), 2);
  const { logLevel: level, jsonLogging: json } = settings;
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      // A second one does not wait.
      if (stop.signal.aborted) process.exit(1);
      stop.abort();
    });
  }
  const log = createLog({ name: "nuncio", level, json, out: process.stderr, now: () => new Date() });
  await runAdmission({
    settings: { ...settings, certificates: resolved(settings.certificates, env) },
    kubeConfig: loadKubeConfig().kubeConfig,
    version,
    log,
    validator: validatorIfThere(env, log.child("verdict")),
    clock: systemClock,
    now: () => new Date(),
    env,
    signal: stop.signal,
  });
}

function resolved(certificates: CertificateSettings, env: NodeJS.ProcessEnv): CertificateSettings {
  if (certificates.kind === "own") return certificates;
  const { cert, key } = certificates.keyPair;
  return { kind: "files", keyPair: { cert: userPath(cert, env), key: userPath(key, env) } };
}
