import { createPrivateKey, X509Certificate } from "node:crypto";
import fs from "node:fs";
import { createSecureContext } from "node:tls";
import type { Clock } from "../clock.ts";
import { errorCode, errorText } from "../fatal.ts";
import type { Log } from "../log.ts";

/** What the HTTPS port is served with. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
  readonly serial: string;
  readonly expiresAt: Date;
}

export interface KeyPairFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate with its key. Throws an Error that says what is wrong and names the file; it never quotes one. */
export function readKeyPair(files: KeyPairFiles): KeyPair {
  const cert = read(files.cert);
  const key = read(files.key);
  const certificate = attempt(() => new X509Certificate(cert), `${files.cert} holds no certificate in PEM form`);
  const privateKey = attempt(() => createPrivateKey(key), `${files.key} holds no private key in PEM form`);
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error(`the key in ${files.key} is not that of the certificate in ${files.cert}`);
  attempt(() => createSecureContext({ cert, key }), `the certificate in ${files.cert} cannot be served`);
  return { cert, key, serial: certificate.serialNumber, expiresAt: new Date(certificate.validTo) };
}

function read(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    const reason = errorCode(error) === "ENOENT" ? "is not there" : `cannot be read (${errorText(error)})`;
    throw new Error(`the file ${file} ${reason}`);
  }
}

function attempt<T>(action: () => T, message: string): T {
  try {
    return action();
  } catch {
    throw new Error(message);
  }
}

export interface WatchKeyPairOptions {
  readonly files: KeyPairFiles;
  /** What is served now. */
  readonly current: KeyPair;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly signal: AbortSignal;
  readonly onChange: (pair: KeyPair) => void;
}

/**
 * Reads the files again and again: a Secret in a Pod is renewed by swapping a link, which file watches miss. A pair that
 * cannot be served (half of it is written already) is said once, and what is served stays.
 */
export function watchKeyPair({ files, current, everyMs, clock, log, signal, onChange }: WatchKeyPairOptions): void {
  let served = current;
  let said = "";
  const look = (): void => {
    if (signal.aborted) return;
    try {
      const now = readKeyPair(files);
      said = "";
      if (now.cert !== served.cert || now.key !== served.key) {
        served = now;
        onChange(now);
      }
    } catch (error) {
      const reason = errorText(error);
      if (reason !== said) log.warn(`the certificate that was read last stays in use: ${reason}`);
      said = reason;
    }
    cancel = clock.setTimer(everyMs, look);
  };
  let cancel = clock.setTimer(everyMs, look);
  signal.addEventListener("abort", () => cancel(), { once: true });
}
