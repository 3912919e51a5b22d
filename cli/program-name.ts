import path from "node:path";
import type { Command } from "commander";

/** As kubectl finds its plugins. Source: kubernetes.io, "Extend kubectl with plugins". */
const PLUGIN = "kubectl-nuncio";

/** What people type to start us. @param script the path of `process.argv[1]` */
export function programName(script: string | undefined): string {
  return path.basename(script ?? "", ".js") === PLUGIN ? "kubectl nuncio" : "nuncio";
}

/** Has examples in help texts say the name that is typed. */
export function withOwnName(program: Command): Command {
  const name = program.name();
  if (name === "nuncio") return program;
  const named = (text: string) => text.replace(/(^ +|\| |<\()nuncio (?=[a-z-])/gm, `$1${name} `);
  return program.configureOutput({ writeOut: (text) => void process.stdout.write(named(text)) });
}
