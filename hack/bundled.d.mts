import type { Metafile } from "esbuild";

export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, as its package.json has it. */
  readonly license: string | undefined;
  readonly directory: string;
}

export function bundledPackages(metafile: Pick<Metafile, "outputs">, root: string): readonly BundledPackage[];
