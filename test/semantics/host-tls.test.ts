import { beforeAll, describe, expect, it } from "@jest/globals";
import { compile } from "../../compile/compile.ts";
import { manifestReader } from "../../compile/manifests.ts";
import type { Listener } from "../../ir/types.ts";
import { type Certificate, selfSigned } from "../support/certificates.ts";
import { goldenSettings } from "../support/golden.ts";
import { hostOf, listenerOf, secretOf, tlsContextOf } from "../support/manifests.ts";

// Typed in by hand from the specification (sections 1.4 and 4.6). Never generated.

type Spec = Readonly<Record<string, unknown>>;

let one: Certificate;
let two: Certificate;

beforeAll(async () => {
  [one, two] = await Promise.all([selfSigned({ hosts: ["one"] }), selfSigned({ hosts: ["two"] })]);
});

const hostBinding = { namespace: { from: "ALL" } };

function compiled(manifests: string): { listeners: readonly Listener[]; told: readonly string[] } {
  const pair = ({ certificatePem, keyPem }: Certificate) => ({ "tls.crt": certificatePem, "tls.key": keyPem });
  const text = secretOf("one", pair(one)) + secretOf("two", pair(two)) + manifests;
  const { resources } = manifestReader()(new Map([["test.yaml", { kind: "text", text }]]));
  const { ir, problems } = compile(resources, goldenSettings);
  return {
    listeners: ir.listeners,
    told: problems.map(({ severity, code, path }) => `${severity} ${code} ${path.join(".")}`),
  };
}

/** The Host is called `h`; contexts by name. */
interface Case {
  readonly why: string;
  readonly host: Spec;
  readonly contexts?: Readonly<Record<string, Spec>>;
  /** The certificate that is served, and the lowest version; undefined: no TLS. */
  readonly served: readonly [secret: string, minVersion: string | undefined] | undefined;
  readonly told?: readonly string[];
}

const NO_TLS = "warning NoHost spec";

const decisions: readonly Case[] = [
  { why: "no tlsSecret, no TLS", host: {}, served: undefined, told: [NO_TLS] },
  { why: "a tlsSecret is enough", host: { tlsSecret: { name: "one" } }, served: ["default/one", undefined] },
  {
    why: "tls alone does nothing",
    host: { tls: { min_tls_version: "v1.2" } },
    served: undefined,
    told: ["warning IgnoredField spec.tls", NO_TLS],
  },
  {
    why: "tlsContext alone does nothing",
    host: { tlsContext: { name: "c" } },
    contexts: { c: { secret: "one" } },
    served: undefined,
    told: ["warning IgnoredField spec.tlsContext", NO_TLS],
  },
  {
    why: "a named context's settings",
    host: { tlsSecret: { name: "one" }, tlsContext: { name: "c" } },
    contexts: { c: { min_tls_version: "v1.3" }, "h-context": { min_tls_version: "v1.1" } },
    served: ["default/one", "TLSv1_3"],
  },
  {
    why: "inline tls wins over a context named after the Host",
    host: { tlsSecret: { name: "one" }, tls: { min_tls_version: "v1.2" } },
    contexts: { "h-context": { min_tls_version: "v1.1" } },
    served: ["default/one", "TLSv1_2"],
  },
  {
    why: "a context named after the Host",
    host: { tlsSecret: { name: "one" } },
    contexts: { "h-context": { min_tls_version: "v1.1" } },
    served: ["default/one", "TLSv1_1"],
  },
  {
    why: "tls and tlsContext exclude each other",
    host: { tlsSecret: { name: "one" }, tls: {}, tlsContext: { name: "c" } },
    contexts: { c: {} },
    served: undefined,
    told: ["error InvalidField spec", NO_TLS],
  },
  {
    why: "the context may name the same Secret",
    host: { tlsSecret: { name: "one" }, tlsContext: { name: "c" } },
    contexts: { c: { secret: "one", min_tls_version: "v1.3" } },
    served: ["default/one", "TLSv1_3"],
  },
  {
    why: "and no other",
    host: { tlsSecret: { name: "one" }, tlsContext: { name: "c" } },
    contexts: { c: { secret: "two" } },
    served: undefined,
    told: ["error HostConflict spec.tlsContext", NO_TLS],
  },
  {
    why: "the context's hosts have the hostname",
    host: { tlsSecret: { name: "one" }, tlsContext: { name: "c" } },
    contexts: { c: { hosts: ["h.test"], min_tls_version: "v1.3" } },
    served: ["default/one", "TLSv1_3"],
  },
  {
    why: "or the Host's name, as it once was",
    host: { tlsSecret: { name: "one" }, tlsContext: { name: "c" } },
    contexts: { c: { hosts: ["h"], min_tls_version: "v1.3" } },
    served: ["default/one", "TLSv1_3"],
  },
  {
    why: "otherwise that is told, and it is used all the same",
    host: { tlsSecret: { name: "one" }, tlsContext: { name: "c" } },
    contexts: { c: { hosts: ["other.test"], min_tls_version: "v1.3" } },
    served: ["default/one", "TLSv1_3"],
    told: ["warning HostConflict spec.tlsContext"],
  },
  {
    why: "no such context",
    host: { tlsSecret: { name: "one" }, tlsContext: { name: "c" } },
    served: undefined,
    told: ["error TlsContextNotFound spec.tlsContext.name", NO_TLS],
  },
  {
    why: "a Secret of another namespace",
    host: { tlsSecret: { name: "one", namespace: "default" } },
    served: ["default/one", undefined],
  },
  {
    why: "no such Secret",
    host: { tlsSecret: { name: "one", namespace: "elsewhere" } },
    served: undefined,
    told: ["error SecretNotFound spec.tlsSecret", NO_TLS],
  },
];

