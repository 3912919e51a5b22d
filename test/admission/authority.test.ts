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
import { type Caretaker, createCaretaker } from "../../runtime/admission/caretaker.ts";
import type { KeyPair } from "../../runtime/admission/key-pair.ts";
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

interface SecretServer {
  readonly kube: Kube;
  readonly secret: () => Authority | undefined;
  readonly caBundle: () => unknown;
  /** Somebody deletes the Secret. */
  readonly lose: () => void;
  /** Names of CRDs that nobody may change. */
  readonly fixed: Set<string>;
  /** How often each CRD was fetched. */
  readonly fetched: Map<string, number>;
}

/** An API server that knows one Secret, one webhook configuration and two CRDs, and what optimistic concurrency is. */
function secretServer(): SecretServer {
  let secret: { data: Record<string, string>; metadata: { resourceVersion: string } } | undefined;
  let version = 0;
  const webhook = { clientConfig: { service: { name: "hook", namespace: "here" } } as Record<string, unknown> };
  const crds = new Map(
    crdNames.map((name): [string, { metadata: { name: string; resourceVersion: string }; spec: object }] => [
      name,
      { metadata: { name, resourceVersion: "1" }, spec: { group: "getambassador.io", versions: [{}, {}] } },
    ]),
  );
  const fixed = new Set<string>();
  const fetched = new Map<string, number>();
  const answer = ({ method, path, body }: KubeRequest): KubeAnswer => {
    if (path.endsWith("/customresourcedefinitions")) return { status: 200, body: { items: [...crds.values()] } };
    const name = path.split("/").at(-1) ?? "";
    const crd = crds.get(name);
    if (crd !== undefined) {
      if (method === "GET") fetched.set(name, (fetched.get(name) ?? 0) + 1);
      else if (fixed.has(name)) return { status: 422, body: { message: "a policy forbids it" } };
      else {
        const { spec } = body as { spec: object };
        crds.set(name, {
          metadata: { name, resourceVersion: `${Number(crd.metadata.resourceVersion) + 1}` },
          spec: { ...crd.spec, ...spec },
        });
      }
      return { status: 200, body: crds.get(name) };
    }
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
    lose: () => (secret = undefined),
    fixed,
    fetched,
  };
}

const crdNames = ["mappings.getambassador.io", "hosts.getambassador.io"];

function replicaOf({ kube }: SecretServer, now: () => Date, crds: readonly string[] = []): Caretaker {
  const address = { kind: "service", name: "hook", namespace: "here", port: 443 } as const;
  const place = { name: "hook", namespace: "here", secretName: "ca", address };
  const signal = new AbortController().signal;
  return createCaretaker({ kube, ...place, crds, mutates: false, now, log: memoryLog(), signal });
}

/** What the API server trusts by now. */
function trustedBy({ caBundle }: SecretServer): readonly X509Certificate[] {
  return Buffer.from(String(caBundle()), "base64")
    .toString()
    .split(/(?<=-----END CERTIFICATE-----\n)/)
    .map((pem) => new X509Certificate(pem));
}

function isTrusted(server: SecretServer, { cert, expiresAt }: KeyPair, now: Date): boolean {
  const served = new X509Certificate(cert);
  return expiresAt > now && trustedBy(server).some((each) => served.verify(each.publicKey) && each.validToDate > now);
}

describe("several replicas", () => {
  it("agree on one authority, through its whole life, and are trusted at any time", async () => {
    const server = secretServer();
    const { secret, caBundle } = server;
    let now = start;
    const replicas = [1, 2, 3].map(() => replicaOf(server, () => now));
    const serials = new Set<string>();
    for (let day = 0; day <= 800; day += 5) {
      now = after(day);
      // Each looks twice: what is new is trusted in the one round and served in the next.
      for (let round = 0; round < 2; round++) {
        const pairs = await Promise.all(replicas.map((each) => each.certificate()));
        if (caBundle() === undefined) await Promise.all(replicas.map((each) => each.trust()));
        for (const pair of pairs) expect(isTrusted(server, pair, now)).toBe(true);
        await Promise.all(replicas.map((each) => each.trust()));
      }
      const current = secret();
      if (current !== undefined) serials.add(new X509Certificate(current.certificatePem).serialNumber);
    }
    // One at the start, and one each 305 days.
    expect(serials.size).toBe(3);
  }, 60_000);

  /** Replicas that serve, each of which looks when it is told to; `look` counts the calls that would fail just then. */
  async function serving(server: SecretServer, count: number) {
    const pairs = new Map<Caretaker, KeyPair>();
    async function look(replica: Caretaker): Promise<number> {
      pairs.set(replica, await replica.certificate());
      await replica.trust();
      return [...pairs.values()].filter((pair) => !isTrusted(server, pair, start)).length;
    }
    const replicas = Array.from({ length: count }, () => replicaOf(server, () => start));
    for (const replica of [...replicas, ...replicas]) await look(replica);
    return { look, replicas, pairs };
  }

  it("are trusted at any time while the Secret is lost, and a second loss ends the trust in the first authority", async () => {
    const server = secretServer();
    const { look, replicas, pairs } = await serving(server, 2);
    const authorities = [server.secret()?.certificatePem];
    for (let loss = 1; loss <= 2; loss++) {
      server.lose();
      let refused = 0;
      for (const replica of [...replicas, ...replicas, ...replicas]) refused += await look(replica);
      expect(refused).toBe(0);
      authorities.push(server.secret()?.certificatePem);
      const { publicKey } = new X509Certificate(authorities.at(-1) ?? "");
      expect([...pairs.values()].map(({ cert }) => new X509Certificate(cert).verify(publicKey))).toEqual([true, true]);
    }
    expect(new Set(authorities).size).toBe(3);
    expect(trustedBy(server).map(String)).toEqual([authorities[2], authorities[1]]);
  });

  it("have themselves trusted again where one that has just started has made the new authority", async () => {
    const server = secretServer();
    const { look, replicas } = await serving(server, 1);
    server.lose();
    const young = replicaOf(server, () => start);
    expect(await look(young)).toBe(1);
    const [old = young] = replicas;
    let refused = 0;
    for (const replica of [old, young, old, young, old]) refused += await look(replica);
    expect(refused).toBe(0);
  });

  it("renew what they serve though a CRD may not be changed, and fetch the other CRDs no more", async () => {
    const server = secretServer();
    const [mappings = "", hosts = ""] = crdNames;
    let now = start;
    const replica = replicaOf(server, () => now, crdNames);
    server.fixed.add(hosts);
    let rounds = 0;
    for (let day = 0; day <= 400; day += 5, rounds++) {
      now = after(day);
      const pair = await replica.certificate();
      await replica.trust();
      expect(isTrusted(server, pair, now)).toBe(true);
    }
    expect(server.fetched.get(hosts)).toBe(rounds);
    // Twice for each authority: once it was changed, and then it was as it should be.
    expect(server.fetched.get(mappings)).toBe(4);
    const issuedBy = async (of: Authority | undefined) =>
      new X509Certificate((await replica.certificate()).cert).verify(
        new X509Certificate(of?.certificatePem ?? "").publicKey,
      );
    server.fixed.clear();
    await replica.trust();
    expect(await issuedBy(server.secret())).toBe(true);
  });
});
