/** Manifests for tests with a real API server, and what `nuncio check` says of them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { check } from "../../cli/check.ts";

export const manifest = (kind: string, name: string, spec: object): string =>
  stringify({ apiVersion: "getambassador.io/v3alpha1", kind, metadata: { name, namespace: "default" }, spec });
export const listener = (name: string, port: number): string =>
  manifest("Listener", name, {
    port,
    protocol: "HTTP",
    securityModel: "XFP",
    hostBinding: { namespace: { from: "ALL" } },
  });
export const host = (name: string, spec: object): string => manifest("Host", name, spec);
export const mapping = (name: string, spec: object = {}): string =>
  manifest("Mapping", name, { hostname: "*", prefix: `/${name}/`, service: "quote", ...spec });
const quote =
  "apiVersion: v1\nkind: Service\nmetadata: { name: quote, namespace: default }\nspec: { ports: [{ port: 80 }] }\n";

export const base = [listener("web", 8080), host("all", { hostname: "*" }), quote];

/** What `nuncio check` says of the objects of this name, in manifests of this order. */
export function checked(name: string, manifests: readonly string[]): string[] {
  const directory = mkdtempSync(join(tmpdir(), "nuncio-check-"));
  try {
    manifests.forEach((text, index) => writeFileSync(join(directory, `${index}.yaml`), text));
    const lines: string[] = [];
    check([directory], { output: "text", errorsOnly: true }, {}, (line) => lines.push(line));
    return lines.flatMap((line) => new RegExp(`: error: (\\S+ default/${name}: .*) \\[\\w+\\]$`).exec(line)?.[1] ?? []);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
