import fs from "node:fs";
import path from "node:path";
import { parseResource } from "../crds/parse.ts";
import type { Resources, SecretResource } from "../crds/resources.ts";
import { withResource } from "../compile/store.ts";
import { memoLast } from "../ir/memo.ts";
import { authorityOf, certificateOf } from "../sources/getambassador/certificate.ts";
import type { Clock } from "./clock.ts";
import { DirectoryWatchers } from "./directory-watchers.ts";
import { errorCode, errorText } from "./fatal.ts";
import type { Log } from "./log.ts";

export interface IstioCertificatesOptions {
  /** Where Istio's agent writes key.pem, cert-chain.pem and root-cert.pem. */
  readonly directory: string;
  /** The gateway's own namespace. */
  readonly namespace: string;
  readonly log: Log;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Another certificate. */
  readonly onChange: () => void;
}

export interface IstioCertificates {
  /** The resources with the certificate as a Secret; the same object while they and it are the same. */
  over(resources: Resources): Resources;
}

/** Source: Emissary's cmd/entrypoint/istio_cert_source.go. */
const SECRET_NAME = "istio-certs";
/** Writers are let finish; what is looked at is judged as a whole anyway. */
const SETTLE_MS = 20;
/** For what the system's events do not tell, and for a directory that is not there yet. */
const RESCAN_MS = 10_000;
const IMPATIENT_MS = 500;
/** A key and a certificate that do not belong together for so long are no rotation in progress. */
const TOLERATED_MS = 5000;

type Reading = { readonly secret: SecretResource; readonly text: string } | { readonly why: string };

/** The certificate that Istio's agent keeps in a directory, as the Secret `istio-certs`: TLSContexts name it, and a rotation goes to
 *  Envoy by SDS. A pair that is being written is waited for, and until then, or when it vanishes, the one before stays. */
export function watchIstioCertificates(options: IstioCertificatesOptions): IstioCertificates {
  const { directory, namespace, log, clock, signal, onChange } = options;
  let current: { readonly secret: SecretResource; readonly text: string } | undefined;
  let unusableSinceMs: number | undefined;
  let told: string | undefined;
  let planned: { readonly dueMs: number; readonly cancel: () => void } | undefined;

  const plan = (delayMs: number): void => {
    const dueMs = clock.now() + delayMs;
    if (signal.aborted || (planned !== undefined && planned.dueMs <= dueMs)) return;
    planned?.cancel();
    planned = { dueMs, cancel: clock.setTimer(delayMs, check) };
  };
  const watchers = new DirectoryWatchers({
    onEvent: () => plan(SETTLE_MS),
    onFailure: (_, reason) =>
      log.warn("Istio's certificates cannot be watched; they are looked at from time to time", { directory, reason }),
  });

  const note = (why: string): void => {
    unusableSinceMs ??= clock.now();
    if (told === why || clock.now() - unusableSinceMs < TOLERATED_MS) return;
    told = why;
    const meanwhile = current === undefined ? "there is no Secret istio-certs yet" : "the certificate before stays";
    log.warn(`Istio's certificate cannot be used: ${why}; ${meanwhile}`, { directory });
  };

  function check(): void {
    planned = undefined;
    if (signal.aborted) return;
    watchers.watch(directory);
    const reading = read(directory, namespace);
    if ("why" in reading) {
      note(reading.why);
      plan(IMPATIENT_MS);
      return;
    }
    unusableSinceMs = undefined;
    told = undefined;
    plan(RESCAN_MS);
    if (reading.text === current?.text) return;
    log.info(
      current === undefined
        ? "Istio's certificate is used as the Secret istio-certs"
        : "Istio has rotated the certificate",
      {
        directory,
      },
    );
    current = reading;
    onChange();
  }

  signal.addEventListener(
    "abort",
    () => {
      planned?.cancel();
      watchers.close();
    },
    { once: true },
  );
  check();
  // It wins over a Secret of that name in the cluster, as in Emissary.
  const over = memoLast((resources: Resources, secret: SecretResource) => withResource(resources, secret));
  return { over: (resources) => (current === undefined ? resources : over(resources, current.secret)) };
}

function read(directory: string, namespace: string): Reading {
  const texts: Record<string, string> = {};
  for (const name of ["key.pem", "cert-chain.pem", "root-cert.pem"]) {
    try {
      texts[name] = fs.readFileSync(path.join(directory, name), "utf8");
    } catch (error) {
      if (errorCode(error) !== "ENOENT") return { why: `${name} cannot be read (${errorText(error)})` };
      if (name !== "root-cert.pem") return { why: `there is no ${name}` };
    }
  }
  for (const [name, text] of Object.entries(texts)) {
    if (!/-----END [A-Z0-9 ]+-----\s*$/.test(text)) return { why: `${name} is not complete` };
  }
  const { resource } = parseResource({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: SECRET_NAME, namespace },
    type: "istio.io/key-and-cert",
    stringData: texts,
  });
  if (resource?.kind !== "Secret") throw new Error("a Secret of our own cannot be read");
  const certificate = certificateOf(resource);
  if (!certificate.ok) return { why: `the directory ${certificate.message}` };
  if (texts["root-cert.pem"] !== undefined) {
    const authority = authorityOf(resource);
    if (!authority.ok) return { why: "root-cert.pem is not a certificate" };
  }
  return { secret: resource, text: JSON.stringify(texts) };
}
