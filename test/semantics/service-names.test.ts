import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { parseService, serviceKey } from "../../sources/getambassador/service-name.ts";
import { type EchoBackend, echoBackend, type Gateway, startGateway } from "../support/gateway.ts";

// Typed in by hand from the specification (section 1.1a and the vectors it names). Never generated.

const http = { tls: false, port: 80 };
const https = { tls: true, port: 443 };

const accepted: readonly (readonly [
  text: string,
  host: string,
  more: { tls: boolean; port: number; isAddress?: boolean },
])[] = [
  ["backoffice", "backoffice", http],
  ["backoffice.otherns", "backoffice.otherns", http],
  ["backoffice:80", "backoffice", http],
  ["backoffice:8080", "backoffice", { tls: false, port: 8080 }],
  ["backoffice.otherns:80", "backoffice.otherns", http],
  ["backoffice:1", "backoffice", { tls: false, port: 1 }],
  ["backoffice:65535", "backoffice", { tls: false, port: 65535 }],
  ["http://backoffice", "backoffice", http],
  ["http://backoffice:80", "backoffice", http],
  ["http://backoffice:443", "backoffice", { tls: false, port: 443 }],
  ["https://backoffice", "backoffice", https],
  ["https://backoffice:443", "backoffice", https],
  ["https://backoffice:80", "backoffice", { tls: true, port: 80 }],
  ["https://backoffice.otherns:8443", "backoffice.otherns", { tls: true, port: 8443 }],
  ["HTTPS://backoffice", "backoffice", https],
  ["Http://backoffice", "backoffice", http],
  ["BackOffice.OtherNS", "backoffice.otherns", http],
  ["//foo.ns:1234", "foo.ns", { tls: false, port: 1234 }],
  ["backoffice/", "backoffice", http],
  ["https://backoffice/", "backoffice", https],
  ["localhost", "localhost", http],
  ["localhost:9000", "localhost", { tls: false, port: 9000 }],
  ["https://localhost", "localhost", https],
  ["quote.default.svc.cluster.local:8080", "quote.default.svc.cluster.local", { tls: false, port: 8080 }],
  ["quote.default.svc.cluster.local.", "quote.default.svc.cluster.local.", http],
  ["my_service", "my_service", http],
  ["3scale", "3scale", http],
  ["127.0.0.1", "127.0.0.1", { ...http, isAddress: true }],
  ["https://10.0.0.1:8443", "10.0.0.1", { tls: true, port: 8443, isAddress: true }],
  ["1.2.3.4.example.com", "1.2.3.4.example.com", http],
  ["[::1]", "::1", { ...http, isAddress: true }],
  ["[::1]:8080", "::1", { tls: false, port: 8080, isAddress: true }],
  ["[fe80::e022:9cff:fecc:c7c4]", "fe80::e022:9cff:fecc:c7c4", { ...http, isAddress: true }],
  ["https://[fe80::e022:9cff:fecc:c7c4]", "fe80::e022:9cff:fecc:c7c4", { ...https, isAddress: true }],
  ["https://[fe80::e022:9cff:fecc:c7c4]:443", "fe80::e022:9cff:fecc:c7c4", { ...https, isAddress: true }],
  ["[2001:DB8:0:0:0:0:0:1]:80", "2001:db8:0:0:0:0:0:1", { ...http, isAddress: true }],
  ["[::ffff:10.0.0.1]:80", "::ffff:10.0.0.1", { ...http, isAddress: true }],
  // Emissary refuses an IPv6 address without brackets; with no port after it, it can mean one thing only.
  ["fe80::e022:9cff:fecc:c7c4", "fe80::e022:9cff:fecc:c7c4", { ...http, isAddress: true }],
];

const refused: readonly (readonly [text: string, because: string])[] = [
  ["", "names no service"],
  ["https://", "names no service"],
  ["https://bad-service:443:443", 'the port "443:443"'],
  ["bad-service:443:443", 'the port "443:443"'],
  // Every letter of these is a digit of an address too.
  ["dead:443:443", 'the port "443:443"'],
  ["https://bad-service:-1", 'the port "-1"'],
  ["https://bad-service:70000", 'the port "70000"'],
  ["bad-service:0", 'the port "0"'],
  ["bad-service:", 'the port ""'],
  ["bad-service:http", 'the port "http"'],
  ["bad-service:8o80", 'the port "8o80"'],
  ["https://[fe80::e022:9cff:fecc:c7c4:443", "the host"],
  ["https://[fe80::e022:9cff:fecc:c7c4", "the host"],
  ["[fe80::1::2]:80", 'the host "fe80::1::2"'],
  ["[1:2:3:4:5:6:7]", 'the host "1:2:3:4:5:6:7"'],
  ["[1:2:3:4:5:6:7:8:9]", 'the host "1:2:3:4:5:6:7:8:9"'],
  ["[12345::]", 'the host "12345::"'],
  ["[backoffice]:80", 'the host "backoffice"'],
  ["ambassador://foo.ns", "the scheme ambassador://"],
  ["grpc://foo.ns", "the scheme grpc://"],
  ["unix:///run/socket", "the scheme unix://"],
  ["backoffice/path", "has a path"],
  ["http://backoffice:80/path", "has a path"],
  ["user:secret@backoffice", "holds credentials"],
  ["back office", 'the host "back office"'],
  ["backoffice%41", 'the host "backoffice%41"'],
  ["back..office", 'the host "back..office"'],
  ["-backoffice", 'the host "-backoffice"'],
  ["backoffice-", 'the host "backoffice-"'],
  ["*.example.com", 'the host "*.example.com"'],
];

