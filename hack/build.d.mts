import type { Metafile } from "esbuild";

/** `entry`: relative to the repository's root. */
export function bundle(outdir?: string, options?: { readonly entry?: string }): Promise<Metafile>;
