import { describe, expect, it } from "@jest/globals";
import { explain } from "../../insight/explain.ts";
import { formatObject } from "../../ir/problem.ts";
import { selfSigned } from "../support/certificates.ts";
import { mapping } from "../support/gateway.ts";
import { hostOf, listenerOf, moduleOf, secretOf, serviceWith, tcpMappingOf } from "../support/manifests.ts";
import { compiled, explained, get, service } from "./explained.ts";

describe("where requests go", () => {
  it("is told with the endpoints of the Service", () => {
    const { answer } = explained("http://x.com/a/7?x", [
      serviceWith("orders", 8080, ["10.0.0.1", "10.0.0.2"]),
      mapping("a", { prefix: "/a/", service: "orders:8080" }),
    ]);
    expect(answer).toMatchObject({
      kind: "forward",
      path: "/7?x",
      host: "x.com",
      upstream: {
        service: "orders:8080",
        endpoints: [
          { address: "10.0.0.1", port: 8080, draining: false },
          { address: "10.0.0.2", port: 8080, draining: false },
        ],
        note: "EndpointSlices of the Service default/orders",
      },
    });
  });

  it("says so when no endpoint is ready", () => {
    const { answer } = explained("http://x.com/a/", [
      serviceWith("orders", 8080, []),
      mapping("a", { prefix: "/a/", service: "orders:8080" }),
    ]);
    expect(answer).toMatchObject({
      upstream: { endpoints: [], note: "no endpoint of the Service default/orders is ready" },
    });
  });

  it("is https where the Host redirects", () => {
    const { answer, route } = explain(
      compiled(
        listenerOf("http", {
          port: 8080,
          protocol: "HTTP",
          securityModel: "XFP",
          hostBinding: { namespace: { from: "ALL" } },
        }),
        hostOf("h", { hostname: "x.com" }),
        mapping("a", { prefix: "/a/", service }),
      ),
      get("http://x.com:80/a/7"),
    );
    expect(route?.name).toBe("default/a");
    const because = "default/h redirects what comes without TLS";
    expect(answer).toEqual({ kind: "redirect", status: 301, location: "https://x.com/a/7", because });
  });
});

describe("where no route is taken the reason is told", () => {
  const all = { namespace: { from: "ALL" } };
  const http = listenerOf("http", { port: 8080, protocol: "HTTP", securityModel: "XFP", hostBinding: all });
  const https = listenerOf("https", { port: 8443, protocol: "HTTPS", securityModel: "XFP", hostBinding: all });
  const any = mapping("a", { prefix: "/", service });

  it.each([
    [
      "https://x.com/",
      [http, hostOf("h", { hostname: "x.com" }), any],
      {},
      "no Listener serves https; there is Listener default/http on port 8080",
    ],
    [
      "http://x.com/",
      [http, hostOf("h", { hostname: "x.com" }), any],
      { port: 9 },
      "no Listener is on port 9; there is Listener default/http on port 8080",
    ],
    ["http://y.com/", [http, hostOf("h", { hostname: "x.com" }), any], {}, "no Host is for y.com"],
    [
      "http://x.com/",
      [http, hostOf("h", { hostname: "x.com", requestPolicy: { insecure: { action: "Reject" } } }), any],
      {},
      "default/h rejects what comes without TLS (requestPolicy.insecure.action: Reject)",
    ],
    [
      "https://x.com/",
      [http, hostOf("h", { hostname: "x.com" }), any],
      { port: 8080 },
      "Listener default/http on port 8080 does not speak TLS",
    ],
    [
      "http://x.com/a%2Fb",
      [http, hostOf("h", { hostname: "x.com" }), any, moduleOf({ reject_requests_with_escaped_slashes: true })],
      {},
      "the path has an escaped slash, and the Module's reject_requests_with_escaped_slashes is true",
    ],
  ])("%s with %#", (url, manifests, more, because) => {
    expect(explain(compiled(...manifests), get(url, more)).answer).toMatchObject({ because });
  });

  it("with TLS: the certificate, its Host, and names of other connections", async () => {
    const pair = async (name: string) => {
      const { certificatePem, keyPem } = await selfSigned({ hosts: [name] });
      return secretOf(name.replace(".com", ""), { "tls.crt": certificatePem, "tls.key": keyPem });
    };
    const world = compiled(
      ...[https, await pair("x.com"), await pair("y.com"), any],
      hostOf("x", { hostname: "x.com", tlsSecret: { name: "x" } }),
      hostOf("y", { hostname: "y.com", tlsSecret: { name: "y" } }),
    );
    const fine = explain(world, get("https://x.com/"));
    expect(fine.tls).toMatchObject({ serverName: "x.com", certificate: "default/x", clientCertificate: "none" });
    expect(fine.tls?.expiresMs).toBeGreaterThan(Date.now());
    expect(formatObject(fine.host?.object ?? { kind: "", namespace: "", name: "" })).toBe("Host default/x");
    expect(explain(world, get("https://y.com/", { serverName: "x.com" })).answer).toEqual({
      kind: "refused",
      status: 421,
      because: "a connection with the server name x.com is not one for y.com: it is for Host default/y",
    });
    expect(explain(world, get("https://z.com/")).answer).toEqual({
      kind: "closed",
      because:
        "Listener default/https on port 8443 has no certificate for z.com: no Host of that name has a tlsSecret that can be used",
    });
    expect(explain(world, get("http://x.com/", { port: 8443 })).answer).toEqual({
      kind: "closed",
      because: "Listener default/https on port 8443 speaks TLS only",
    });
  });

  it("connections of a TCPMapping are handed on", () => {
    const { answer } = explain(
      compiled(
        listenerOf("tls", { port: 9443, protocol: "TLS", securityModel: "XFP", hostBinding: all }),
        tcpMappingOf("db", { port: 9443, host: "db.com", service: "127.0.0.1:5432", tls_passthrough: true }),
      ),
      get("https://db.com/"),
    );
    expect(answer).toMatchObject({ kind: "connection", from: [{ object: { kind: "TCPMapping", name: "db" } }] });
  });
});
