import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { ensureHelm } from "../../hack/helm/build.mjs";

export const chart = "charts/nuncio";
/** Sets of values: test/chart/values/NAME.yaml. */
export const valueSets = ["everything", "single-namespace", "cert-manager", "bare", "on-nodes"] as const;

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

export interface HelmResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs helm with nobody's settings; a failure resolves too. */
export async function helm(args: readonly string[], kubeconfig = "/nonexistent"): Promise<HelmResult> {
  const { helm: binary } = await ensureHelm();
  const home = mkdtempSync(join(tmpdir(), "nuncio-helm-"));
  const env = { PATH: process.env["PATH"], HOME: home, KUBECONFIG: kubeconfig };
  try {
    return await new Promise((resolve) => {
      execFile(binary, args, { env, timeout: 120_000, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, stdout, stderr });
      });
    });
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

export function valuesFile(set: string): string {
  return `test/chart/values/${set}.yaml`;
}

/** What the chart makes, as `helm template nuncio charts/nuncio -n nuncio` prints it. */
export async function rendered(args: readonly string[] = []): Promise<string> {
  const { code, stdout, stderr } = await helm(["template", "nuncio", chart, "-n", "nuncio", ...args]);
  if (code !== 0) throw new Error(stderr);
  return stdout;
}

export function objectsOf(text: string): readonly KubeObject[] {
  return parseAllDocuments(text)
    .map((each) => each.toJS() as KubeObject | null)
    .filter((each) => each !== null);
}

export function installed(): readonly KubeObject[] {
  return objectsOf(readFileSync("manifests/install.yaml", "utf8"));
}

export const keyOf = ({ kind, metadata: { namespace = "", name } }: KubeObject): string =>
  `${kind} ${namespace}/${name}`;
