import type { ListenerSpec } from "../../crds/listener.ts";
import type { Problem } from "../../ir/problem.ts";
import type { Resource } from "../../ir/resource.ts";
import type { BuiltHost } from "./host.ts";
import { labelsMatch } from "./host.ts";

type Layer = "HTTP" | "PROXY" | "TLS" | "TCP" | "UDP";

const stacks: Readonly<Record<string, readonly Layer[]>> = {
  HTTP: ["HTTP", "TCP"],
  HTTPS: ["TLS", "HTTP", "TCP"],
  HTTPPROXY: ["PROXY", "HTTP", "TCP"],
  // A load balancer sends the PROXY header in the clear, before TLS; Emissary's order (TLS, PROXY) breaks behind one (#4153).
  HTTPSPROXY: ["PROXY", "TLS", "HTTP", "TCP"],
  TCP: ["TCP"],
  TLS: ["TLS", "TCP"],
};

/** Fields of Listener.spec that are read here and in the assembly. */
export const listenerFieldNames: ReadonlySet<string> = new Set([
  "ambassador_id",
  "port",
  "protocol",
  "protocolStack",
  "securityModel",
  "hostBinding",
  "l7Depth",
  "statsPrefix",
  "http2MaxConcurrentStreams",
]);

export interface BuiltListener {
  readonly resource: Resource<ListenerSpec>;
  readonly name: string;
  readonly port: number;
  /** undefined: where the gateway listens unless told otherwise. */
  readonly address: string | undefined;
  /** Answers HTTP; otherwise it is there for TCPMappings alone. */
  readonly http: boolean;
  readonly tls: boolean;
  /** HTTP/3, over UDP. */
  readonly quic: boolean;
  readonly proxyProtocol: boolean;
  readonly securityModel: ListenerSpec["securityModel"];
  readonly trustedHops: number;
  readonly statPrefix: string;
  readonly problems: readonly Problem[];
  readonly usable: boolean;
}

export function buildListener(resource: Resource<ListenerSpec>): BuiltListener {
  const { spec } = resource;
  const problems: Problem[] = [];
  const refuse = (path: readonly string[], message: string, advice: string) =>
    problems.push({
      code: "InvalidField",
      severity: "error",
      object: resource,
      path: ["spec", ...path],
      message,
      advice,
    });
  if (spec.protocol !== undefined && spec.protocolStack !== undefined) {
    problems.push({
      code: "IgnoredField",
      severity: "warning",
      object: resource,
      path: ["spec", "protocol"],
      message: "protocol and protocolStack are both set; protocolStack is used",
      advice: "leave one of them out",
    });
  }
  const stack = spec.protocolStack ?? (spec.protocol === undefined ? undefined : stacks[spec.protocol]);
  if (stack === undefined) {
    if (spec.protocol === undefined)
      refuse(["protocol"], "neither protocol nor protocolStack is set", "write protocol: HTTP or protocol: HTTPS");
    else notYet(resource, problems, ["protocol"], `${spec.protocol} is known and not yet served`);
  } else if (stack.includes("HTTP") && stack.includes("UDP")) {
    if (!stack.includes("TLS") || stack.includes("PROXY") || stack.at(-1) !== "UDP") {
      refuse(
        ["protocolStack"],
        `${stack.join(", ")} cannot be served: HTTP over UDP is HTTP/3, which has TLS and no PROXY header`,
        "write protocolStack: [TLS, HTTP, UDP]",
      );
    }
  } else if (stack.includes("UDP")) {
    notYet(resource, problems, ["protocolStack"], `${stack.join(", ")} is known and not yet served`);
  } else if (stack.at(-1) !== "TCP") {
    refuse(
      ["protocolStack"],
      `${stack.join(", ")} does not end in a transport`,
      "write the layers from the outside in, with TCP last",
    );
  }
  const { from } = spec.hostBinding.namespace ?? {};
  if (from === undefined && spec.hostBinding.selector === undefined) {
    refuse(
      ["hostBinding"],
      "names neither a namespace nor a selector, so that no Host is taken",
      "write hostBinding: {namespace: {from: ALL}}",
    );
  }
  const tls = stack?.includes("TLS") ?? false;
  const http = stack?.includes("HTTP") ?? false;
  const quic = stack?.at(-1) === "UDP";
  return {
    resource,
    name: `${resource.namespace}/${resource.name}`,
    port: spec.port,
    address: undefined,
    http,
    tls,
    quic,
    proxyProtocol: stack?.includes("PROXY") ?? false,
    securityModel: spec.securityModel,
    trustedHops: Math.max(0, spec.l7Depth ?? 0),
    // As in Emissary an empty one is none, and Envoy refuses a listener with it.
    statPrefix: spec.statsPrefix || defaultStatPrefix(spec.port, http, tls),
    problems,
    usable: !problems.some(({ severity }) => severity === "error"),
  };
}

/** Source: Emissary `irlistener.py`. */
function defaultStatPrefix(port: number, http: boolean, tls: boolean): string {
  if (http) return tls ? "ingress_https" : "ingress_http";
  return `ingress_${tls ? "tls" : "tcp"}_${port}`;
}

function notYet(resource: Resource<ListenerSpec>, problems: Problem[], path: readonly string[], message: string): void {
  problems.push({
    code: "NotYetSupported",
    severity: "error",
    object: resource,
    path: ["spec", ...path],
    message,
    advice: "use HTTP, HTTPS, HTTPPROXY, HTTPSPROXY, TCP or TLS; this Listener is not opened",
  });
}

/** Whether the Listener's hostBinding takes the Host. The Host that stands in for none is taken by every Listener. */
export function takesHost(listener: BuiltListener, host: BuiltHost, loose = false): boolean {
  if (host.resource === undefined) return true;
  const { namespace, selector } = listener.resource.spec.hostBinding;
  if (namespace?.from === "SELF" && host.resource.namespace !== listener.resource.namespace) return false;
  return labelsMatch(selector ?? {}, host.resource.labels, loose);
}
