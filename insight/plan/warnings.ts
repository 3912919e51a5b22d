/** Findings as kubectl prints them beside its own answer. */
import type { Finding } from "./findings.ts";

const MOST = 5;
/** The API server cuts longer ones off when there are many. Source: Kubernetes, endpoints/filters/warning.go. */
const MOST_CHARACTERS = 256;

/** The gravest come first; what is left out is counted. */
export function warningsOf(findings: readonly Finding[]): readonly string[] {
  const told = findings.slice(0, MOST).map(({ message }) => shortened(message));
  const more = findings.length - told.length;
  return more === 0 ? told : [...told, `... and ${more} more effects; nuncio plan tells all of them`];
}

function shortened(text: string): string {
  const characters = [...text];
  return characters.length <= MOST_CHARACTERS ? text : `${characters.slice(0, MOST_CHARACTERS - 3).join("")}...`;
}
