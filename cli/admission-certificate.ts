import { stringify } from "yaml";
import { admissionHosts, admissionSecretName, installNamespace, webhookTrust } from "../capabilities/webhook.ts";
import { FatalError } from "../runtime/fatal.ts";
import { selfSigned } from "./self-signed.ts";

const DAY_MS = 86_400_000;
/** Clocks of nodes differ. */
const EARLIER_MS = 3_600_000;
const MOST_DAYS = 36_500;

/** `nuncio admission-certificate`: manifests of a new certificate, its own authority, and of the API server's trust in it. */
export async function admissionCertificate(days: string, now: Date): Promise<string> {
  const count = /^\d{1,5}$/.test(days) ? Number(days) : Number.NaN;
  if (!(count >= 1 && count <= MOST_DAYS)) {
    throw new FatalError(`--days=${JSON.stringify(days)}: write a whole number from 1 to ${MOST_DAYS}`, 2);
  }
  const { certificatePem, keyPem } = await selfSigned({
    name: "nuncio-admission",
    hosts: admissionHosts(),
    notBefore: new Date(now.getTime() - EARLIER_MS),
    notAfter: new Date(now.getTime() + count * DAY_MS),
  });
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: admissionSecretName, namespace: installNamespace },
    type: "kubernetes.io/tls",
    data: { "tls.crt": base64(certificatePem), "tls.key": base64(keyPem) },
  };
  const trust = webhookTrust(base64(certificatePem));
  return [secret, trust].map((object) => `---\n${stringify(object, { lineWidth: 0 })}`).join("");
}

function base64(text: string): string {
  return Buffer.from(text).toString("base64");
}