describe("TLS of a Host", () => {
  it.each(decisions)("$why", ({ host, contexts = {}, served, told = [] }) => {
    const { listeners, told: found } = compiled(
      listenerOf("l", { port: 8443, protocol: "HTTPS", securityModel: "XFP", hostBinding }) +
        hostOf("h", { hostname: "h.test", ...host }) +
        Object.entries(contexts)
          .map(([name, spec]) => tlsContextOf(name, spec))
          .join(""),
    );
    const tls = listeners[0]?.chains[0]?.tls;
    expect(tls && [tls.certificateSecret, tls.parameters.minVersion]).toEqual(served);
    expect(found).toEqual(told);
  });
});

/** What a Listener is, in the order in which Envoy looks at a connection; or what is said of it. */
const stacks: readonly (readonly [spec: Spec, layers: string])[] = [
  [{ protocol: "HTTP" }, "HTTP"],
  [{ protocol: "HTTPS" }, "TLS HTTP"],
  [{ protocol: "HTTPPROXY" }, "PROXY HTTP"],
  // Emissary: TLS first, which no load balancer sends (its #4153).
  [{ protocol: "HTTPSPROXY" }, "PROXY TLS HTTP"],
  [{ protocolStack: ["HTTP", "TCP"] }, "HTTP"],
  [{ protocolStack: ["TLS", "HTTP", "TCP"] }, "TLS HTTP"],
  [{ protocolStack: ["PROXY", "TLS", "HTTP", "TCP"] }, "PROXY TLS HTTP"],
  [{ protocolStack: ["TLS", "PROXY", "HTTP", "TCP"] }, "PROXY TLS HTTP"],
  [{ protocolStack: ["TLS", "HTTP", "UDP"] }, "QUIC HTTP"],
  [{ protocol: "HTTP", protocolStack: ["TLS", "HTTP", "TCP"] }, "TLS HTTP, warning IgnoredField spec.protocol"],
  [{ protocolStack: ["HTTP", "TLS"] }, "error InvalidField spec.protocolStack"],
  [{ protocolStack: ["HTTP", "UDP"] }, "error InvalidField spec.protocolStack"],
  [{ protocolStack: ["PROXY", "TLS", "HTTP", "UDP"] }, "error InvalidField spec.protocolStack"],
  [{}, "error InvalidField spec"],
];

describe("the stack of a Listener", () => {
  it.each(stacks)("%j is %s", (spec, expected) => {
    const { listeners, told } = compiled(
      listenerOf("l", { port: 8443, securityModel: "XFP", hostBinding, ...spec }) +
        hostOf("h", { hostname: "h.test", tlsSecret: { name: "one" } }),
    );
    const layers = listeners.map(({ proxyProtocol, tlsInspector, quic, chains }) =>
      [
        ...(proxyProtocol ? ["PROXY"] : []),
        ...(quic ? ["QUIC"] : []),
        ...(tlsInspector ? ["TLS"] : []),
        ...(chains.length > 0 ? ["HTTP"] : []),
      ].join(" "),
    );
    expect([...layers, ...told].join(", ")).toBe(expected);
  });
});
