import fs from "node:fs";
import path from "node:path";
import type { Cluster } from "../../test/cluster/cluster.ts";
import { program } from "./process.ts";

export interface Shell {
  /** kubectl for this cluster alone, whatever KUBECONFIG says where it is called. */
  readonly kubectl: string;
  /** To be sourced: puts kubectl and nuncio on the PATH, and says where everything is. */
  readonly env: string;
}

/** Writes what a person needs in a terminal of his own. kubectl's cache goes with the demo. */
export function writeShell(
  directory: string,
  { binary, kubeconfig, dir }: Pick<Cluster, "binary" | "kubeconfig" | "dir">,
  { url, adminUrl }: { readonly url: string; readonly adminUrl: string },
): Shell {
  const bin = path.join(directory, "bin");
  fs.mkdirSync(bin);
  const script = (name: string, command: string): string => {
    const file = path.join(bin, name);
    fs.writeFileSync(file, `#!/bin/sh\n${command} "$@"\n`, { mode: 0o755 });
    return file;
  };
  const settings = `KUBECONFIG='${kubeconfig}' KUBECACHEDIR='${path.join(dir, "kubectl-cache")}'`;
  const kubectl = script("kubectl", `${settings} exec '${binary}' kubectl`);
  for (const name of ["nuncio", "kubectl-nuncio"]) script(name, `${settings} exec '${process.execPath}' '${program}'`);
  const env = path.join(directory, "env");
  const variables = { KUBECONFIG: kubeconfig, DEMO: directory, GATEWAY: url, ADMIN: adminUrl };
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}='${value}'\n`);
  fs.writeFileSync(env, `export PATH='${bin}':"$PATH"\n${lines.join("")}`);
  return { kubectl, env };
}
