import { ensureTestcluster } from "../../hack/testcluster/build.mjs";

export interface ProbeOptions {
  /** Rejects with an Error named `GoMissing` where the test cluster can be neither found nor built. */
  readonly ensure: () => Promise<unknown>;
  readonly ci: boolean;
  readonly say: (line: string) => void;
}

/** False, said in one line, on a machine without Go; there the tests that need a cluster are skipped. In CI that is an error. */
export async function probeCluster({ ensure, ci, say }: ProbeOptions): Promise<boolean> {
  try {
    await ensure();
    return true;
  } catch (error) {
    if (ci || !(error instanceof Error) || error.name !== "GoMissing") throw error;
    say(`SKIPPED: tests that need a Kubernetes API server. ${error.message}`);
    return false;
  }
}

/** `(clusterAvailable ? describe : describe.skip)("...", ...)`. The first import ever may build for minutes. */
export const clusterAvailable: boolean = await probeCluster({
  ensure: () => ensureTestcluster(),
  ci: process.env["CI"] === "true",
  say: (line) => process.stderr.write(`${line}\n`),
});
