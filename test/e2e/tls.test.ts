import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import https from "node:https";
import { clusterAvailable } from "../cluster/available.ts";
import { freePort } from "../cluster/loopback.ts";
import { type Certificate, selfSigned, signedBy } from "../support/certificates.ts";
import { type Backend, type BackendTls, startBackend } from "./support/backend.ts";
import { alpnOf, type Answer, send, sendHttp2, type SendOptions } from "./support/client.ts";
import { startWorld, type World } from "./support/cluster.ts";
import type { Gateway } from "./support/gateway.ts";
import {
  endpointSlice,
  host,
  listener,
  mapping,
  type Manifest,
  secret,
  service,
  tlsContext,
  tlsSecret,
} from "./support/manifests.ts";

let world: World;
let gateway: Gateway;
let plain: Backend;
const backends: Backend[] = [];

type Spec = Readonly<Record<string, unknown>>;

async function backend(name: string, tls?: BackendTls): Promise<Backend> {
  const started = await startBackend(name, tls);
  backends.push(started);
  return started;
}

/** A Listener that takes the Hosts of a test alone, and those Hosts. */
interface Group {
  readonly port: number;
  readonly host: (name: string, hostname: string, spec?: Spec) => Manifest;
}

async function group(name: string, spec: Spec): Promise<Group> {
  const port = await freePort();
  const labels = { group: name };
  const hostBinding = { namespace: { from: "ALL" }, selector: { matchLabels: labels } };
  await world.apply(listener(name, port, { ...spec, hostBinding }));
  return { port, host: (hostName, hostname, more = {}) => host(hostName, { hostname, ...more }, labels) };
}

const withSecret = (name: string, spec: Spec = {}): Spec => ({ tlsSecret: { name }, ...spec });

/** TLS to a host name: SNI and Host header. */
const to = (name: string, tls: https.RequestOptions = {}): SendOptions => ({ host: name, tls: { servername: name, ...tls } });

function served(port: number, options: SendOptions, accept: (answer: Answer) => boolean = ({ status }) => status === 200) {
  return gateway.until(`an answer for ${options.host}`, async () => {
    const answer = await send(port, "/", options);
    return accept(answer) ? answer : undefined;
  });
}

const refused = /ECONNRESET|EPROTO|socket hang up|alert|disconnected/;

