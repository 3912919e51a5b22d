import { X509Certificate } from "node:crypto";
import { describe, expect, it } from "@jest/globals";
import {
  type Authority,
  makeAuthority,
  makePair,
  needsAuthority,
  needsPair,
  readAuthority,
  writeAuthority,
} from "../../runtime/admission/authority.ts";
import { createCaretaker } from "../../runtime/admission/caretaker.ts";
import type { Kube, KubeAnswer, KubeRequest } from "../../runtime/admission/kube.ts";
import { memoryLog } from "../runtime/memory-log.ts";
// It imports x509 in the way that jest needs.
import "../support/certificates.ts";

const start = new Date("2026-01-01T00:00:00Z");
const after = (days: number): Date => new Date(start.getTime() + days * 86_400_000);
const authority = await makeAuthority(start);

describe("certificates of the process's own", () => {
  it("are made by an authority, for the names and addresses that the API server uses", async () => {
    const pair = await makePair(authority, ["a.b.svc", "127.0.0.1"], start);
    const [served, issuer] = [new X509Certificate(pair.cert), new X509Certificate(authority.certificatePem)];
    expect(served.checkIssued(issuer)).toBe(true);
    expect(served.verify(issuer.publicKey)).toBe(true);
    expect(served.ca).toBe(false);
    expect(issuer.ca).toBe(true);
    expect(served.checkHost("a.b.svc")).toBe("a.b.svc");
    expect(served.checkIP("127.0.0.1")).toBe("127.0.0.1");
    expect(served.keyUsage).toEqual(["1.3.6.1.5.5.7.3.1"]);
    expect(pair.expiresAt).toEqual(served.validToDate);
  });

  it("are renewed in time, and the authority long before the last of them ends", async () => {
    const pair = await makePair(authority, ["a"], start);
    expect([0, 19, 21, 31].map((day) => needsPair(pair, authority, after(day)))).toEqual([false, false, true, true]);
    expect([0, 304, 306, 366].map((day) => needsAuthority(authority, after(day)))).toEqual([false, false, true, true]);
    const late = await makePair(authority, ["a"], after(350));
    expect(late.expiresAt).toEqual(new X509Certificate(authority.certificatePem).validToDate);
    expect(needsPair(pair, await makeAuthority(start), start)).toBe(true);
  });

  it("are trusted across a change of the authority, until the old one has ended", async () => {
    const next = await makeAuthority(after(310), authority);
    expect(next.bundlePem).toBe(next.certificatePem + authority.certificatePem);
    expect((await makeAuthority(after(400), authority)).bundlePem).not.toContain(authority.certificatePem);
  });

  it("come back from a Secret as they were, and nothing comes from one that is spoilt", () => {
    const data = writeAuthority(authority);
    expect(readAuthority(data)).toEqual(authority);
    for (const spoilt of [{}, { ...data, "tls.key": "" }, { ...data, "tls.crt": "bm8=" }]) {
      expect(readAuthority(spoilt)).toBeUndefined();
    }
  });
});

/** An API server that knows one Secret and one webhook configuration, and what optimistic concurrency is. */
function secretServer(): { kube: Kube; secret: () => Authority | undefined; caBundle: () => unknown } {
  let secret: { data: Record<string, string>; metadata: { resourceVersion: string } } | undefined;
  let version = 0;
  const webhook = { clientConfig: { service: { name: "hook", namespace: "here" } } as Record<string, unknown> };
  const answer = ({ method, path, body }: KubeRequest): KubeAnswer => {
    if (path.includes("validatingwebhook")) {
      if (method === "GET") return { status: 200, body: { metadata: { resourceVersion: "1" }, webhooks: [webhook] } };
      const [, patch] = body as { value: unknown }[];
      webhook.clientConfig["caBundle"] = patch?.value;
      return { status: 200, body: {} };
    }
    if (method === "GET") return secret === undefined ? { status: 404, body: {} } : { status: 200, body: secret };
    const sent = body as { data: Record<string, string>; metadata: { resourceVersion?: string } };
    if (sent.metadata.resourceVersion !== secret?.metadata.resourceVersion) return { status: 409, body: {} };
    secret = { data: sent.data, metadata: { resourceVersion: String(++version) } };
    return { status: 200, body: secret };
  };
  return {
    // Everything that is asked at once is answered before anything else is written.
    kube: async (request) => {
      const given = answer(request);
      await new Promise((resolve) => setImmediate(resolve));
      return given;
    },
    secret: () => (secret === undefined ? undefined : readAuthority(secret.data)),
    caBundle: () => webhook.clientConfig["caBundle"],
  };
}

describe("several replicas", () => {
  it("agree on one authority, through its whole life, and are trusted at any time", async () => {
    const { kube, secret, caBundle } = secretServer();
    let now = start;
    const signal = new AbortController().signal;
    const address = { kind: "service", name: "hook", namespace: "here", port: 443 } as const;
    const options = {
      kube,
      name: "hook",
      namespace: "here",
      secretName: "ca",
      address,
      crds: [],
      mutates: false,
      signal,
    };
    const replicas = [1, 2, 3].map(() => createCaretaker({ ...options, now: () => now, log: memoryLog() }));
    const trustedBy = (): string => Buffer.from(String(caBundle()), "base64").toString();
    const serials = new Set<string>();
    for (let day = 0; day <= 800; day += 5) {
      now = after(day);
      // Each looks twice: what is new is trusted in the one round and served in the next.
      for (let round = 0; round < 2; round++) {
        const pairs = await Promise.all(replicas.map((each) => each.certificate()));
        if (caBundle() === undefined) await Promise.all(replicas.map((each) => each.trust()));
        const bundle = trustedBy()
          .split(/(?<=-----END CERTIFICATE-----\n)/)
          .map((pem) => new X509Certificate(pem));
        for (const { cert, expiresAt } of pairs) {
          const served = new X509Certificate(cert);
          expect(bundle.some((each) => served.verify(each.publicKey) && each.validToDate > now)).toBe(true);
          expect(expiresAt > now).toBe(true);
        }
        await Promise.all(replicas.map((each) => each.trust()));
      }
      const current = secret();
      if (current !== undefined) serials.add(new X509Certificate(current.certificatePem).serialNumber);
    }
    // One at the start, and one each 305 days.
    expect(serials.size).toBe(3);
  }, 60_000);
});
