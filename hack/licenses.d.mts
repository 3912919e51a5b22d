import type { BundledPackage } from "./bundled.mjs";

/** `legalFiles`: what esbuild writes as `*.LEGAL.txt`. */
export function licensesText(packages: readonly BundledPackage[], legalFiles?: readonly string[]): string;
