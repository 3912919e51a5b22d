import { writeFileSync } from "node:fs";

export interface Access {
  readonly serverUrl: string;
  readonly certificateAuthority: string;
  readonly token: string;
  readonly user: string;
  readonly namespace: string;
}

/** Writes a kubeconfig that needs no other file and returns its path. It is JSON, which is YAML as well. */
export function writeKubeconfig(path: string, access: Access): string {
  const { serverUrl, certificateAuthority, token, user, namespace } = access;
  const cluster = {
    server: serverUrl,
    "certificate-authority-data": Buffer.from(certificateAuthority).toString("base64"),
  };
  const kubeconfig = {
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: "test", context: { cluster: "test", user, namespace } }],
    "current-context": "test",
  };
  writeFileSync(path, JSON.stringify(kubeconfig, undefined, 2), { mode: 0o600 });
  return path;
}
