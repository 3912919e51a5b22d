/** See build.mjs. Rejects with an Error named `GoMissing` when Go is absent or too old. */
export function ensureCertManager(options?: {
  log?: (line: string) => void;
}): Promise<{ readonly program: string; readonly crds: string }>;