describe("parseService", () => {
  it.each(accepted)("reads %j", (text, host, more) => {
    expect(parseService(text)).toEqual({ ok: true, address: { host, isAddress: false, ...more } });
  });

  it.each(refused)("refuses %j, because of %s", (text, because) => {
    const result = parseService(text);
    expect(result).toMatchObject({ ok: false, message: expect.stringContaining(because) });
    expect(result).toMatchObject({
      message: expect.stringContaining(JSON.stringify(text)),
      advice: expect.any(String),
    });
  });
});

const keys: readonly (readonly [host: string, from: string, key: string | undefined, certain: boolean | undefined])[] =
  [
    ["backoffice", "default", "default/backoffice", true],
    ["backoffice", "otherns", "otherns/backoffice", true],
    ["backoffice.otherns", "default", "otherns/backoffice", false],
    ["backoffice.otherns", "otherns", "otherns/backoffice", false],
    ["backoffice.otherns.svc", "default", "otherns/backoffice", true],
    ["backoffice.otherns.svc.cluster.local", "default", "otherns/backoffice", true],
    ["backoffice.otherns.svc.cluster.local.", "default", "otherns/backoffice", true],
    // It may be a domain of the outside as well as a Service in the namespace com.
    ["example.com", "default", "com/example", false],
    ["www.example.com", "default", undefined, undefined],
    ["backoffice.otherns.pod", "default", undefined, undefined],
    ["backoffice.otherns.svc.example.org", "default", undefined, undefined],
    ["localhost", "default", undefined, undefined],
    ["localhost", "otherns", undefined, undefined],
    // Not meaningful, and passed on as it is.
    ["localhost.otherns", "default", "otherns/localhost", false],
  ];

describe("serviceKey", () => {
  it.each(keys)("%s, seen from %s, is %s", (host, from, key, certain) => {
    const found = serviceKey(host, from);
    expect(found === undefined ? undefined : `${found.namespace}/${found.name}`).toBe(key);
    expect(found?.certain).toBe(certain);
  });
});

describe("which Service a request reaches", () => {
  let gateway: Gateway;
  let backends: readonly EchoBackend[];

  beforeAll(async () => {
    gateway = await startGateway();
    backends = await Promise.all(["default/quote", "otherns/quote"].map((name) => echoBackend(name)));
  });

  afterAll(async () => {
    await Promise.all([gateway.stop(), ...backends.map((backend) => backend.close())]);
  });

  const document = (object: object) => `---\n${JSON.stringify(object)}\n`;

  /** The Service `quote` of a namespace, whose port 80 is that of its backend. */
  function serviceOf({ name: key, service }: EchoBackend): string {
    const [namespace, name] = key.split("/");
    const port = Number(service.split(":").at(-1));
    const labels = { "kubernetes.io/service-name": name };
    return (
      document({
        apiVersion: "v1",
        kind: "Service",
        metadata: { name, namespace },
        spec: { clusterIP: "None", ports: [{ port: 80, targetPort: port }] },
      }) +
      document({
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata: { name: `${name}-1`, namespace, labels },
        addressType: "IPv4",
        ports: [{ port }],
        endpoints: [{ addresses: ["127.0.0.1"] }],
      })
    );
  }

  it.each([
    ["quote", "default", {}, "default/quote"],
    ["quote", "otherns", {}, "otherns/quote"],
    ["quote:80", "otherns", {}, "otherns/quote"],
    ["http://quote", "otherns", {}, "otherns/quote"],
    ["quote.default", "otherns", {}, "default/quote"],
    ["QUOTE.Default", "otherns", {}, "default/quote"],
    ["quote.otherns:80", "default", {}, "otherns/quote"],
    ["quote.otherns.svc", "default", {}, "otherns/quote"],
    ["quote.otherns.svc.cluster.local", "default", {}, "otherns/quote"],
    // Emissary's own namespace, which is default here.
    ["quote", "otherns", { use_ambassador_namespace_for_service_resolution: true }, "default/quote"],
    ["quote.otherns", "default", { use_ambassador_namespace_for_service_resolution: true }, "otherns/quote"],
  ] as const)("%s, seen from %s with %j, is %s", async (service, namespace, config, reached) => {
    const v3 = "getambassador.io/v3alpha1";
    await gateway.apply(
      backends.map(serviceOf).join("") +
        document({ apiVersion: v3, kind: "Module", metadata: { name: "ambassador" }, spec: { config } }) +
        document({
          apiVersion: v3,
          kind: "Mapping",
          metadata: { name: "m", namespace },
          spec: { hostname: "*", prefix: "/", service },
        }),
    );
    expect((await gateway.request("/")).echo().backend).toBe(reached);
  });
});
