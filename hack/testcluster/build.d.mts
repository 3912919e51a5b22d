/** See build.mjs. Rejects with an Error named `GoMissing` when Go is absent or too old. */
export function ensureTestcluster(options?: { log?: (line: string) => void }): Promise<string>;