(clusterAvailable ? describe : describe.skip)("TLS", () => {
  beforeAll(async () => {
    world = await startWorld();
    plain = await backend("plain");
    await world.apply(
      service("plain", 80, { headless: true }),
      endpointSlice("plain", plain),
      mapping("plain", { prefix: "/", service: "plain" }),
    );
    gateway = await world.gateway();
    await gateway.ready();
  }, 120_000);

  afterAll(async () => {
    await world?.stop();
    await Promise.all(backends.map((each) => each.close()));
  }, 30_000);

  describe("termination", () => {
    it("picks the certificate by SNI, wildcards included; other names and no name are refused", async () => {
      const { port, host: hostOf } = await group("sni", { protocol: "HTTPS" });
      const [a, b, wild] = await Promise.all([
        selfSigned({ hosts: ["a.test"] }),
        selfSigned({ hosts: ["b.test"] }),
        selfSigned({ hosts: ["*.wild.test"] }),
      ]);
      await world.apply(
        ...[tlsSecret("sni-a", a), tlsSecret("sni-b", b), tlsSecret("sni-wild", wild)],
        hostOf("sni-a", "a.test", withSecret("sni-a")),
        hostOf("sni-b", "b.test", withSecret("sni-b")),
        hostOf("sni-wild", "*.wild.test", withSecret("sni-wild")),
      );
      await served(port, to("x.wild.test"));
      expect((await send(port, "/", to("a.test"))).serial).toBe(a.serial);
      expect((await send(port, "/", to("b.test"))).serial).toBe(b.serial);
      expect((await send(port, "/", to("x.wild.test"))).serial).toBe(wild.serial);
      expect((await send(port, "/", to("A.TEST"))).serial).toBe(a.serial);
      await expect(send(port, "/", to("unknown.test"))).rejects.toThrow(refused);
      await expect(send(port, "/", to("a.b.test"))).rejects.toThrow(refused);
      await expect(send(port, "/", { tls: {} })).rejects.toThrow(refused);
      // A Host is served by its own chain alone: not under the certificate of another.
      expect((await send(port, "/", { host: "b.test", tls: { servername: "a.test" } })).status).toBe(404);
    });

    it("serves no SNI and unknown names by the Host *", async () => {
      const { port, host: hostOf } = await group("any", { protocol: "HTTPS" });
      const [any, known] = [await selfSigned({ hosts: ["any"] }), await selfSigned({ hosts: ["known.test"] })];
      await world.apply(
        ...[tlsSecret("any", any), tlsSecret("known", known)],
        hostOf("any", "*", withSecret("any")),
        hostOf("known", "known.test", withSecret("known")),
      );
      await served(port, to("unknown.test"), ({ serial }) => serial === any.serial);
      expect((await send(port, "/", { host: "x", tls: {} })).serial).toBe(any.serial);
      expect((await send(port, "/", to("known.test"))).serial).toBe(known.serial);
    });

    it("rotates a certificate live: new connections get the new one, an open one goes on", async () => {
      const { port, host: hostOf } = await group("rotate", { protocol: "HTTPS" });
      const [before, after] = [await selfSigned({ hosts: ["r.test"] }), await selfSigned({ hosts: ["r.test"] })];
      await world.apply(tlsSecret("rotate", before), hostOf("rotate", "r.test", withSecret("rotate")));
      await served(port, to("r.test"));
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
      const held = await send(port, "/", { ...to("r.test"), agent });
      expect(held.serial).toBe(before.serial);
      const mark = gateway.mark();
      await world.apply(tlsSecret("rotate", after));
      await served(port, to("r.test"), ({ serial }) => serial === after.serial);
      const again = await send(port, "/", { ...to("r.test"), agent });
      expect(again).toMatchObject({ status: 200, serial: before.serial, localPort: held.localPort });
      expect(gateway.sent(mark)).toEqual([{ type: "secret", names: 1, removed: 0 }]);
      agent.destroy();
    });

    it("leaves the connections of other Hosts alone when a Host comes and goes", async () => {
      const { port, host: hostOf } = await group("stay", { protocol: "HTTPS" });
      const [stay, other] = [await selfSigned({ hosts: ["stay.test"] }), await selfSigned({ hosts: ["other.test"] })];
      await world.apply(tlsSecret("stay", stay), tlsSecret("other", other), hostOf("stay", "stay.test", withSecret("stay")));
      await served(port, to("stay.test"));
      const agent = new https.Agent({ keepAlive: true, maxSockets: 1 });
      const held = await send(port, "/", { ...to("stay.test"), agent });
      const second = hostOf("other", "other.test", withSecret("other"));
      await world.apply(second);
      await served(port, to("other.test"));
      await world.remove(second);
      await gateway.until("the Host is gone", () =>
        send(port, "/", to("other.test")).then(
          () => false,
          () => true,
        ),
      );
      const still = await send(port, "/", { ...to("stay.test"), agent });
      expect(still).toMatchObject({ status: 200, localPort: held.localPort });
      expect(still.headers.connection).toBeUndefined();
      agent.destroy();
    });

    it("does not answer cleartext on a TLS Listener", async () => {
      const { port, host: hostOf } = await group("no-cleartext", { protocol: "HTTPS" });
      await world.apply(
        tlsSecret("no-cleartext", await selfSigned({ hosts: ["c.test"] })),
        hostOf("no-cleartext", "c.test", withSecret("no-cleartext", { requestPolicy: { insecure: { action: "Route" } } })),
      );
      await served(port, to("c.test"));
      plain.reset();
      await expect(send(port, "/", { host: "c.test" })).rejects.toThrow(refused);
      expect(plain.count()).toBe(0);
    });

    it("speaks HTTP/2 by ALPN, and HTTP/1.1 where a TLSContext says so", async () => {
      const { port, host: hostOf } = await group("alpn", { protocol: "HTTPS" });
      await world.apply(
        tlsSecret("alpn", await selfSigned({ hosts: ["h2.test"] })),
        tlsContext("only-http1", { alpn_protocols: "http/1.1" }),
        hostOf("h2", "h2.test", withSecret("alpn")),
        hostOf("h1", "h1.test", withSecret("alpn", { tlsContext: { name: "only-http1" } })),
      );
      await served(port, to("h1.test"));
      expect(await sendHttp2(port, "/", "h2.test")).toEqual({ status: 200, alpn: "h2" });
      expect(await alpnOf(port, "h2.test")).toBe("h2");
      expect(await alpnOf(port, "h1.test")).toBe("http/1.1");
    });

    it("refuses a client older than a TLSContext's min_tls_version", async () => {
      const { port, host: hostOf } = await group("version", { protocol: "HTTPS" });
      await world.apply(
        tlsSecret("version", await selfSigned({ hosts: ["new.test"] })),
        tlsContext("modern", { min_tls_version: "v1.3" }),
        hostOf("modern", "new.test", withSecret("version", { tlsContext: { name: "modern" } })),
        hostOf("lenient", "old.test", withSecret("version")),
      );
      expect((await served(port, to("new.test"))).tlsVersion).toBe("TLSv1.3");
      const old = { maxVersion: "TLSv1.2" } as const;
      await expect(send(port, "/", to("new.test", old))).rejects.toThrow(/version|EPROTO|alert/);
      expect((await send(port, "/", to("old.test", old))).tlsVersion).toBe("TLSv1.2");
    });

    it("asks for a client certificate where a TLSContext requires one, and verifies it", async () => {
      const { port, host: hostOf } = await group("mutual", { protocol: "HTTPS" });
      const authority = await selfSigned({ hosts: ["Test CA"], isAuthority: true });
      const [client, stranger] = [await signedBy(authority, { hosts: ["client"] }), await selfSigned({ hosts: ["client"] })];
      await world.apply(
        tlsSecret("mutual", await selfSigned({ hosts: ["m.test"] })),
        secret("mutual-ca", "Opaque", { "tls.crt": authority.certificatePem }),
        tlsContext("mutual", { ca_secret: "mutual-ca", cert_required: true }),
        hostOf("mutual", "m.test", withSecret("mutual", { tlsContext: { name: "mutual" } })),
      );
      const as = ({ certificatePem: cert, keyPem: key }: Certificate) => to("m.test", { cert, key });
      await served(port, as(client));
      await expect(send(port, "/", to("m.test"))).rejects.toThrow(refused);
      await expect(send(port, "/", as(stranger))).rejects.toThrow(refused);
    });
  });

  describe("a Secret that is not there or not good", () => {
    it("is a problem of the Host, whose redirect to https goes on; TLS starts with the Secret", async () => {
      const secure = await group("late-tls", { protocol: "HTTPS" });
      const insecure = await freePort();
      const labels = { group: "late-tls" };
      const mark = gateway.mark();
      await world.apply(
        listener("late-http", insecure, { hostBinding: { namespace: { from: "ALL" }, selector: { matchLabels: labels } } }),
        secure.host("late", "late.test", withSecret("late-cert")),
      );
      await gateway.logged(/error .*Host default\/late.*spec\.tlsSecret.*there is no Secret default\/late-cert/, mark);
      const redirect = await served(insecure, { host: "late.test" }, ({ status }) => status === 301);
      expect(redirect.headers.location).toBe("https://late.test/");
      await expect(send(secure.port, "/", to("late.test"))).rejects.toThrow();
      const certificate = await selfSigned({ hosts: ["late.test"] });
      await world.apply(tlsSecret("late-cert", certificate));
      await gateway.until("TLS has started", () => send(secure.port, "/", to("late.test")).catch(() => undefined));
      expect((await send(secure.port, "/", to("late.test"))).serial).toBe(certificate.serial);
      expect((await send(insecure, "/", { host: "late.test" })).status).toBe(301);
    });

    it("is named with what is wrong with it, while other Hosts are served", async () => {
      const { port, host: hostOf } = await group("broken", { protocol: "HTTPS" });
      const [good, other] = [await selfSigned({ hosts: ["good.test"] }), await selfSigned({ hosts: ["x"] })];
      const mark = gateway.mark();
      await world.apply(
        tlsSecret("good", good),
        tlsSecret("mismatch", { ...good, keyPem: other.keyPem }),
        tlsSecret("garbage", { ...good, certificatePem: "no PEM at all" }),
        secret("empty", "Opaque", { note: "nothing of use" }),
        hostOf("good", "good.test", withSecret("good")),
        hostOf("mismatch", "mismatch.test", withSecret("mismatch")),
        hostOf("garbage", "garbage.test", withSecret("garbage")),
        hostOf("empty", "empty.test", withSecret("empty")),
      );
      await gateway.logged(/Host default\/mismatch.*the Secret default\/mismatch has a tls\.key that does not belong/, mark);
      await gateway.logged(/Host default\/garbage.*the Secret default\/garbage has a tls\.crt that is not a PEM/, mark);
      await gateway.logged(/Host default\/empty.*the Secret default\/empty has no tls\.crt/, mark);
      await served(port, to("good.test"));
      await expect(send(port, "/", to("garbage.test"))).rejects.toThrow(refused);
      expect(gateway.log).not.toMatch(/PRIVATE KEY/);
    });
  });

  describe("a Secret that goes bad", () => {
    it("leaves its last good certificate in service, and is named", async () => {
      const { port, host: hostOf } = await group("spoilt", { protocol: "HTTPS" });
      const good = await selfSigned({ hosts: ["spoilt.test"] });
      await world.apply(tlsSecret("spoilt", good), hostOf("spoilt", "spoilt.test", withSecret("spoilt")));
      await served(port, to("spoilt.test"));
      const mark = gateway.mark();
      await world.apply(tlsSecret("spoilt", { ...good, certificatePem: "half a file" }));
      await gateway.logged(/Host default\/spoilt.*the Secret default\/spoilt has a tls\.crt that is not a PEM/, mark);
      console.log(gateway.since(mark));
      await new Promise((r) => setTimeout(r, 500));
      console.log(gateway.since(mark));
      expect((await send(port, "/", to("spoilt.test"))).serial).toBe(good.serial);
    });

    it("deleted", async () => {
      const { port, host: hostOf } = await group("gone", { protocol: "HTTPS" });
      const good = await selfSigned({ hosts: ["gone.test"] });
      await world.apply(tlsSecret("gone", good), hostOf("gone", "gone.test", withSecret("gone")));
      await served(port, to("gone.test"));
      const mark = gateway.mark();
      await world.remove(tlsSecret("gone", good));
      await gateway.logged(/Host default\/gone.*there is no Secret default\/gone/, mark);
      await new Promise((r) => setTimeout(r, 500));
      console.log(gateway.since(mark));
      expect((await send(port, "/", to("gone.test"))).serial).toBe(good.serial);
    });
  });

  describe("insecure requests", () => {
    it("are redirected, routed or rejected as the Host says", async () => {
      const { port, host: hostOf } = await group("insecure", { protocol: "HTTP" });
      const certificate = await selfSigned({ hosts: ["*.test"] });
      const policy = (action: string) => withSecret("insecure", { requestPolicy: { insecure: { action } } });
      await world.apply(
        tlsSecret("insecure", certificate),
        hostOf("i-redirect", "redirect.test", policy("Redirect")),
        hostOf("i-default", "default.test", withSecret("insecure")),
        hostOf("i-route", "route.test", policy("Route")),
        hostOf("i-reject", "reject.test", policy("Reject")),
      );
      await served(port, { host: "route.test" });
      const redirected = await send(port, "/a/b?c=d", { host: "redirect.test" });
      expect(redirected).toMatchObject({ status: 301, headers: { location: "https://redirect.test/a/b?c=d" } });
      expect((await send(port, "/", { host: "default.test" })).status).toBe(301);
      expect((await send(port, "/", { host: "reject.test" })).status).toBe(404);
      // Route order and conditions are the same, whatever the method.
      expect((await send(port, "/", { host: "redirect.test", method: "POST" })).status).toBe(301);
    });

    it("are told by the wire, not by what a client says, where no proxy is trusted", async () => {
      const { port, host: hostOf } = await group("forged", { protocol: "HTTP" });
      await world.apply(
        hostOf("f-redirect", "redirect.forged", { requestPolicy: { insecure: { action: "Redirect" } } }),
        hostOf("f-route", "route.forged", { requestPolicy: { insecure: { action: "Route" } } }),
      );
      await served(port, { host: "route.forged" });
      const forged = {
        "x-forwarded-proto": "https",
        "x-forwarded-for": "203.0.113.7",
        "x-envoy-external-address": "203.0.113.7",
      };
      plain.reset();
      expect((await send(port, "/", { host: "redirect.forged", headers: forged })).status).toBe(301);
      expect(plain.count()).toBe(0);
      const { headers } = (await send(port, "/", { host: "route.forged", headers: forged })).echo();
      expect(headers["x-forwarded-proto"]).toBe("http");
      expect(headers["x-envoy-external-address"]).toBe("127.0.0.1");
      // What a client claims is a claim: Envoy's own entry comes last.
      expect(headers["x-forwarded-for"]).toMatch(/^203\.0\.113\.7, ?[\d.]+$/);
    });

    it("are told by the proxy in front, where l7Depth says that there is one", async () => {
      const { port, host: hostOf } = await group("behind", { protocol: "HTTP", l7Depth: 1 });
      await world.apply(hostOf("behind", "behind.test", { requestPolicy: { insecure: { action: "Redirect" } } }));
      const by = (proto: string) => ({ host: "behind.test", headers: { "x-forwarded-proto": proto, "x-forwarded-for": "203.0.113.7" } });
      await served(port, by("https"));
      const { headers } = (await send(port, "/", by("https"))).echo();
      expect(headers["x-forwarded-proto"]).toBe("https");
      expect(headers["x-envoy-external-address"]).toBe("203.0.113.7");
      expect((await send(port, "/", by("http"))).status).toBe(301);
    });

    it("are none on a Listener with securityModel SECURE, and all on one with INSECURE", async () => {
      const secure = await group("model-secure", { protocol: "HTTP", securityModel: "SECURE" });
      const insecure = await group("model-insecure", { protocol: "HTTPS", securityModel: "INSECURE" });
      await world.apply(
        tlsSecret("model", await selfSigned({ hosts: ["*.test"] })),
        secure.host("model-secure", "secure.test", { requestPolicy: { insecure: { action: "Reject" } } }),
        insecure.host("model-insecure", "insecure.test", withSecret("model")),
      );
      await served(secure.port, { host: "secure.test" });
      const redirect = await served(insecure.port, to("insecure.test"), ({ status }) => status === 301);
      expect(redirect.headers.location).toMatch(/^https:\/\/insecure\.test/);
    });
  });

  describe("origination", () => {
    it("speaks TLS to a service with https://, and shows it the client certificate of a TLSContext", async () => {
      const { port, host: hostOf } = await group("origin", { protocol: "HTTP" });
      const authority = await selfSigned({ hosts: ["Test CA"], isAuthority: true });
      const [server, client, stranger] = [
        await signedBy(authority, { hosts: ["origin.test"] }),
        await signedBy(authority, { hosts: ["gateway"] }),
        await selfSigned({ hosts: ["gateway"] }),
      ];
      const own = { cert: server.certificatePem, key: server.keyPem };
      const open = await backend("tls", own);
      const strict = await backend("mutual-tls", { ...own, clientAuthority: authority.certificatePem });
      const otherCa = await selfSigned({ hosts: ["Other CA"], isAuthority: true });
      await world.apply(
        hostOf("origin", "origin.test", { requestPolicy: { insecure: { action: "Route" } } }),
        ...[service("tls", 443, { headless: true }), endpointSlice("tls", open)],
        ...[service("strict", 443, { headless: true }), endpointSlice("strict", strict)],
        ...[tlsSecret("client", client), tlsSecret("stranger", stranger)],
        secret("origin-ca", "Opaque", { "tls.crt": authority.certificatePem }),
        secret("other-ca", "Opaque", { "tls.crt": otherCa.certificatePem }),
        tlsContext("as-client", { secret: "client", ca_secret: "origin-ca", sni: "origin.test" }),
        tlsContext("as-stranger", { secret: "stranger" }),
        tlsContext("distrustful", { secret: "client", ca_secret: "other-ca" }),
        mapping("o-open", { prefix: "/open/", service: "https://tls" }),
        mapping("o-strict", { prefix: "/strict/", service: "https://strict", tls: "as-client" }),
        mapping("o-none", { prefix: "/none/", service: "https://strict" }),
        mapping("o-stranger", { prefix: "/stranger/", service: "https://strict", tls: "as-stranger" }),
        mapping("o-distrustful", { prefix: "/distrustful/", service: "https://tls", tls: "distrustful" }),
      );
      const get = (path: string) => send(port, path, { host: "origin.test" });
      await gateway.until("the last route", async () => (await get("/distrustful/")).status === 503);
      expect((await get("/open/")).echo()).toMatchObject({ backend: "tls" });
      expect((await get("/strict/")).echo()).toMatchObject({ backend: "mutual-tls", client: "gateway" });
      for (const path of ["/none/", "/stranger/", "/distrustful/"]) expect((await get(path)).status).toBe(503);
    });
  });
});
