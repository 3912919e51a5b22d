/** See build.mjs. Rejects with an Error named `GoMissing` when Go is absent or too old. */
export function ensureHelm(options?: {
  log?: (line: string) => void;
}): Promise<{ readonly helm: string; readonly argoHealth: string }>;
